"""Counters, gauges and histograms over slots: declared once, cheap to use.

An increment reads and writes its slot without a lock. That is safe between threads too: CPython
(3.11 to 3.13) switches threads at calls and backward jumps, of which there are none in between.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Generic, Literal, TypeVar

from gateway.telemetry.slots import Series, Slots

Kind = Literal["counter", "gauge", "histogram"]
SECONDS_BOUNDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)


class Counter:
    """A number that only grows."""

    __slots__ = ("_index", "_slots")

    def __init__(self, slots: Slots, metric: str, labels: tuple[tuple[str, str], ...]) -> None:
        """Take a slot for the series."""
        self._slots = slots
        self._index = slots.index_of(Series(metric, labels))

    def inc(self, amount: float = 1) -> None:
        """Add to it."""
        self._slots.values[self._index] += amount

    @property
    def value(self) -> float:
        """Return what this process counted."""
        return self._slots.values[self._index]


class Gauge(Counter):
    """A number that goes up and down; summed over the workers that live."""

    __slots__ = ()

    def dec(self, amount: float = 1) -> None:
        """Subtract from it."""
        self.inc(-amount)

    def set(self, value: float) -> None:
        """Replace it."""
        self._slots.values[self._index] = value


class Histogram:
    """How many observations fell under each bound, and their sum."""

    __slots__ = ("_first", "_slots", "_sum")

    def __init__(self, slots: Slots, metric: str, labels: tuple[tuple[str, str], ...]) -> None:
        """Take a slot for each bucket, one beyond them all, and one for the sum."""
        self._slots = slots
        parts = [*(f"{bound:g}" for bound in SECONDS_BOUNDS), "+Inf", "sum"]
        indexes = [slots.index_of(Series(metric, labels, part)) for part in parts]
        self._first, self._sum = indexes[: len(SECONDS_BOUNDS) + 1], indexes[-1]

    def observe(self, seconds: float) -> None:
        """Count one observation; buckets become cumulative when they are shown."""
        values = self._slots.values
        values[self._first[bisect_left(SECONDS_BOUNDS, seconds)]] += 1
        values[self._sum] += seconds

    @property
    def count(self) -> float:
        """Return how many this process observed."""
        return sum(self._slots.values[index] for index in self._first)


Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class Labelled(Generic[Instrument]):
    """A metric with labels; keep the child where the labels are known beforehand."""

    __slots__ = ("_children", "_kind", "_label_names", "_metric", "_slots")

    def __init__(
        self, kind: type[Instrument], slots: Slots, metric: str, label_names: Sequence[str]
    ) -> None:
        """Take no slot yet: that happens when labels are first seen."""
        self._kind: type[Instrument] = kind
        self._slots = slots
        self._metric = metric
        self._label_names = tuple(label_names)
        self._children: dict[tuple[tuple[str, str], ...], Instrument] = {}

    def labels(self, **labels: str) -> Instrument:
        """Return the instrument for these labels, all of them, in the order declared."""
        key = tuple(labels.items())
        child = self._children.get(key)
        if child is None:
            if tuple(labels) != self._label_names:
                raise ValueError(f"{self._metric} has the labels {self._label_names}, in order")
            child = self._children[key] = self._kind(self._slots, self._metric, key)
        return child
