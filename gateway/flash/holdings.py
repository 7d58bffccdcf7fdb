"""What flash holds of which objects, as people ask for it: by name, a prefix at a time.

Rows are kept by a hash of the name, so a look at a prefix is a look at all rows: seconds where
there are a million of them, and none of a request's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.flash.index import Index
from gateway.flash.rows import Row, decode_row, find_name, is_tombstone

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


def sorted_holdings(index: Index, prefix: str, chunk_bytes: int) -> list[Holding]:
    """Return the objects whose `bucket/key` begins with `prefix`, by name; raises IndexTrouble."""
    return sorted(holdings(index, prefix, chunk_bytes), key=lambda one: str(one.row.name))


def holdings(index: Index, prefix: str, chunk_bytes: int) -> Iterator[Holding]:
    """Yield the objects whose `bucket/key` begins with `prefix`, in no order.

    Raises IndexTrouble.
    """
    start = b""
    while entries := index.pages("rows", start, _GROUP_ROWS):
        for _, data in entries:
            if is_tombstone(data):
                continue
            name = find_name(data)
            if name is None or not str(name).startswith(prefix):
                continue
            row = decode_row(data, name)
            if row is not None:
                yield holding_of(index, row, chunk_bytes)
        start = entries[-1][0] + b"\0"


def holding_of(index: Index, row: Row, chunk_bytes: int) -> Holding:
    """Return how much of the row's body is here; raises IndexTrouble."""
    count = -(-row.version.size // chunk_bytes)
    held = chunks = 0
    for first in range(0, count, _GROUP_CHUNKS):
        extents = index.extents(row.body, range(first, min(first + _GROUP_CHUNKS, count)))
        held += sum(extent.length for extent in extents.values())
        chunks += len(extents)
    return Holding(row, held, chunks, count)
