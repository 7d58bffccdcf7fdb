"""What leaves the flash, and what of it is carried over (pure).

This is S3-FIFO on a log: whole segments leave, oldest first, from one of two streams. Chunks come
in with the stream *new*, which is given a tenth of the flash; when its oldest segment leaves, the
chunks that were read meanwhile move to the stream *kept*, and the rest is gone, remembered as a
ghost for a while: what is asked for again soon comes in as *kept*. Where *new* is within its tenth,
the oldest of *kept* leaves, and what was read since it came there gets another round, its heat
falling by one each time. So a scan passes through a tenth of the flash and moves nothing.

Groups (`keeping.py`) have segments of their own, which leave like *kept* ones unless their terms
say otherwise. `docs/decisions/0013-eviction.md` has the figures that chose this.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.flash.purposes import COMMON, KEPT, Label, Purpose, Stream

CARRIED_SHARE_MAX: Final = 0.9
"""Of a segment, per segment that comes: making room must always make room."""
_KEPT_FREE_MIN: Final = 0.75
"""A segment for what is kept is done when less of it is free: what is hot must find its place, and
a segment that is done early takes no more than it holds."""
_KEPT_AGAIN_FREE_MIN: Final = 0.25
_KEPT_MADE_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """How the common pool is divided; the gateway's is `TWO_STREAMS`, others are for comparing."""

    new_share: float
    """What the stream *new* is given of it; 1.0 is one stream for all, a clock over segments."""

    @property
    def has_two_streams(self) -> bool:
        """Return whether what proved itself lies apart."""
        return self.new_share < 1.0


TWO_STREAMS: Final = Policy(0.1)
CLOCK: Final = Policy(1.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a group is kept; see the settings of rules."""

    group: bytes = COMMON
    bytes_max: int | None = None
    hold_ns: int = 0
    ttl_ns: int = 0
    is_pinned: bool = False


COMMON_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Standing:
    """A segment that is there."""

    segment: int
    occupied_bytes: int
    label: Label


@dataclass(frozen=True, slots=True)
class Asking:
    """For whom room is made, and how much."""

    terms: Terms = COMMON_TERMS
    coming_bytes: int = 0


NOBODY: Final = Asking()


def next_to_leave(
    standing: Sequence[Standing],
    asking: Asking,
    groups: Mapping[bytes, Terms],
    now_ns: int,
    policy: Policy = TWO_STREAMS,
) -> Standing | None:
    """Return which segment leaves next, of those `standing`, oldest first; None if none may."""
    expired = find_expired(standing, groups, now_ns)
    if expired is not None:
        return expired
    may_leave = [one for one in standing if _may_leave(one, asking, groups, now_ns)]
    if is_share_full(standing, asking, groups):
        return _oldest(one for one in may_leave if _group(one) == asking.terms.group)
    new = [one for one in may_leave if _is_new(one)]
    others = [one for one in may_leave if not _is_new(one)]
    new_bytes = sum(one.occupied_bytes for one in standing if _is_new(one))
    all_bytes = sum(one.occupied_bytes for one in standing)
    is_new_due = policy.new_share == 1.0 or new_bytes > policy.new_share * all_bytes
    return _oldest(new if new and (is_new_due or not others) else others)


def find_expired(
    standing: Sequence[Standing], groups: Mapping[bytes, Terms], now_ns: int
) -> Standing | None:
    """Return a segment in which something may be older than its group's `ttl`."""
    for one in standing:
        terms = groups.get(_group(one))
        if terms is not None and terms.ttl_ns and one.label.begun_ns + terms.ttl_ns <= now_ns:
            return one
    return None


def is_share_full(
    standing: Sequence[Standing], asking: Asking, groups: Mapping[bytes, Terms]
) -> bool:
    """Return whether what comes would exceed the share of its group; all that is pinned has one."""
    terms = asking.terms
    if terms.bytes_max is None:
        return False
    sharing = {terms.group}
    if terms.is_pinned:
        sharing |= {group for group, other in groups.items() if other.is_pinned}
    held = sum(one.occupied_bytes for one in standing if _group(one) in sharing)
    return held + asking.coming_bytes > terms.bytes_max


def _may_leave(one: Standing, asking: Asking, groups: Mapping[bytes, Terms], now_ns: int) -> bool:
    terms = groups.get(_group(one))
    if terms is None:
        return True
    if terms.is_pinned:
        return False
    if now_ns >= one.label.begun_ns + terms.hold_ns:
        return True
    # What is held gives way to others, unless it has a share of its own; never to its like.
    return terms.bytes_max is None and asking.terms.group != terms.group


def _group(one: Standing) -> bytes:
    return one.label.purpose.group


def _is_new(one: Standing) -> bool:
    return one.label.purpose.stream is Stream.NEW


def _oldest(found: Iterable[Standing]) -> Standing | None:
    return next(iter(found), None)


def destination(label: Label, groups: Mapping[bytes, Terms]) -> Purpose | None:
    """Return to which kind of segment what is hot in a segment that leaves is carried."""
    terms = groups.get(label.purpose.group)
    if terms is None:
        return KEPT
    # Carried chunks would begin to age anew.
    return None if terms.ttl_ns else Purpose(Stream.KEPT, terms.group)


def is_kept_wanted(
    occupied_bytes: int, rest_bytes_max: int, kept_free_bytes: int, segment_bytes: int, made: int
) -> bool:
    """Return whether a segment for what is kept is to come first, since eviction is near.

    At rest segments occupy `rest_bytes_max` at most; `kept_free_bytes` are left in this process's,
    and `made` were made for this purpose already: where much is hot one does not take it all.
    """
    free_min = segment_bytes * (_KEPT_AGAIN_FREE_MIN if made else _KEPT_FREE_MIN)
    is_near = occupied_bytes > rest_bytes_max
    return is_near and made < _KEPT_MADE_MAX and kept_free_bytes < free_min


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


def heat_after_carrying(heat: int, stream: Stream, policy: Policy = TWO_STREAMS) -> int:
    """Return how hot a chunk is once it was carried out of a segment of that stream."""
    is_promoted = policy.has_two_streams and stream is Stream.NEW
    return 0 if is_promoted else max(heat - 1, 0)
