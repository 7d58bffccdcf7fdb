"""Where the bytes of a read are as it begins: in memory, on flash, at the origin; for explanations.

Readers need only the next few chunks to begin; who asks to be told is told of all of them.
"""

import asyncio
from typing import Final

from gateway.core.receipt import Receipt
from gateway.flash.rows import Extent, Row
from gateway.flash.store import Flash
from gateway.model.ranges import ByteRange

_GROUP_CHUNKS: Final = 4096
_LOOKED_AT_MAX: Final = 64
"""Of so many chunks each is looked for in memory; those after them are taken to be like them."""


async def note_sources(
    flash: Flash, row: Row, wanted: ByteRange, chunk_bytes: int, receipt: Receipt
) -> None:
    """Write down how many chunks of the range are here, how many not, and the farthest tier."""
    numbers = wanted.chunks(chunk_bytes)
    hit, looked_at, is_memory = 0, 0, True
    for first in range(numbers.start, numbers.stop, _GROUP_CHUNKS):
        held = flash.extents(row.body, range(first, min(first + _GROUP_CHUNKS, numbers.stop)))
        hit += len(held)
        if looked_at < _LOOKED_AT_MAX:
            sample: list[Extent] = list(held.values())[: _LOOKED_AT_MAX - looked_at]
            looked_at += len(sample)
            is_memory = is_memory and all(map(flash.is_proven, sample))
        await asyncio.sleep(0)
    receipt.chunks_hit, receipt.chunks_missed = hit, len(numbers) - hit
    near = "memory" if is_memory else "flash"
    if receipt.chunks_missed:
        receipt.tier = f"{near} and origin" if hit else "origin"
    elif hit:
        receipt.tier = near
