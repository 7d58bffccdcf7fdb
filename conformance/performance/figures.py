"""Figures: samples taken in turns, their medians, and ratios held against bars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from conformance.performance.machine import load_average


@dataclass(frozen=True, slots=True)
class Samples:
    """All repetitions of one subject's figure."""

    subject: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the middle one."""
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that has an aim: `value` must be at least, or at most, `limit`."""

    what: str
    value: float
    limit: float | None = None
    is_ceiling: bool = False

    @property
    def holds(self) -> bool | None:
        """Return whether the aim is met; None where there is none."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.is_ceiling else self.value >= self.limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one measurement found, or why it could not be taken (`error`)."""

    id: str
    title: str
    samples: tuple[Samples, ...]
    bars: tuple[Bar, ...]
    notes: tuple[str, ...] = ()
    error: str = ""
    load_average: float = field(default_factory=load_average)


def in_turns(
    repetitions: int,
    unit: str,
    trials: Mapping[str, Callable[[], float]],
    leave_out: Mapping[str, Callable[[Exception], None]] | None = None,
) -> dict[str, Samples]:
    """Run all trials once, then again: what disturbs the machine for a while disturbs them all.

    A subject of `leave_out` that fails is told there and has no samples; any other's failure is
    raised.
    """
    values: dict[str, list[float]] = {subject: [] for subject in trials}
    for _ in range(repetitions):
        for subject in list(values):
            try:
                values[subject].append(trials[subject]())
            except (OSError, RuntimeError) as failure:
                if leave_out is None or subject not in leave_out:
                    raise
                leave_out[subject](failure)
                del values[subject]
    return {subject: Samples(subject, unit, tuple(found)) for subject, found in values.items()}


def ratio_of(samples: Mapping[str, Samples], over: str, under: str) -> float:
    """Return the median of the ratios within each turn: both halves met the same disturbance."""
    pairs = zip(samples[over].values, samples[under].values, strict=True)
    return median(above / below for above, below in pairs)
