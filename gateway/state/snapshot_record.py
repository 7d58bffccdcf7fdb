"""The record of one snapshot: ten million rows in the order of their keys, made once, then read.

One SQLite file, since that is what a well-kept library does at bounded memory: a B-tree by key,
point look-ups, ordered scans from anywhere. A record is made under another name, unsynced and
without a journal, because nobody can see it; it is synced whole before it is given its name. From
then on nothing ever writes to it, so that every process opens it as immutable and takes no lock.

SQLite enters by this file only.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias, TypeVar

from gateway.model.snapshots import Recorded
from gateway.state.store import StateError

FORMAT_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE about (document TEXT NOT NULL);
CREATE TABLE words (id INTEGER PRIMARY KEY, more TEXT NOT NULL, owner TEXT NOT NULL);
CREATE TABLE objects (
  key BLOB PRIMARY KEY, etag TEXT NOT NULL, size INTEGER NOT NULL, modified TEXT NOT NULL,
  version_id TEXT, words INTEGER NOT NULL
) WITHOUT ROWID;
"""
_MAKING: Final = """
PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536;
"""
# Not mapped: a bad sector under a map is a SIGBUS, and here it is a sentence.
_READING: Final = "PRAGMA cache_size = -8192; PRAGMA mmap_size = 0; PRAGMA query_only = 1"
_INSERT: Final = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)"
_COLUMNS: Final = "SELECT key, etag, size, modified, version_id, words FROM objects"
_FIND: Final = f"{_COLUMNS} WHERE key = ?"
_FROM: Final = f"{_COLUMNS} WHERE key >= ? ORDER BY key"
_BETWEEN: Final = f"{_COLUMNS} WHERE key >= ? AND key < ? ORDER BY key"
_WORDS_MAX: Final = 100_000
"""Different owners, storage classes and so on together; a bucket has a handful."""

Result = TypeVar("Result")
Scan: TypeAlias = Callable[[bytes, bytes | None], Iterator[Recorded]]
"""Rows from a key on (included) up to another (excluded; None: to the end), in order."""
_Words: TypeAlias = tuple[str, str]


def key_bytes(key: str) -> bytes:
    """Return a key as the record orders it: S3's order is that of UTF-8's bytes."""
    return key.encode("utf-8", "surrogatepass")


class RecordMaking:
    """A record on its way; nobody sees it before `finish`, and `close` leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        """Begin an empty record at `path`; raises StateError."""
        self.path = path
        self._words: dict[_Words, int] = {}
        # A maker that is interrupted closes it while its last page is still written by a thread.
        self._lock = Lock()
        with _in_words(path):
            # Held by its maker: what nobody holds is the rest of a crash (`is_abandoned`).
            self._held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_EX)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.executescript(_MAKING + _SCHEMA)

    def add(self, rows: Iterable[Recorded]) -> None:
        """Add a page of objects; a key that came before is replaced. Raises StateError."""
        with self._lock, _in_words(self.path), self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(_INSERT, map(self._columns, rows))

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write what the record is about and put all of it on the disk; raises StateError."""
        document = json.dumps({"format": FORMAT_VERSION, **about})
        with self._lock, _in_words(self.path):
            self._connection.execute("INSERT INTO about VALUES (?)", (document,))
            self._connection.close()
            os.fsync(self._held)

    def counted(self) -> tuple[int, int]:
        """Return how many objects there are, and their bytes; raises StateError."""
        with self._lock, _in_words(self.path):
            row = self._connection.execute(
                "SELECT count(*), coalesce(sum(size), 0) FROM objects"
            ).fetchone()
        return int(row[0]), int(row[1])

    def close(self) -> None:
        """Take the name away under which it was made; the record stays where it got another."""
        with self._lock:
            self._connection.close()
            self.path.unlink(missing_ok=True)
            os.close(self._held)

    def _columns(self, row: Recorded) -> tuple[bytes, str, int, str, str | None, int]:
        number = self._words.get((row.more, row.owner))
        if number is None:
            number = self._number_words((row.more, row.owner))
        return key_bytes(row.key), row.etag, row.size, row.modified, row.version_id, number

    def _number_words(self, words: _Words) -> int:
        if len(self._words) >= _WORDS_MAX:
            raise StateError(f"the listing has more than {_WORDS_MAX} different owners and classes")
        number = self._words[words] = len(self._words)
        self._connection.execute("INSERT INTO words VALUES (?, ?, ?)", (number, *words))
        return number


def is_abandoned(path: Path) -> bool:
    """Return whether nobody is making the record at `path` any more."""
    with suppress(OSError):
        held = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(held)
        return True
    return False


class Record:
    """A finished record, open for reading; one call at a time, from any thread."""

    def __init__(self, path: Path) -> None:
        """Open it; raises StateError for what is no record that this version reads."""
        self._path = path
        self._lock = Lock()
        with _in_words(path):
            self._connection = _connected(path)
            try:
                self.about: dict[str, Any] = _about(self._connection, path)
                words = self._connection.execute("SELECT id, more, owner FROM words").fetchall()
            except BaseException:
                self._connection.close()
                raise
        self._words: dict[int, _Words] = {number: (more, owner) for number, more, owner in words}

    def find(self, key: str) -> Recorded | None:
        """Return what was recorded of `key`; raises StateError."""
        with self._lock, _in_words(self._path):
            row = self._connection.execute(_FIND, (key_bytes(key),)).fetchone()
        return None if row is None else self._recorded(row)

    def read(self, walk: Callable[[Scan], Result]) -> Result:
        """Return what `walk` makes of the rows; raises StateError."""
        with self._lock, _in_words(self._path):
            return walk(self._scan)

    def close(self) -> None:
        """Close it; whoever reads is waited for, whoever comes later gets a StateError."""
        with self._lock:
            self._connection.close()

    def _scan(self, start: bytes, stop: bytes | None) -> Iterator[Recorded]:
        asked = (start,) if stop is None else (start, stop)
        query = _FROM if stop is None else _BETWEEN
        with closing(self._connection.execute(query, asked)) as rows:
            for row in rows:
                yield self._recorded(row)

    def _recorded(self, row: tuple[bytes, str, int, str, str | None, int]) -> Recorded:
        key, etag, size, modified, version_id, number = row
        more, owner = self._words[number]
        return Recorded(
            key.decode("utf-8", "surrogatepass"), etag, size, modified, version_id, more, owner
        )


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.executescript(_READING)
    return connection


def _about(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    found = connection.execute("SELECT document FROM about").fetchone()
    about: dict[str, Any] = json.loads(found[0]) if found is not None else {}
    if about.pop("format", None) != FORMAT_VERSION:
        raise StateError(f"{path} is no snapshot that this version of Forebay reads")
    return about


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise StateError(f"the snapshot at {path} cannot be used: {error}") from error
