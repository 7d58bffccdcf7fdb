"""The state: what must never be lost, in a fully synced LMDB environment that processes share.

Unlike flash's index it is no copy of anything. A write is on the disk before it is acknowledged
(sync and metasync), and is seen whole or not at all: by this process, by the others, and after a
kill or a power loss. The supervisor, every worker and the command line have it open at once. LMDB's
write lock is robust: a writer that is killed leaves it to the next one.

LMDB numbers its transactions. `moment` is the number that a reader would see now, right across
processes and a fraction of a microsecond to ask, so whoever remembers rows with the moment of their
snapshot knows whether anything can have changed. (The number in LMDB's `info` may be one ahead of
what a reader sees; the snapshot's own never is.)

One process opens a state once. The map grows with its contents: who meets a map that another
process has grown takes its size over, which needs that no transaction is open in this process;
hence the lock.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Self, TypeAlias, TypeVar

import lmdb

from gateway.model.failures import Failure

FORMAT_VERSION: Final = 1
TABLES: Final = ("identities", "access_keys", "delegation_tokens")
"""Of the state itself. The journal of moves is an environment of its own beside it, with its own
tables: what it writes a hundred times a move holds up no look-up of an identity."""
KEY_BYTES_MAX: Final = 511
"""LMDB's own bound."""
MAP_BYTES: Final = 64 * 2**20
"""What is mapped at first, address space and not memory; some 30,000 identities."""
MAP_BYTES_MAX: Final = 16 * 2**30
_TABLES_MAX: Final = 32
_READERS_MAX: Final = 2048
_FILE: Final = "data.mdb"
_META: Final = "meta"
_FORMAT: Final = b"format"

Result = TypeVar("Result")
_Transaction: TypeAlias = "lmdb.Transaction[bytes]"
_Tables: TypeAlias = "dict[str, lmdb._Database]"  # noqa: SLF001 - lmdb's only name for it


class StateError(Failure):
    """The state cannot be opened, read or written; the message is one sentence."""

    code = "ServiceUnavailable"


def has_state(path: Path) -> bool:
    """Return whether a state is kept in the folder `path`."""
    return (path / _FILE).is_file()


class Reading:
    """One snapshot of the tables."""

    __slots__ = ("_tables", "_transaction")

    def __init__(self, transaction: _Transaction, tables: _Tables) -> None:
        """Read through LMDB's transaction; good until it ends."""
        self._transaction = transaction
        self._tables = tables

    @property
    def moment(self) -> int:
        """Return the number of the last change in the snapshot."""
        return int(self._transaction.id())

    def find(self, table: str, key: bytes) -> bytes | None:
        """Return the row under `key`, if there is one."""
        return self._transaction.get(key, db=self._tables[table])

    def rows(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and rows in the order of the keys, from `start` on."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(start):
                yield from cursor

    def count(self, table: str) -> int:
        """Return how many rows there are."""
        return int(self._transaction.stat(self._tables[table])["entries"])


class Writing(Reading):
    """One change: all of it is there afterwards, or nothing."""

    __slots__ = ()

    def put(self, table: str, key: bytes, row: bytes) -> None:
        """Set the row under `key`, which has at most `KEY_BYTES_MAX` bytes."""
        self._transaction.put(key, row, db=self._tables[table])

    def delete(self, table: str, key: bytes) -> None:
        """Remove the row under `key`, if there is one."""
        self._transaction.delete(key, db=self._tables[table])


class Store:
    """One process's hold on the state."""

    def __init__(
        self, path: Path, *, map_bytes: int = MAP_BYTES, tables: Sequence[str] = TABLES
    ) -> None:
        """Open the state in the folder `path`, made if absent, tables included.

        Raises StateError.
        """
        self._path = path
        self._lock = Lock()
        is_new = not has_state(path)
        with self._in_words():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._environment = lmdb.open(
                str(path),
                map_size=map_bytes,
                mode=0o600,
                max_dbs=_TABLES_MAX,
                max_readers=_READERS_MAX,
                lib_version=0,
            )
            try:
                self._check_length()
                self._environment.reader_check()
                self._tables = {
                    name: self._environment.open_db(name.encode()) for name in (_META, *tables)
                }
                self._check_format()
                if is_new:
                    _sync_folders(path)
            except BaseException:
                self._environment.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Return the folder."""
        return self._path

    def moment(self) -> int:
        """Return the number of the last change; where it is equal, no row has changed.

        Raises StateError.
        """
        with self._lock:
            try:  # for every request: a context manager would cost more than the question
                transaction = self._begin()
                try:
                    return int(transaction.id())
                finally:
                    transaction.abort()
            except lmdb.Error as error:
                raise StateError(f"the state at {self._path} cannot be used: {error}") from error

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Yield a snapshot. Hold it shortly: while it lasts no other call here goes on."""
        with self._in_words(), self._lock:
            transaction = self._begin()
            try:
                yield Reading(transaction, self._tables)
            finally:
                transaction.abort()

    def write(self, change: Callable[[Writing], Result]) -> Result:
        """Return what `change` returns, once all that it wrote is on the disk.

        Waits for the writers of other processes. What `change` raises undoes it; it is called again
        where the map had to grow. Raises StateError.
        """
        with self._in_words(), self._lock:
            self._environment.reader_check()
            while True:
                try:
                    with self._begin(write=True) as transaction:
                        return change(Writing(transaction, self._tables))
                except lmdb.MapFullError:
                    self._grow()

    def close(self) -> None:
        """Let go of the state."""
        with self._lock:
            self._environment.close()

    def _begin(self, *, write: bool = False) -> _Transaction:
        try:
            return self._environment.begin(write=write)
        except lmdb.MapResizedError:
            self._environment.set_mapsize(0)
            return self._environment.begin(write=write)

    def _grow(self) -> None:
        """Double the map; others find out when they meet what lies beyond their own."""
        grown = 2 * int(self._environment.info()["map_size"])
        if grown > MAP_BYTES_MAX:
            raise StateError(f"the state at {self._path} is full: remove what is not needed")
        self._environment.set_mapsize(grown)

    def _check_length(self) -> None:
        """Refuse a file shorter than its pages: to read those would be a SIGBUS, not an error."""
        pages, page_bytes = self._environment.info()["last_pgno"] + 1, self._page_bytes
        if pages > 2 and (self._path / _FILE).stat().st_size < pages * page_bytes:  # noqa: PLR2004 - two pages are the file's head
            raise StateError(f"the state at {self._path} is cut short: restore it from a backup")

    @property
    def _page_bytes(self) -> int:
        return int(self._environment.stat()["psize"])

    def _check_format(self) -> None:
        with self._begin() as reading:
            found = reading.get(_FORMAT, db=self._tables[_META])
        if found is None:
            with self._begin(write=True) as writing:
                ours = str(FORMAT_VERSION).encode()
                writing.put(_FORMAT, ours, db=self._tables[_META], overwrite=False)
        elif int(found) != FORMAT_VERSION:
            raise StateError(
                f"the state at {self._path} has format {int(found)}, this version of Forebay reads "
                f"format {FORMAT_VERSION}: run the version that wrote it"
            )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
            raise StateError(
                f"the state at {self._path} is damaged ({error}): restore it from a backup"
            ) from error
        except (lmdb.Error, OSError) as error:
            raise StateError(f"the state at {self._path} cannot be used: {error}") from error


def _sync_folders(path: Path) -> None:
    """Put the names of new files and folders on the disk; LMDB syncs only what is in the files."""
    for folder in (path, path.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
