"""What flash holds of which objects, as people ask for it: by name, a prefix at a time.

Rows are kept by a hash of the name, so a look at a prefix is a look at all rows: seconds where
there are a million of them, none of a request's business, and a group of rows at a time, so that it
costs no memory.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.flash.index import Index, IndexTrouble
from gateway.flash.lifeline import Lifeline
from gateway.flash.rows import Row, rows_under
from gateway.model.failures import FlashTrouble

_GROUP_ROWS: Final = 1000
_GROUP_CHUNKS: Final = 4096


@dataclass(frozen=True, slots=True)
class Holding:
    """One object: what is known of it, and how much of its body is here."""

    row: Row
    bytes_held: int
    chunks_held: int
    chunks_all: int

    @property
    def is_whole(self) -> bool:
        """Return whether a read of it needs no byte of the origin."""
        return self.chunks_held == self.chunks_all


class Holdings:
    """What is held, of the volume that is live; on the event loop's thread."""

    def __init__(self, lifeline: Lifeline) -> None:
        """Look at nothing yet."""
        self._lifeline = lifeline

    @property
    def chunk_bytes(self) -> int:
        """Return the length of every chunk but a body's last."""
        return self._lifeline.division.chunk_bytes

    @property
    def bodies_bytes_max(self) -> int:
        """Return about how many bytes of bodies fit: beyond it something is put out."""
        return self._lifeline.division.bodies_bytes_max

    async def groups(self, prefix: str = "") -> AsyncGenerator[list[Holding]]:
        """Yield the objects whose `bucket/key` begins with `prefix`; none in bypass.

        Groups are small and in no order, however many rows there are. Raises FlashTrouble.
        """
        start: bytes | None = b""
        while start is not None and (volume := self._lifeline.live) is not None:
            chunk_bytes = volume.division.chunk_bytes
            call = partial(_group, volume.index, prefix, chunk_bytes, start)
            try:
                found, start = await asyncio.to_thread(call)
            except (OSError, IndexTrouble) as error:
                self._lifeline.report(error)
                raise FlashTrouble("the index cannot be read") from error
            if found:
                yield found

    def find(self, row: Row) -> Holding | None:
        """Return how much of the row's body is here, as all processes see it; None in bypass."""
        volume = self._lifeline.live
        if volume is None:
            return None
        try:
            return _holding(volume.index, row, volume.division.chunk_bytes)
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            return None


def _group(
    index: Index, prefix: str, chunk_bytes: int, start: bytes
) -> tuple[list[Holding], bytes | None]:
    """Return the objects under `prefix` among the rows from key `start` on, and where to go on."""
    entries = index.pages("rows", start, _GROUP_ROWS)
    found = [_holding(index, row, chunk_bytes) for row in rows_under(entries, prefix)]
    return found, entries[-1][0] + b"\0" if len(entries) == _GROUP_ROWS else None


def _holding(index: Index, row: Row, chunk_bytes: int) -> Holding:
    count = -(-row.version.size // chunk_bytes)
    held = chunks = 0
    for first in range(0, count, _GROUP_CHUNKS):
        extents = index.extents(row.body, range(first, min(first + _GROUP_CHUNKS, count)))
        held += sum(extent.body_bytes for extent in extents.values())
        chunks += len(extents)
    return Holding(row, held, chunks, count)
