"""How fast an origin wants to be asked that said 503 SlowDown, learnt for each prefix (pure).

Nothing is paced until a prefix is refused. From then on its questions are spaced: a refusal halves
the rate, every second without one raises it by a tenth (additive-increase, multiplicative-decrease
as TCP does it), and a prefix that was quiet for a minute is free again. S3 scales by prefix, so one
that is hot must not slow the others.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

PREFIXES_MAX: Final = 1024
FIRST_RATE: Final = 100.0
"""Questions a second after the first refusal, when nothing is known yet."""
RATE_MIN: Final = 1.0
FORGOTTEN_SECONDS: Final = 60.0
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


class Pacing:
    """The prefixes that were refused, each with its rate; the caller tells the time, in seconds."""

    def __init__(self) -> None:
        """Begin with no prefix paced."""
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()

    def __len__(self) -> int:
        """Return how many prefixes are paced."""
        return len(self._lanes)

    def reserve(self, prefix: str, now: float) -> float:
        """Take a place in the prefix's row, and return how many seconds ahead it is."""
        lane = self._lanes.get(prefix)
        if lane is None:
            return 0.0
        if now - lane.refused_at > FORGOTTEN_SECONDS:
            del self._lanes[prefix]
            return 0.0
        lane.rate *= (1 + _MORE_PER_SECOND) ** (now - lane.grown_at)
        lane.grown_at = now
        place = max(lane.next_at, now)
        lane.next_at = place + 1 / lane.rate
        return place - now

    def refused(self, prefix: str, now: float) -> None:
        """Note that the origin said to slow down."""
        lane = self._lanes.get(prefix)
        if lane is None:
            if len(self._lanes) >= PREFIXES_MAX:
                self._lanes.popitem(last=False)
            self._lanes[prefix] = _Lane(FIRST_RATE, now, now, now + 1 / FIRST_RATE)
        elif now - lane.refused_at > _LESS_SECONDS:
            lane.rate = max(lane.rate * _LESS, RATE_MIN)
            lane.refused_at = now
            self._lanes.move_to_end(prefix)
