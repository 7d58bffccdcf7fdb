"""One row of the suite: what takes it, what it needs, and how it fails without the others."""

import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Never

from conformance.performance.figures import Outcome
from conformance.performance.tools import get_tool
from conformance.performance.workplace import Workplace

_LETTERS = "PAC"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What takes a row, the programs it needs (words), and how long it may last."""

    measure: Callable[[Workplace], Outcome]
    needs: str = ""
    seconds_max: int = 300

    @property
    def title(self) -> str:
        """Return the first line of what the function says of itself."""
        said = (self.measure.__doc__ or "").strip().split("\n", 1)[0]
        return said.partition(": ")[2] or said


def row_order(name: str) -> tuple[int, int]:
    """Return where a row stands: P1 ... P13, then A, then C."""
    return _LETTERS.index(name[0]), int(name[1:])


def take(name: str, measurement: Measurement, place: Workplace) -> Outcome:
    """Return a row's outcome; one that says why where it could not be taken."""
    try:
        for tool in measurement.needs.split():
            get_tool(tool)
        with _ending_after(measurement.seconds_max):
            return measurement.measure(place)
    except Exception as failure:  # noqa: BLE001 - one row's failure is not the others'
        traceback.print_exception(failure, file=sys.stderr)
        lines = str(failure).strip().splitlines() or [""]
        return Outcome(name, measurement.title, (), (), error=_sentence(failure, lines[0]))


def _sentence(failure: Exception, line: str) -> str:
    return line if isinstance(failure, FileNotFoundError) else f"{type(failure).__name__}: {line}"


@contextmanager
def _ending_after(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the block when it lasts longer; its processes end on the way."""

    def give_up(_number: int, _frame: FrameType | None) -> Never:
        raise TimeoutError(f"not done in {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
