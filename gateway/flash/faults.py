"""Faults at named points: a test seam, inert unless a test asks for it.

Tests pass their own `Faults`; real processes read the file named by the environment variable
FOREBAY_TEST_FLASH_FAULT_FILE, looked at again at most every 100 ms. Each of its lines is
`point=ENOSPC` (any errno name), `point=kill:3` (SIGKILL to this process the third time) or
`point=slow:0.5` (wait that many seconds). The points are those of `POINTS`.
"""

import errno
import os
import signal
import time
from pathlib import Path
from typing import Final

VARIABLE: Final = "FOREBAY_TEST_FLASH_FAULT_FILE"
POINTS: Final = (
    "segment.create",
    "segment.write",
    "segment.read",
    "segment.seal",
    "record.append",
    "record.appended",
    "index.commit",
    "index.committed",
    "evict.carried",
    "evict.forgotten",
    "evict.unlinked",
    "rebuild.step",
)
_LOOK_SECONDS: Final = 0.1


class Faults:
    """What goes wrong, by point."""

    def __init__(self, faults: dict[str, str] | None = None) -> None:
        """Begin with these faults; tests change `faults` as they go."""
        self.faults: dict[str, str] = dict(faults or {})
        self._passed: dict[str, int] = {}

    def at(self, point: str) -> None:
        """Do what the test asked for at this point; raises OSError."""
        fault = self.faults.get(point)
        if fault is not None:
            self._passed[point] = self._passed.get(point, 0) + 1
            _happen(fault, point, self._passed[point])


class FileFaults(Faults):
    """Faults read from a file, which may appear, change and vanish at any time."""

    def __init__(self, path: str) -> None:
        """Watch `path`."""
        super().__init__()
        self._path = Path(path)
        self._looked = float("-inf")
        self._stamp: tuple[int, int] | None = None

    def at(self, point: str) -> None:
        """Look at the file if that is due, then do what it says."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._read()
        super().at(point)

    def _read(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            with self._path.open(encoding="utf-8") as file:
                lines = [line.strip().partition("=") for line in file]
        except FileNotFoundError:
            self._stamp, self.faults = None, {}
            return
        self._stamp = stamp
        self.faults = {point: fault for point, _, fault in lines if point}


def faults_from_environment() -> Faults:
    """Return the faults that the environment asks for: none, outside of tests."""
    path = os.environ.get(VARIABLE)
    return FileFaults(path) if path else Faults()


def _happen(fault: str, point: str, times: int) -> None:
    kind, _, argument = fault.partition(":")
    if kind == "kill":
        if times >= int(argument or 1):
            os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "slow":
        time.sleep(float(argument))
    else:
        code = getattr(errno, kind)
        raise OSError(code, f"{os.strerror(code)} (injected at {point})")
