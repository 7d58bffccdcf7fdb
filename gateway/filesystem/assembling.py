"""A body put together from what lies at the origin and from new bytes: which parts make it (pure).

An upload's part is copied at the origin without its bytes travelling, if it is of one object and,
unless it is the last, at least PART_BYTES_MIN long. What is shorter, or new, is sent; and where
what must be sent is itself too short for a part, it borrows bytes from the ends of its neighbours.
The plan lets as few bytes of objects travel as can be.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from gateway.model.failures import InvalidRequest

PART_BYTES_MIN: Final = 5 * 1024**2
PART_BYTES_MAX: Final = 5 * 1024**3
PARTS_MAX: Final = 10_000
SENT_PART_BYTES: Final = 16 * 1024**2
"""How long a part of sent bytes is where nothing says otherwise."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the body: bytes `start` to `stop` of an object, or of the new bytes."""

    source: int | None
    """Which object; None: the new bytes."""
    start: int
    stop: int
    size: int = 0
    """Of the whole object."""

    @property
    def length(self) -> int:
        """Return how many bytes it has."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part: copied from one object, or sent as the bytes of its segments, in order."""

    segments: tuple[Segment, ...]
    is_copied: bool

    @property
    def length(self) -> int:
        """Return how many bytes it has."""
        return sum(segment.length for segment in self.segments)


class _Copy(NamedTuple):
    """A stretch that is copied, and those before it."""

    before: "_Copy | None"
    number: int
    """Of its segment."""
    start: int
    stop: int


class _Way(NamedTuple):
    """One way to have made the segments so far."""

    cost_bytes: int
    """Bytes of objects that travel."""
    pending: int
    """Bytes to be sent since the last copy; more than the least part's do not count."""
    spare: int
    """Bytes that the last copy can lend from its end and stay long enough."""
    copies: _Copy | None


def plan_parts(
    segments: Iterable[Segment], *, part_bytes_min: int = PART_BYTES_MIN
) -> list[PlannedPart]:
    """Return the parts whose bytes are those of the segments in order; [] for an empty body.

    Raises InvalidRequest (EntityTooLarge) for more than the parts of an upload can hold.
    """
    joined = _joined(segments)
    is_possible = sum(segment.length for segment in joined) <= PARTS_MAX * PART_BYTES_MAX
    least = part_bytes_min
    while is_possible and least <= PART_BYTES_MAX:
        # Each part but the last is at least so long, so that a longer least makes them fewer.
        parts = _parts(joined, _cheapest(joined, least, part_bytes_min), least)
        if len(parts) <= PARTS_MAX:
            return parts
        least *= 2
    raise InvalidRequest("No object can be that large.", code="EntityTooLarge")


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments without empty ones, neighbours of one object put together."""
    joined: list[Segment] = []
    for segment in segments:
        if not segment.length:
            continue
        last = joined[-1] if joined else None
        if last is not None and (last.source, last.stop) == (segment.source, segment.start):
            joined[-1] = replace(last, stop=segment.stop)
        else:
            joined.append(segment)
    return joined


def _cheapest(segments: Sequence[Segment], least: int, part_bytes_min: int) -> list[_Copy]:
    """Return what to copy, in order, so that the fewest bytes of objects travel."""
    ways = [_Way(0, 0, 0, None)]
    for number, segment in enumerate(segments):
        is_last = number == len(segments) - 1
        following = []
        for way in ways:
            following.append(_sent(way, segment, least))
            copied = _copied(way, number, segment, least)
            if copied is not None and (
                copied.spare >= 0 or (is_last and _may_end(copied, segment, part_bytes_min))
            ):
                following.append(copied)
        ways = _worthwhile(following)
    chosen = min(ways, key=lambda way: way.cost_bytes).copies
    copies = []
    while chosen is not None:
        copies.append(chosen)
        chosen = chosen.before
    return copies[::-1]


def _sent(way: _Way, segment: Segment, least: int) -> _Way:
    """Return the way on which the segment's bytes are sent."""
    cost_bytes = way.cost_bytes + (0 if segment.source is None else segment.length)
    pending = min(least, way.pending + segment.length)
    # What is long enough borrows nothing, and ways that do not differ any more become one.
    return way._replace(
        cost_bytes=cost_bytes, pending=pending, spare=0 if pending == least else way.spare
    )


def _copied(way: _Way, number: int, segment: Segment, least: int) -> _Way | None:
    """Return the way on which it is copied, but for what it lends; None: it cannot be.

    `spare` is negative where what is left of it is shorter than a part.
    """
    if segment.source is None:
        return None
    wanting = least - way.pending if 0 < way.pending < least else 0
    from_before = min(wanting, way.spare)
    from_here = wanting - from_before
    if from_here >= segment.length:
        return None
    before = way.copies
    if from_before and before is not None:
        before = before._replace(stop=before.stop - from_before)
    copy = _Copy(before, number, segment.start + from_here, segment.stop)
    return _Way(way.cost_bytes + wanting, 0, copy.stop - copy.start - least, copy)


def _may_end(way: _Way, segment: Segment, part_bytes_min: int) -> bool:
    """Return whether a last part may be such a copy, however short.

    S3 copies no range of an object that is itself shorter than a part.
    """
    copy = way.copies
    is_whole = copy is not None and copy.stop - copy.start == segment.size
    return is_whole or segment.size > part_bytes_min


def _worthwhile(ways: Iterable[_Way]) -> list[_Way]:
    """Return the ways than which none is cheaper with as much to lend."""
    kept: list[_Way] = []
    for way in sorted(ways, key=lambda way: (way.pending, way.cost_bytes, -way.spare)):
        last = kept[-1] if kept else None
        if last is None or last.pending != way.pending or way.spare > last.spare:
            kept.append(way)
    return kept


def _parts(segments: Sequence[Segment], copies: Sequence[_Copy], least: int) -> list[PlannedPart]:
    """Return the copies as parts, and parts of what is between them."""
    parts: list[PlannedPart] = []
    run: list[Segment] = []
    left = list(copies[::-1])
    for number, segment in enumerate(segments):
        if not left or left[-1].number != number:
            run.append(segment)
            continue
        copy = left.pop()
        run.append(replace(segment, stop=copy.start))
        parts += _split(run, least)
        run = [replace(segment, start=copy.stop)]
        whole = [replace(segment, start=copy.start, stop=copy.stop)]
        count = -(-whole[0].length // PART_BYTES_MAX)
        parts += [PlannedPart(part, is_copied=True) for part in _cut(whole, count)]
    return parts + _split(run, least)


def _split(run: Sequence[Segment], least: int) -> list[PlannedPart]:
    """Return the parts that the bytes of a run are sent in."""
    length = sum(segment.length for segment in run)
    if not length:
        return []
    wished = min(length // max(least, SENT_PART_BYTES), PARTS_MAX // 2)
    count = max(1, wished, -(-length // PART_BYTES_MAX))
    return [PlannedPart(part, is_copied=False) for part in _cut(run, count)]


def _cut(run: Sequence[Segment], count: int) -> list[tuple[Segment, ...]]:
    """Return a run as `count` runs that are as long as each other, but for a byte."""
    length = sum(segment.length for segment in run)
    cut: list[tuple[Segment, ...]] = []
    left = list(run[::-1])
    for number in range(count):
        wanted = length * (number + 1) // count - length * number // count
        piece = []
        while wanted:
            segment = left.pop()
            taken = min(wanted, segment.length)
            piece.append(replace(segment, stop=segment.start + taken))
            if taken < segment.length:
                left.append(replace(segment, start=segment.start + taken))
            wanted -= taken
        cut.append(tuple(piece))
    return cut
