"""Byte range x extents -> steps: what comes from flash, what from the origin (pure)."""

from collections.abc import Mapping
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
        if extent is not None and extent.length >= stop - base:
            steps.append(FromFlash(number, extent, start - base, stop - start))
            continue
        last = steps[-1] if steps else None
        if isinstance(last, FromOrigin):
            steps[-1] = FromOrigin(ByteRange(last.wanted.start, stop))
        else:
            steps.append(FromOrigin(ByteRange(start, stop)))
    return steps
