"""What leaves the flash: FIFO over segments, with the touched chunks carried over (pure).

This is CLOCK with a small count, as in SIEVE and S3-FIFO: a chunk touched since it came in, or
since it was carried last, gets another round; its heat falls by one each time. At most half a
segment is carried per segment gained, so making room always makes room.
"""

from collections.abc import Sequence
from dataclasses import dataclass

CARRIED_SHARE_MAX = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk in a segment that is about to be removed."""

    length: int
    heat: int


def carry_bytes_max(segment_bytes: int) -> int:
    """Return how much may be carried into a new segment of `segment_bytes`."""
    return int(segment_bytes * CARRIED_SHARE_MAX)


def choose_carried(candidates: Sequence[Candidate], bytes_max: int) -> list[int]:
    """Return the places of the candidates to carry, ascending, so that neighbours stay neighbours.

    The hottest come first; among equals the later ones, which lie nearer to what is read now.
    """
    order = sorted(
        (place for place, candidate in enumerate(candidates) if candidate.heat > 0),
        key=lambda place: (candidates[place].heat, place),
        reverse=True,
    )
    chosen, taken = [], 0
    for place in order:
        if taken + candidates[place].length <= bytes_max:
            chosen.append(place)
            taken += candidates[place].length
    return sorted(chosen)
