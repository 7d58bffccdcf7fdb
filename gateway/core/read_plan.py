"""Byte range x extents -> steps: what comes from flash, what from the origin (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.flash.rows import Extent
from gateway.model.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class FromFlash:
    """Send `length` bytes of `extent` from `skip` on: chunk `number` of the body."""

    number: int
    extent: Extent
    skip: int
    length: int


@dataclass(frozen=True, slots=True)
class FromOrigin:
    """These bytes of the body are not on flash."""

    wanted: ByteRange


Step = FromFlash | FromOrigin


def plan_read(wanted: ByteRange, held: Mapping[int, Extent], chunk_bytes: int) -> list[Step]:
    """Return the steps that give exactly `wanted`, in order; adjacent gaps are one step."""
    steps: list[Step] = []
    for number in wanted.chunks(chunk_bytes):
        base = number * chunk_bytes
        start, stop = max(wanted.start, base), min(wanted.stop, base + chunk_bytes)
        extent = held.get(number)
        if extent is not None and extent.body_bytes >= stop - base:
            steps.append(FromFlash(number, extent, start - base, stop - start))
            continue
        last = steps[-1] if steps else None
        if isinstance(last, FromOrigin):
            steps[-1] = FromOrigin(ByteRange(last.wanted.start, stop))
        else:
            steps.append(FromOrigin(ByteRange(start, stop)))
    return steps


def stretches(steps: Iterable[Step], bytes_max: int) -> Iterator[list[FromFlash]]:
    """Yield the steps before the first gap, those in one that lie end to end in one segment.

    A stretch of several steps has at most `bytes_max` bytes.
    """
    stretch: list[FromFlash] = []
    length = 0
    for step in steps:
        if not isinstance(step, FromFlash):
            break
        if stretch and (length + step.length > bytes_max or not _adjoins(stretch[-1], step)):
            yield stretch
            stretch, length = [], 0
        stretch.append(step)
        length += step.length
    if stretch:
        yield stretch


def _adjoins(before: FromFlash, after: FromFlash) -> bool:
    """Return whether `after` begins on flash where `before` ends."""
    stop = before.extent.offset + before.skip + before.length
    start = after.extent.offset + after.skip
    if before.extent.is_sealed:
        return False
    return before.extent.segment == after.extent.segment and stop == start
