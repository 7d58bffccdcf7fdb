"""A write transaction of the index: what may be changed in it, and by which rules.

A row never replaces what is known better, a chunk is only moved or removed where it still lies.
"""

import contextlib
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from gateway.flash.rows import (
    Extent,
    Row,
    body_of,
    chunk_key,
    encode_extent,
    encode_row,
    encode_tombstone,
    is_tombstone,
    time_of,
)
from gateway.model.names import ObjectName

if TYPE_CHECKING:
    from gateway.flash.index import Index

TOMBSTONE_SECONDS: Final = 600
"""Longer than any question to the origin may be under way."""
ROW_BYTES_MAX: Final = 16 * 1024
"""Larger rows are not kept; S3 bounds user metadata to 2 KiB and a header to 8 KiB."""
_DAMAGED_MAX: Final = 4096
_EXPIRED_PER_FORGET: Final = 4

Transaction: TypeAlias = Any
"""One of LMDB's, which only index.py imports."""


class Writing:
    """One write transaction: all of it becomes visible at once, or nothing."""

    def __init__(self, index: "Index", transaction: Transaction) -> None:
        """Hold LMDB's one write lock until the context ends."""
        self._index = index
        self._transaction = transaction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._transaction.commit()
        else:
            self._transaction.abort()

    def put_row(self, row: Row) -> None:
        """Store a row, unless one confirmed later, or a later tombstone, is there.

        What claims to come from the future was stamped before the clock was set back: it yields.
        """
        key = self._index.row_key(row.name)
        there = self._find_kept(key)
        if there is not None and row.confirmed_ns <= time_of(there) <= time.time_ns():
            is_newer = row.confirmed_ns < time_of(there)
            if is_newer or is_tombstone(there):
                return
        with contextlib.suppress(ValueError):  # what no row can hold is merely not kept
            data = encode_row(row)
            if len(data) <= ROW_BYTES_MAX:
                self._put_kept(key, data)

    def put_row_if_absent(self, row: Row) -> None:
        """Store a row that recovery found, unless anything is known of the object."""
        key = self._index.row_key(row.name)
        if self._transaction.get(key, db=self._index.rows) is None:
            self._put_kept(key, encode_row(row))

    def _find_kept(self, key: bytes) -> bytes | None:
        kept = self._transaction.get(key, db=self._index.rows)
        return None if kept is None else self._index.opened(key, kept)

    def _put_kept(self, key: bytes, row: bytes) -> None:
        self._transaction.put(key, self._index.sealed(key, row), db=self._index.rows)

    def forget(self, name: ObjectName, forgotten_ns: int) -> None:
        """Replace a row by a tombstone, and clear away a few tombstones that are old enough."""
        key = self._index.row_key(name)
        self._put_kept(key, encode_tombstone(name, forgotten_ns))
        stamp = forgotten_ns.to_bytes(8, "big")
        self._transaction.put(stamp + key, b"", db=self._index.tombstones)
        oldest = forgotten_ns - TOMBSTONE_SECONDS * 1_000_000_000
        self._expire_tombstones(max(oldest, 0).to_bytes(8, "big"))

    def _expire_tombstones(self, before: bytes) -> None:
        expired: list[bytes] = []
        with self._transaction.cursor(db=self._index.tombstones) as cursor:
            for entry in cursor.iternext(keys=True, values=False):
                if entry[:8] >= before or len(expired) == _EXPIRED_PER_FORGET:
                    break
                expired.append(entry)
        for entry in expired:
            self._transaction.delete(entry, db=self._index.tombstones)
            row = self._find_kept(entry[8:])
            if row is not None and is_tombstone(row) and time_of(row).to_bytes(8, "big") < before:
                self._transaction.delete(entry[8:], db=self._index.rows)

    def delete_row(self, key: bytes) -> None:
        """Remove a row by its key."""
        self._transaction.delete(key, db=self._index.rows)

    def put_chunk(self, body: bytes, number: int, extent: Extent) -> bool:
        """Store where a chunk lies; return whether it takes the place of a damaged one."""
        key = chunk_key(body, number)
        self._transaction.put(key, encode_extent(extent), db=self._index.chunks)
        return bool(self._transaction.delete(key, db=self._index.damaged))

    def put_chunk_if_absent(self, body: bytes, number: int, extent: Extent) -> None:
        """Store where recovery found a chunk, unless it is known to lie somewhere."""
        key = chunk_key(body, number)
        self._transaction.put(key, encode_extent(extent), db=self._index.chunks, overwrite=False)

    def move_chunk(self, body: bytes, number: int, old: Extent, new: Extent) -> None:
        """Store a chunk's new place, unless it does not lie at the old one any more."""
        key = chunk_key(body, number)
        if self._transaction.get(key, db=self._index.chunks) == encode_extent(old):
            self._transaction.put(key, encode_extent(new), db=self._index.chunks)

    def delete_chunk(self, body: bytes, number: int, extent: Extent) -> bool:
        """Remove a chunk that still lies there; return whether it did."""
        key = chunk_key(body, number)
        if self._transaction.get(key, db=self._index.chunks) != encode_extent(extent):
            return False
        return bool(self._transaction.delete(key, db=self._index.chunks))

    def quarantine_chunk(
        self, body: bytes, number: int, extent: Extent, *, is_damaged: bool
    ) -> None:
        """Remove a chunk that lies there still, and remember the damaged ones until they are back.

        Of very many only some are remembered: they are counted, no more.
        """
        was_there = self.delete_chunk(body, number, extent)
        count = self._transaction.stat(self._index.damaged)["entries"]
        if was_there and is_damaged and count < _DAMAGED_MAX:
            self._transaction.put(chunk_key(body, number), b"", db=self._index.damaged)

    def delete_body(self, body: bytes, count_max: int) -> None:
        """Remove up to `count_max` chunks of a body."""
        with self._transaction.cursor(db=self._index.chunks) as cursor:
            for _ in range(count_max):
                if not cursor.set_range(body) or cursor.key()[:16] != body:
                    return
                cursor.delete()

    def delete_row_without_chunks(self, name: ObjectName, body: bytes) -> None:
        """Remove the row of an object that has just lost the last chunk of that body."""
        key = self._index.row_key(name)
        row = self._find_kept(key)
        if row is None or is_tombstone(row) or body_of(row) != body or self.has_chunks(body):
            return
        self._transaction.delete(key, db=self._index.rows)

    def has_chunks(self, body: bytes) -> bool:
        """Return whether any chunk of the body is there."""
        with self._transaction.cursor(db=self._index.chunks) as cursor:
            return bool(cursor.set_range(body) and cursor.key()[:16] == body)

    def delete_rows_without_chunks(self, start: bytes, count_max: int) -> bytes:
        """Remove such rows among the `count_max` rows from key `start` on; return where to go on.

        Rows of empty objects, and of objects that were only looked at, are no segment's to evict.
        """
        seen: list[tuple[bytes, bytes]] = []
        with self._transaction.cursor(db=self._index.rows) as cursor:
            if cursor.set_range(start):
                for entry in cursor:
                    seen.append(entry)
                    if len(seen) == count_max:
                        break
        for key, kept in seen:
            row = self._index.opened(key, kept)
            if not is_tombstone(row) and not self.has_chunks(body_of(row)):
                self._transaction.delete(key, db=self._index.rows)
        return seen[-1][0] + b"\0" if len(seen) == count_max else b""

    def clear(self) -> None:
        """Remove all rows and chunks; tombstones stay."""
        self._transaction.drop(self._index.chunks, delete=False)
        self._transaction.drop(self._index.damaged, delete=False)
        keep = [
            (key, row)
            for key, row in self._transaction.cursor(db=self._index.rows)
            if is_tombstone(self._index.opened(key, row))
        ]
        self._transaction.drop(self._index.rows, delete=False)
        for key, row in keep:
            self._transaction.put(key, row, db=self._index.rows)

    def put_meta(self, key: bytes, value: bytes) -> None:
        """Store a value of the `meta` database."""
        self._transaction.put(key, value, db=self._index.meta)

    def find_meta(self, key: bytes) -> bytes | None:
        """Return a value of the `meta` database, as of this transaction."""
        value: bytes | None = self._transaction.get(key, db=self._index.meta)
        return value

    @property
    def used_bytes(self) -> int:
        """Return what rows and chunks occupy; the rest of the file is free for reuse."""
        return self._index.used_bytes(self._transaction)
