"""Staged files: what is being written, on this machine's disk until it is at the origin.

A staged file has no name, so that nothing is left of it when its process is killed: nothing of it
was acknowledged. Where flash is sealed it is sealed as well, unit by unit, by a key that is only in
memory; each sealing of a unit has a number of its own, since no number may seal twice.

All staged files of a mount share one bound. A file that outgrows it can still be written in order:
what was sent on to the origin already is let go (`let_go`), and cannot be read or changed then.
"""

import os
from errno import EFBIG, EIO, ENOSPC
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Protocol

from gateway.flash.sealing import SpoolSealing
from gateway.flash.units import STORED_UNIT_BYTES, UNIT_BYTES
from gateway.telemetry import metrics

_ZEROS: Final = bytes(UNIT_BYTES)
LENGTH_MAX: Final = 5 * 2**40
"""An object's bound at S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html."""


class StagingBudget:
    """The bytes that all staged files of a mount may have together."""

    def __init__(self, bytes_max: int) -> None:
        """Have none yet."""
        self._bytes_max = bytes_max
        self.used = 0

    def has_room(self, count: int) -> bool:
        """Return whether so many bytes more may be staged."""
        return self.used + count <= self._bytes_max

    def refuse_more(self, count: int) -> None:
        """Raise OSError (ENOSPC) where so many bytes more are too many."""
        if not self.has_room(count):
            raise OSError(ENOSPC, "mount.staged_bytes_max is reached")

    def take(self, count: int) -> None:
        """Take bytes, or give them back where `count` is negative; raises OSError (ENOSPC)."""
        if count > 0:
            self.refuse_more(count)
        self.used += count
        metrics.mount_staged_bytes.inc(count)


class _Store(Protocol):
    """Bytes at places; its methods block, and raise OSError."""

    def read(self, offset: int, count: int) -> bytes: ...
    def write(self, offset: int, piece: bytes | memoryview) -> None: ...
    def truncate(self, length: int) -> None: ...
    def close(self) -> None: ...


class StagedFile:
    """One file, `length` bytes long; zeros where nothing was written."""

    def __init__(
        self, folder: Path, budget: StagingBudget, *, is_sealed: bool, start: int = 0
    ) -> None:
        """Make it in `folder`; raises OSError."""
        self._store: _Store = _SealedStore(folder) if is_sealed else _PlainStore(folder)
        self._budget = budget
        self.length = self.start = start
        """Bytes before `start` were let go, or never here."""

    def read(self, offset: int, count: int) -> bytes:
        """Return bytes, fewer at the end; raises OSError (EFBIG) for those that were let go."""
        count = min(count, self.length - offset)
        if count <= 0:
            return b""
        self.refuse_gone(offset)
        return self._store.read(offset - self.start, count)

    def write(self, offset: int, piece: bytes | memoryview) -> None:
        """Put bytes at a place, behind the end as well; raises OSError.

        What cannot be written whole makes the file no longer: its end would be zeros.
        """
        before, stop = self.length, offset + len(piece)
        self.refuse_gone(offset)
        self._grow(stop)
        try:
            self._store.write(offset - self.start, piece)
        except OSError:
            self.truncate(min(before, self.length))
            raise

    def truncate(self, length: int) -> None:
        """Cut it, or lengthen it by zeros; raises OSError."""
        self.refuse_gone(length)
        self._grow(length)
        if length < self.length:
            self._budget.take(length - self.length)
            self.length = length
        self._store.truncate(length - self.start)

    def _grow(self, length: int) -> None:
        if length > LENGTH_MAX:
            raise OSError(EFBIG, "an object ends at 5 TiB")
        if length > self.length:
            self._budget.take(length - self.length)
            self.length = length

    def let_go(self) -> None:
        """Forget all bytes up to the end: what follows them is still taken."""
        self._store.truncate(0)
        self._budget.take(self.start - self.length)
        self.start = self.length

    def refuse_gone(self, offset: int) -> None:
        """Raise OSError (EFBIG) for a place that was let go."""
        if offset < self.start:
            raise OSError(EFBIG, "beyond mount.staged_bytes_max a file is written in order only")

    def close(self) -> None:
        """Let all of it go."""
        self._budget.take(self.start - self.length)
        self.length = self.start = 0
        self._store.close()


class _PlainStore:
    """A file as it is."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - see close

    def read(self, offset: int, count: int) -> bytes:
        found = os.pread(self._file.fileno(), count, offset)
        return found.ljust(count, b"\0")

    def write(self, offset: int, piece: bytes | memoryview) -> None:
        view = memoryview(piece)
        while view:
            written = os.pwrite(self._file.fileno(), view, offset)
            offset += written
            view = view[written:]

    def truncate(self, length: int) -> None:
        os.ftruncate(self._file.fileno(), length)

    def close(self) -> None:
        self._file.close()


class _SealedStore:
    """A file of sealed units, each as it was sealed last."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - see close
        self._sealing = SpoolSealing()
        self._sealed_as: dict[int, int] = {}
        """By unit: the number of its last sealing; units without one are zeros."""
        self._sealings = 0

    def read(self, offset: int, count: int) -> bytes:
        first, last = offset // UNIT_BYTES, (offset + count - 1) // UNIT_BYTES
        found = b"".join(self._unit(number) for number in range(first, last + 1))
        skip = offset - first * UNIT_BYTES
        return found[skip : skip + count]

    def _unit(self, number: int) -> bytes:
        sealing = self._sealed_as.get(number)
        if sealing is None:
            return _ZEROS
        stored = os.pread(self._file.fileno(), STORED_UNIT_BYTES, number * STORED_UNIT_BYTES)
        opened = self._sealing.open(sealing, stored)
        if opened is None:
            raise OSError(EIO, "a staged file is not what was written")
        return opened

    def write(self, offset: int, piece: bytes | memoryview) -> None:
        view = memoryview(piece)
        while view:
            number, skip = divmod(offset, UNIT_BYTES)
            part = view[: UNIT_BYTES - skip]
            if len(part) == UNIT_BYTES:
                unit = bytes(part)
            else:
                before = self._unit(number)
                unit = before[:skip] + bytes(part) + before[skip + len(part) :]
            self._put(number, unit)
            offset += len(part)
            view = view[len(part) :]

    def _put(self, number: int, unit: bytes) -> None:
        self._sealings += 1
        stored = self._sealing.seal(self._sealings, unit)
        if os.pwrite(self._file.fileno(), stored, number * STORED_UNIT_BYTES) != len(stored):
            raise OSError(ENOSPC, "the disk of flash.path is full")
        self._sealed_as[number] = self._sealings

    def truncate(self, length: int) -> None:
        whole, rest = divmod(length, UNIT_BYTES)
        if rest and whole in self._sealed_as:
            self._put(whole, self._unit(whole)[:rest].ljust(UNIT_BYTES, b"\0"))
        first_gone = whole + bool(rest)
        for number in [one for one in self._sealed_as if one >= first_gone]:
            del self._sealed_as[number]
        os.ftruncate(self._file.fileno(), first_gone * STORED_UNIT_BYTES)

    def close(self) -> None:
        self._file.close()


class StagingArea:
    """Where a mount stages, and how much."""

    def __init__(self, folder: Path, bytes_max: int, *, is_sealed: bool) -> None:
        """Make nothing yet."""
        self._folder = folder
        self._is_sealed = is_sealed
        self.budget = StagingBudget(bytes_max)

    def file(self, start: int = 0) -> StagedFile:
        """Return a new staged file, of what follows the first `start` bytes; raises OSError."""
        return StagedFile(self._folder, self.budget, is_sealed=self._is_sealed, start=start)
