"""The index: object -> row and chunk -> extent, in LMDB, shared by all processes (lmdb's one door).

The index is derived from the segments' records, hence never synced while it is written: what a
killed process wrote is in the page cache, and after a power loss the index is discarded. Reads run
on the caller's thread in a transaction of their own, about a microsecond to begin and end; none
outlives its call, since an old reader would keep LMDB from reusing pages. Writes go through
`committer.py`, one thread a process. LMDB's files are never truncated: others have them mapped.
"""

import contextlib
import time
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import lmdb

from gateway.flash.rows import (
    Extent,
    Row,
    body_of,
    chunk_key,
    chunk_number,
    decode_extent,
    decode_row,
    encode_extent,
    encode_row,
    encode_tombstone,
    is_tombstone,
    row_key,
    time_of,
)
from gateway.model.names import ObjectName

FORMAT_VERSION: Final = b"1"
TOMBSTONE_SECONDS: Final = 600
"""Longer than any question to the origin may be under way."""
ROW_BYTES_MAX: Final = 16 * 1024
"""Larger rows are not kept; S3 bounds user metadata to 2 KiB and a header to 8 KiB."""
_READERS_MAX: Final = 2048
_DATABASES: Final = (b"rows", b"chunks", b"tombstones", b"meta", b"damaged")
_DAMAGED_MAX: Final = 4096
_EXPIRED_PER_FORGET: Final = 4

REBUILD_KEY: Final = b"rebuild"
DOUBTED_KEY: Final = b"doubted_below"
"""Segments below this number were there when the index was lost, and not scrubbed since."""

IndexTrouble = lmdb.Error
"""What LMDB raises, for those who must not import it."""
IndexFull = lmdb.MapFullError

# What no second try would cure: the file is not what it should be, or full beyond relief.
_BEYOND_REPAIR: Final = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.PageNotFoundError,
    lmdb.IncompatibleError,
    lmdb.PanicError,
    lmdb.MapFullError,
)


def is_beyond_repair(error: Exception) -> bool:
    """Return whether the index that raised `error` is to be discarded and rebuilt."""
    return isinstance(error, _BEYOND_REPAIR)


class Index:
    """One open LMDB environment."""

    def __init__(self, path: Path, bytes_max: int, rebuild: bytes = b"") -> None:
        """Open or create it with its final map size; raises lmdb.Error, OSError.

        A new index notes, as `REBUILD_KEY`, that it does not hold the segments `rebuild` yet, and
        as `DOUBTED_KEY` that they were there before it: what they hold may not have reached the
        disk.
        lib_version=0: the 0.9 engine, whose file format is the one deployed everywhere.
        """
        self._environment = lmdb.open(
            str(path),
            map_size=bytes_max,
            sync=False,
            metasync=False,
            readahead=False,
            mode=0o600,
            max_readers=_READERS_MAX,
            max_dbs=len(_DATABASES),
            lib_version=0,
        )
        self.bytes_max = bytes_max
        try:
            self._check_length(path)
            self.rows, self.chunks, self.tombstones, self.meta, self.damaged = (
                self._environment.open_db(name) for name in _DATABASES
            )
            self.page_bytes = self._environment.stat()["psize"]
            self._check_format(rebuild)
        except BaseException:
            self._environment.close()
            raise

    def _check_length(self, path: Path) -> None:
        """Refuse a file shorter than its pages: to read those would be a SIGBUS, not an error."""
        info, page_bytes = self._environment.info(), self._environment.stat()["psize"]
        length = (path / "data.mdb").stat().st_size
        if info["last_pgno"] > 1 and length < (info["last_pgno"] + 1) * page_bytes:
            raise lmdb.CorruptedError("the index file is cut short")
        if length > self.bytes_max:
            raise lmdb.CorruptedError("the index file is larger than it may become")

    def _check_format(self, rebuild: bytes) -> None:
        with self._environment.begin(write=True) as transaction:
            found = transaction.get(b"format", db=self.meta)
            if found is None:
                transaction.put(b"format", FORMAT_VERSION, db=self.meta)
                transaction.put(REBUILD_KEY, rebuild, db=self.meta)
                newest = int.from_bytes(rebuild[-4:], "little")
                transaction.put(DOUBTED_KEY, str(newest + 1).encode(), db=self.meta)
            elif found != FORMAT_VERSION:
                raise lmdb.VersionMismatchError(f"index format {found!r}")

    def moment(self) -> int:
        """Return the number of the last commit: while it is equal, nothing changed."""
        transaction = self._environment.begin()
        try:
            return transaction.id()
        finally:
            transaction.abort()

    def find_row(self, name: ObjectName) -> Row | None:
        """Return the row of `name`; raises lmdb.Error."""
        transaction = self._environment.begin(db=self.rows)
        try:
            data = transaction.get(row_key(name))
        finally:
            transaction.abort()
        return None if data is None else decode_row(data, name)

    def find_forgotten_ns(self, name: ObjectName) -> int:
        """Return when `name` was forgotten, if it was and nothing came since, else 0."""
        with self._environment.begin(db=self.rows) as transaction:
            data = transaction.get(row_key(name))
        if data is None or not is_tombstone(data) or time_of(data) > time.time_ns():
            return 0
        return time_of(data)

    def extents(self, body: bytes, numbers: range) -> dict[int, Extent]:
        """Return the extents of those chunks of `body` that are on flash; raises lmdb.Error."""
        if not numbers:
            return {}
        transaction = self._environment.begin(db=self.chunks)
        try:
            if len(numbers) == 1:
                data = transaction.get(chunk_key(body, numbers.start))
                return {} if data is None else {numbers.start: decode_extent(data)}
            first, stop = chunk_key(body, numbers.start), chunk_key(body, numbers.stop)
            found: dict[int, Extent] = {}
            with transaction.cursor() as cursor:
                if not cursor.set_range(first):
                    return found
                for key, data in cursor:
                    if key >= stop:
                        break
                    found[chunk_number(key)] = decode_extent(data)
            return found
        finally:
            transaction.abort()

    def has_chunks(self, body: bytes) -> bool:
        """Return whether any chunk of the body is there; raises lmdb.Error."""
        with (
            self._environment.begin(db=self.chunks) as transaction,
            transaction.cursor() as cursor,
        ):
            return cursor.set_range(body) and cursor.key()[:16] == body

    def find_meta(self, key: bytes) -> bytes | None:
        """Return a value of the `meta` database; raises lmdb.Error."""
        with self._environment.begin(db=self.meta) as transaction:
            return transaction.get(key)

    def pages(self, database: str, start: bytes, count_max: int) -> list[tuple[bytes, bytes]]:
        """Return up to `count_max` entries from key `start` on; raises lmdb.Error."""
        with self._environment.begin(db=getattr(self, database)) as transaction:
            cursor = transaction.cursor()
            return list(islice(cursor, count_max)) if cursor.set_range(start) else []

    def write(self) -> "Writing":
        """Return a write transaction, a context manager; waits for other processes."""
        return Writing(self, self._environment.begin(write=True))

    @property
    def file_bytes(self) -> int:
        """Return the length of the data file: pages ever used, since LMDB never gives any back."""
        return (int(self._environment.info()["last_pgno"]) + 1) * int(self.page_bytes)

    def used_bytes(self, transaction: "lmdb.Transaction[bytes] | None" = None) -> int:
        """Return what rows and chunks occupy, as of that transaction; raises lmdb.Error."""
        if transaction is None:
            with self._environment.begin() as own:
                return self.used_bytes(own)
        pages = 0
        for database in (self.rows, self.chunks, self.tombstones):
            stat = transaction.stat(database)
            pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return pages * int(self.page_bytes)

    def counts(self) -> dict[str, int]:
        """Return the number of rows (tombstones included) and chunks; raises lmdb.Error."""
        with self._environment.begin() as transaction:
            return {
                "rows": int(transaction.stat(self.rows)["entries"]),
                "chunks": int(transaction.stat(self.chunks)["entries"]),
            }

    def free_dead_readers(self) -> int:
        """Clear the reader slots of dead processes, whose snapshots would keep pages from reuse."""
        return self._environment.reader_check()

    def sync(self) -> None:
        """Put everything on the disk, so that it survives a power loss; raises lmdb.Error."""
        self._environment.sync(force=True)

    def close(self) -> None:
        """Close; later calls raise lmdb.Error."""
        self._environment.close()


class Writing:
    """One write transaction: all of it becomes visible at once, or nothing."""

    def __init__(self, index: Index, transaction: "lmdb.Transaction[bytes]") -> None:
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
        key = row_key(row.name)
        there = self._transaction.get(key, db=self._index.rows)
        if there is not None and row.confirmed_ns <= time_of(there) <= time.time_ns():
            is_newer = row.confirmed_ns < time_of(there)
            if is_newer or is_tombstone(there):
                return
        with contextlib.suppress(ValueError):  # what no row can hold is merely not kept
            data = encode_row(row)
            if len(data) <= ROW_BYTES_MAX:
                self._transaction.put(key, data, db=self._index.rows)

    def put_row_if_absent(self, row: Row) -> None:
        """Store a row that recovery found, unless anything is known of the object."""
        self._transaction.put(
            row_key(row.name), encode_row(row), db=self._index.rows, overwrite=False
        )

    def forget(self, name: ObjectName, forgotten_ns: int) -> None:
        """Replace a row by a tombstone, and clear away a few tombstones that are old enough."""
        key = row_key(name)
        self._transaction.put(key, encode_tombstone(name, forgotten_ns), db=self._index.rows)
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
            row = self._transaction.get(entry[8:], db=self._index.rows)
            if row is not None and is_tombstone(row) and time_of(row).to_bytes(8, "big") < before:
                self._transaction.delete(entry[8:], db=self._index.rows)

    def delete_row(self, key: bytes) -> None:
        """Remove a row by its key."""
        self._transaction.delete(key, db=self._index.rows)

    def put_chunk(self, body: bytes, number: int, extent: Extent) -> bool:
        """Store where a chunk lies; return whether it takes the place of a damaged one."""
        key = chunk_key(body, number)
        self._transaction.put(key, encode_extent(extent), db=self._index.chunks)
        return self._transaction.delete(key, db=self._index.damaged)

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
        return self._transaction.delete(key, db=self._index.chunks)

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
        key = row_key(name)
        row = self._transaction.get(key, db=self._index.rows)
        if row is None or is_tombstone(row) or body_of(row) != body or self.has_chunks(body):
            return
        self._transaction.delete(key, db=self._index.rows)

    def has_chunks(self, body: bytes) -> bool:
        """Return whether any chunk of the body is there."""
        with self._transaction.cursor(db=self._index.chunks) as cursor:
            return cursor.set_range(body) and cursor.key()[:16] == body

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
        for key, row in seen:
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
            if is_tombstone(row)
        ]
        self._transaction.drop(self._index.rows, delete=False)
        for key, row in keep:
            self._transaction.put(key, row, db=self._index.rows)

    def put_meta(self, key: bytes, value: bytes) -> None:
        """Store a value of the `meta` database."""
        self._transaction.put(key, value, db=self._index.meta)

    def find_meta(self, key: bytes) -> bytes | None:
        """Return a value of the `meta` database, as of this transaction."""
        return self._transaction.get(key, db=self._index.meta)

    @property
    def used_bytes(self) -> int:
        """Return what rows and chunks occupy; the rest of the file is free for reuse."""
        return self._index.used_bytes(self._transaction)
