"""All snapshots there are: a folder of records, and a number that every change moves on.

A snapshot is there once its finished record has its name, and gone once the name is: one rename
says both, so that there is no second book that could disagree. Beside the records lies `moment`,
eight bytes that all processes map: while it stands still, what a process has read of the folder
holds, which it asks for each request at the price of comparing eight bytes.
"""

import fcntl
import logging
import mmap
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.model.snapshots import Snapshot
from gateway.state.snapshot_record import Record, RecordMaking, is_abandoned
from gateway.state.store import StateError

SNAPSHOTS_MAX: Final = 256
"""Each is a file that every worker holds open."""
_SUFFIX: Final = ".snapshot"
_MAKING_SUFFIX: Final = ".making"
_MOMENT: Final = "moment"
_MOMENT_BYTES: Final = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A snapshot with its record, open."""

    snapshot: Snapshot
    record: Record
    inode: int


class Snapshots:
    """One process's view of the folder."""

    def __init__(self, folder: Path, now_seconds: Callable[[], float]) -> None:
        """Open `folder`, made where it is absent; raises StateError."""
        self._folder = folder
        self.now_seconds = now_seconds
        self._held: dict[str, Held] = {}
        self._unreadable: dict[str, StateError] = {}
        self._looking = Lock()  # the sweep looks from a thread of its own
        self._seen = b""
        with self._in_words():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(folder / _MOMENT, os.O_RDWR | os.O_CREAT, 0o600)
            with self._alone():
                if os.fstat(self._descriptor).st_size < _MOMENT_BYTES:
                    os.ftruncate(self._descriptor, _MOMENT_BYTES)
            self._moment = mmap.mmap(self._descriptor, _MOMENT_BYTES)

    def find(self, bucket: str | None) -> Held | None:
        """Return the snapshot of that name as of now, expired or not.

        Raises StateError for one that is there and cannot be read: its name must never fall through
        to the origin, which may have another bucket of that name by now.
        """
        if self._moment[:] != self._seen or bucket in self._unreadable:
            with self._looking:
                self._read_again()
        if bucket in self._unreadable:
            raise self._unreadable[bucket]
        return self._held.get(bucket) if bucket is not None else None

    def all(self) -> list[Held]:
        """Return every snapshot that can be read, by name; those that have expired too."""
        self.find(None)
        return sorted(self._held.values(), key=lambda held: held.snapshot.name)

    @contextmanager
    def making(self, name: str) -> Iterator[RecordMaking]:
        """Yield a record to fill for `name`, which only `publish` makes visible."""
        with self._in_words():
            begun = RecordMaking(self._folder / f"{name}.{secrets.token_hex(8)}{_MAKING_SUFFIX}")
        try:
            yield begun
        finally:
            begun.close()

    def publish(self, made: RecordMaking, snapshot: Snapshot) -> None:
        """Put a record under its name, on the disk before this returns, seen by every process.

        Raises InvalidRequest where that name was taken meanwhile or there are too many, and
        StateError.
        """
        made.finish(asdict(snapshot))
        with self._in_words(), self._alone():
            if sum(1 for _ in self._folder.glob(f"*{_SUFFIX}")) >= SNAPSHOTS_MAX:
                raise InvalidRequest(f"there are {SNAPSHOTS_MAX} snapshots: remove one first")
            try:
                os.link(made.path, self._path(snapshot.name))
            except FileExistsError:
                raise InvalidRequest(f'there is a snapshot "{snapshot.name}" already') from None
            self._changed()

    def remove(self, name: str, *, inode: int | None = None) -> bool:
        """Remove a snapshot for every process; False where it is not there. Raises StateError.

        With `inode` only that very one, and none that was taken by its name since.
        """
        with self._in_words(), self._alone():
            path = self._path(name)
            try:
                if inode is not None and path.stat().st_ino != inode:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
            self._changed()
            return True

    def sweep(self) -> list[str]:
        """Remove what has expired and what crashes left half-made; return the names that went."""
        over = [held for held in self.all() if held.snapshot.is_over(self.now_seconds())]
        gone = [
            held.snapshot.name for held in over if self.remove(held.snapshot.name, inode=held.inode)
        ]
        with self._in_words():
            for path in self._folder.glob(f"*{_MAKING_SUFFIX}"):
                if is_abandoned(path):
                    path.unlink(missing_ok=True)
        return gone

    def size_bytes(self, name: str) -> int:
        """Return how large a snapshot's record is."""
        with self._in_words():
            return self._path(name).stat().st_size

    def close(self) -> None:
        """Close the folder and every record."""
        for held in self._held.values():
            held.record.close()
        self._held.clear()
        self._moment.close()
        os.close(self._descriptor)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _read_again(self) -> None:
        """Look at the folder; a record that did not change stays open."""
        seen = self._moment[:]  # before the folder: what changes meanwhile is read again
        before, found = self._held, {}
        unreadable: dict[str, StateError] = {}
        with self._in_words():
            entries = [one for one in os.scandir(self._folder) if one.name.endswith(_SUFFIX)]
        for entry in entries:
            name = entry.name.removesuffix(_SUFFIX)
            held = before.get(name)
            if held is None or held.inode != entry.inode():
                held = self._opened(name, entry.inode(), unreadable)
            if held is not None:
                found[name] = held
        self._held, self._unreadable, self._seen = found, unreadable, seen
        for name, held in before.items():
            if found.get(name) is not held:
                held.record.close()

    def _opened(self, name: str, inode: int, unreadable: dict[str, StateError]) -> Held | None:
        try:
            record = Record(self._path(name))
            return Held(Snapshot(**record.about), record, inode)
        except (StateError, TypeError) as error:
            if not self._path(name).exists():
                return None  # removed since the folder was looked at
            if name not in self._unreadable:
                _log.error("the snapshot %s is left out: %s", name, error)
            unreadable[name] = StateError(f'The snapshot "{name}" cannot be read.')
            return None

    def _changed(self) -> None:
        """Put the folder on the disk, then tell every process that has it open."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        number = int.from_bytes(self._moment[:], "little") + 1
        self._moment[:] = number.to_bytes(_MOMENT_BYTES, "little")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process from changing the folder meanwhile."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateError(f"snapshots at {self._folder} cannot be used: {error}") from error
