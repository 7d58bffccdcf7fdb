"""How fast an origin wants to be asked that said 503 SlowDown, learnt by prefix and in all (pure).

Nothing is paced until a question is refused. From then on those of its prefix are spaced, at half
the rate that was asked: a refusal halves it, every second without one raises it by a tenth
(additive-increase, multiplicative-decrease as TCP does it), and what was quiet for a minute is free
again. S3 scales by prefix, so one that is hot must not slow the others; where several prefixes are
refused within a second it is the origin that is asked too much, and all questions are spaced.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import inf
from typing import Final

PREFIXES_MAX: Final = 1024
FIRST_RATE: Final = 100.0
"""Questions a second after the first refusal, at least."""
RATE_MIN: Final = 1.0
FORGOTTEN_SECONDS: Final = 60.0
ORIGIN_PREFIXES: Final = 3
"""So many prefixes that are refused within a second speak for the origin."""
_ORIGIN: Final = ""
_LESS: Final = 0.5
_MORE_PER_SECOND: Final = 0.1
_LESS_SECONDS: Final = 1.0
"""Refusals within a second are one: they answer questions that were asked at one rate."""


@dataclass(slots=True)
class _Lane:
    rate: float
    refused_at: float
    grown_at: float
    next_at: float

    def place(self, now: float) -> float:
        """Return when the next question may be asked; the rate has grown meanwhile."""
        self.rate *= (1 + _MORE_PER_SECOND) ** (now - self.grown_at)
        self.grown_at = now
        return max(self.next_at, now)


class Pacing:
    """What was refused, each with its rate; the caller tells the time, in seconds."""

    def __init__(self) -> None:
        """Begin with nothing paced."""
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._second = 0
        self._asked = 0
        self._asked_before = 0

    def __len__(self) -> int:
        """Return how many prefixes are paced, the origin itself being one."""
        return len(self._lanes)

    def note_asked(self, now: float) -> None:
        """Count a question: the rate at which the origin was asked when it refused one."""
        second = int(now)
        if second != self._second:
            self._asked_before = self._asked if second == self._second + 1 else 0
            self._second, self._asked = second, 0
        self._asked += 1

    def reserve(self, prefix: str, now: float, seconds_max: float = inf) -> float | None:
        """Take a place in the rows of the prefix and of the origin; return how far ahead it is.

        None where that would be more than `seconds_max`: then no place is taken, so that those who
        could not wait hold up nobody.
        """
        lanes = [
            lane for lane in map(self._find, (prefix, _ORIGIN), (now, now)) if lane is not None
        ]
        place = max((lane.place(now) for lane in lanes), default=now)
        if place - now > seconds_max:
            return None
        for lane in lanes:
            lane.next_at = place + 1 / lane.rate
        return place - now

    def refused(self, prefix: str, now: float) -> None:
        """Note that the origin said to slow down."""
        self._slow(prefix, now)
        lately = sum(now - lane.refused_at < _LESS_SECONDS for lane in self._lanes.values())
        if lately > ORIGIN_PREFIXES or (lately == ORIGIN_PREFIXES and _ORIGIN not in self._lanes):
            self._slow(_ORIGIN, now)

    def _find(self, prefix: str, now: float) -> _Lane | None:
        lane = self._lanes.get(prefix)
        if lane is not None and now - lane.refused_at > FORGOTTEN_SECONDS:
            del self._lanes[prefix]
            return None
        return lane

    def _slow(self, prefix: str, now: float) -> None:
        lane = self._lanes.get(prefix)
        if lane is None:
            if len(self._lanes) >= PREFIXES_MAX:
                self._lanes.popitem(last=False)
            rate = max(FIRST_RATE, _LESS * max(self._asked, self._asked_before))
            self._lanes[prefix] = _Lane(rate, now, now, now + 1 / rate)
        elif now - lane.refused_at > _LESS_SECONDS:
            lane.rate = max(lane.rate * _LESS, RATE_MIN)
            lane.refused_at = now
            self._lanes.move_to_end(prefix)
