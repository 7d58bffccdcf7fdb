"""How much may be asked again: repetitions and hedges as a share of all questions (pure).

A repetition that every failure gets doubles the load of an origin that is failing because of load.
A budget grants a fixed share instead (Google SRE Book, *Handling Overload*: a retry budget of 10 %
per client), with a small reserve so that a quiet gateway is not refused its first one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """Of all questions at most this share, besides a reserve that refills slowly."""

    of_all: float
    reserve_max: float
    refill_per_second: float


REPETITIONS = Share(of_all=0.10, reserve_max=10.0, refill_per_second=5.0)
HEDGES = Share(of_all=0.05, reserve_max=2.0, refill_per_second=0.0)


class Budget:
    """Counts what may still be spent; the caller tells the time, in seconds."""

    __slots__ = ("_at", "_left", "_share")

    def __init__(self, share: Share, now: float) -> None:
        """Begin with the reserve."""
        self._share = share
        self._left = share.reserve_max
        self._at = now

    def earn(self) -> None:
        """Note a question; what is saved up is bounded by ten seconds' worth of questions."""
        share = self._share
        self._left = min(self._left + share.of_all, max(share.reserve_max, _SAVED_MAX))

    def spend(self, now: float) -> bool:
        """Return whether one more may be asked, and count it."""
        share = self._share
        if self._left < share.reserve_max:
            earned = (now - self._at) * share.refill_per_second
            self._left = min(self._left + earned, share.reserve_max)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


_SAVED_MAX = 100.0
