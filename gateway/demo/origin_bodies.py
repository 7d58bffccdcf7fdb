"""Where the embedded origin keeps bytes: blobs, in memory or one file each.

A body is a tuple of blobs laid end to end, so completing a multipart upload copies nothing. A
blob's file is unlinked when the last reference to it goes: an overwritten body stays readable for
the answers that are still sending it, as in S3, and nothing has to count references.
"""

import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

READ_BYTES = 1 << 20


class Blob(Protocol):
    """Some immutable bytes."""

    @property
    def size(self) -> int:
        """Return the number of bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` (included) to `stop` (excluded)."""


class BlobWriter(Protocol):
    """A blob in the making; dropped unfinished, it leaves nothing behind."""

    def write(self, piece: bytes) -> None:
        """Append bytes."""

    def finish(self) -> Blob:
        """Return the blob; no write may follow."""


@dataclass(frozen=True, slots=True)
class MemoryBlob:
    """Bytes in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return len(self.content)

    def read(self, start: int, stop: int) -> bytes:
        """Return a slice."""
        return self.content[start:stop]


class FileBlob:
    """Bytes in a file of their own, which goes when the blob goes."""

    def __init__(self, path: Path, size: int) -> None:
        """Take over the file at `path`."""
        self.path = path
        self.size = size
        weakref.finalize(self, path.unlink, missing_ok=True)

    def read(self, start: int, stop: int) -> bytes:
        """Return the range by positional read."""
        with self.path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), max(0, stop - start), start)


class MemoryWriter:
    """Collects a blob in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._content = bytearray()

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        self._content += piece

    def finish(self) -> MemoryBlob:
        """Return the blob."""
        return MemoryBlob(bytes(self._content))


class FileWriter:
    """Collects a blob in a new file of `folder`."""

    def __init__(self, folder: Path) -> None:
        """Create the file."""
        self._path = folder / f"{uuid4().hex}.blob"
        self._file = self._path.open("xb")
        self._finalizer = weakref.finalize(self, _discard, self._file.close, self._path)

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        self._file.write(piece)

    def finish(self) -> FileBlob:
        """Close the file and return the blob that owns it now."""
        self._finalizer.detach()
        size = self._file.tell()
        self._file.close()
        return FileBlob(self._path, size)


def _discard(close: object, path: Path) -> None:
    if callable(close):
        close()
    path.unlink(missing_ok=True)


def spans(body: tuple[Blob, ...], start: int, stop: int) -> Iterator[tuple[Blob, int, int]]:
    """Yield (blob, start, stop) for the parts of `body` that bytes `start` to `stop` touch."""
    offset = 0
    for blob in body:
        first, last = max(start - offset, 0), min(stop - offset, blob.size)
        if first < last:
            yield blob, first, last
        offset += blob.size


def pieces(body: tuple[Blob, ...], start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes `start` to `stop` of `body` in pieces of at most `READ_BYTES`."""
    for blob, first, last in spans(body, start, stop):
        for at in range(first, last, READ_BYTES):
            yield blob.read(at, min(at + READ_BYTES, last))
