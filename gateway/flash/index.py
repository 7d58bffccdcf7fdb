"""The index: object -> row and chunk -> extent, in LMDB, shared by all processes (lmdb's one door).

The index is derived from the segments' records, hence never synced while it is written: what a
killed process wrote is in the page cache, and after a power loss the index is discarded. Reads run
on the caller's thread in a transaction of their own, about a microsecond to begin and end; none
outlives its call, since an old reader would keep LMDB from reusing pages. Writes go through
`committer.py`, one thread a process. LMDB's files are never truncated: others have them mapped.
"""

import time
from itertools import islice
from pathlib import Path
from typing import Final

import lmdb

from gateway.flash.index_writing import Writing
from gateway.flash.rows import (
    Extent,
    Row,
    chunk_key,
    chunk_number,
    decode_extent,
    decode_row,
    is_tombstone,
    row_key,
    time_of,
)
from gateway.flash.sealing import DataKeys
from gateway.model.names import ObjectName

FORMAT_VERSION: Final = b"1"
_READERS_MAX: Final = 2048
_DATABASES: Final = (b"rows", b"chunks", b"tombstones", b"meta", b"damaged")

__all__ = [
    "DOUBTED_KEY",
    "REBUILD_KEY",
    "Index",
    "IndexFull",
    "IndexTrouble",
    "Writing",
    "is_beyond_repair",
]

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

    def __init__(
        self, path: Path, bytes_max: int, rebuild: bytes = b"", keys: DataKeys | None = None
    ) -> None:
        """Open or create it with its final map size; raises lmdb.Error, OSError.

        With `keys` rows are kept sealed, under hashes of their names that need a key.

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
        self.keys = keys
        self._names_key = b"" if keys is None else keys.names_key
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

    def row_key(self, name: ObjectName) -> bytes:
        """Return the key that the row of `name` has here."""
        return row_key(name, self._names_key)

    def sealed(self, key: bytes, row: bytes) -> bytes:
        """Return a row as it is kept under `key`."""
        return row if self.keys is None else self.keys.seal(row, key)

    def opened(self, key: bytes, kept: bytes) -> bytes:
        """Return what is kept under `key` as a row; no bytes where it was not sealed for that."""
        return kept if self.keys is None else self.keys.open(kept, key) or b""

    def _find_kept(self, name: ObjectName) -> bytes | None:
        """Return the row or tombstone of `name`; raises lmdb.Error."""
        key = self.row_key(name)
        transaction = self._environment.begin(db=self.rows)
        try:
            kept = transaction.get(key)
        finally:
            transaction.abort()
        return None if kept is None else self.opened(key, kept)

    def find_row(self, name: ObjectName) -> Row | None:
        """Return the row of `name`; raises lmdb.Error."""
        data = self._find_kept(name)
        return None if data is None else decode_row(data, name)

    def find_forgotten_ns(self, name: ObjectName) -> int:
        """Return when `name` was forgotten, if it was and nothing came since, else 0."""
        data = self._find_kept(name)
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
        """Return up to `count_max` entries from key `start` on, rows opened; raises lmdb.Error."""
        with self._environment.begin(db=getattr(self, database)) as transaction:
            cursor = transaction.cursor()
            found = list(islice(cursor, count_max)) if cursor.set_range(start) else []
        if database == "rows" and self.keys is not None:
            return [(key, self.opened(key, kept)) for key, kept in found]
        return found

    def write(self) -> Writing:
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
