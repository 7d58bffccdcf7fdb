"""A body set aside before it is passed on: in memory while small, in an unlinked file beyond."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from gateway.model.failures import Overloaded

_READ_BYTES = 256 * 1024


class Spool(AbstractAsyncContextManager["Spool"]):
    """Bytes written once from front to back, then read as often as needed."""

    def __init__(self, directories: Iterable[Path], memory_bytes_max: int) -> None:
        """Keep up to `memory_bytes_max` in memory; files go to the first directory that works."""
        self._directories = tuple(directories)
        self._memory_bytes_max = memory_bytes_max
        self._file: SpooledTemporaryFile[bytes] | None = None
        self.length = 0

    async def __aenter__(self) -> Self:
        """Open nothing: a small body needs no file."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the bytes go; the file has no name that could outlive it."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def fill(self, pieces: AsyncIterable[bytes]) -> None:
        """Take every piece; raises Overloaded when no directory has room."""
        if self._file is None:
            self._file = await asyncio.to_thread(self._open)
        async for piece in pieces:
            await self._write(piece)

    async def tee(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Pass the pieces on and keep a copy of each."""
        if self._file is None:
            self._file = await asyncio.to_thread(self._open)
        async for piece in pieces:
            await self._write(piece)
            yield piece

    async def pieces(self, piece_bytes: int = _READ_BYTES) -> AsyncIterator[bytes]:
        """Yield the body from its start in pieces of `piece_bytes`, the last one shorter."""
        file = self._file
        if file is None:
            return
        position = 0
        while position < self.length:
            piece = await asyncio.to_thread(_read_at, file, position, piece_bytes)
            if not piece:
                raise Overloaded("the spool lost a body that it had taken")
            position += len(piece)
            yield piece

    async def _write(self, piece: bytes) -> None:
        assert self._file is not None  # noqa: S101 - both callers open it
        try:
            if self.length + len(piece) <= self._memory_bytes_max:
                self._file.write(piece)
            else:
                await asyncio.to_thread(self._file.write, piece)
        except OSError as error:
            raise Overloaded(f"the spool cannot take the body: {error.strerror}") from error
        self.length += len(piece)

    def _open(self) -> "SpooledTemporaryFile[bytes]":
        for directory in self._directories:
            if directory.is_dir():
                return SpooledTemporaryFile(self._memory_bytes_max, dir=str(directory))
        return SpooledTemporaryFile(self._memory_bytes_max)


def _read_at(file: SpooledTemporaryFile[bytes], position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
