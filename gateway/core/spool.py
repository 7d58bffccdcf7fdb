"""A body set aside before it is passed on: in memory while small, in an unnamed file beyond.

A directory that fails (full, read-only, gone) is left for the next one, with what was written so
far: trouble with flash must not fail an upload.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import gettempdir
from types import TracebackType
from typing import Self

from gateway.core.budget import ByteBudget
from gateway.core.spool_file import SpoolFile
from gateway.model.failures import Overloaded

MEMORY_BYTES_MAX = 8 * 1024 * 1024
"""Larger bodies go to a file even while memory is free."""
_READ_BYTES = 256 * 1024


class Spool(AbstractAsyncContextManager["Spool"]):
    """Bytes written once from front to back, then read as often as needed."""

    def __init__(
        self,
        directories: Iterable[Path],
        memory: ByteBudget,
        length: int,
        *,
        is_sealed: bool = False,
    ) -> None:
        """Expect `length` bytes; they stay in `memory` if they are few and fit now.

        With `is_sealed` no file holds them in plaintext.
        """
        self._is_sealed = is_sealed
        self._directories = [*directories, Path(gettempdir())]
        self._memory_budget = memory
        is_small = length <= MEMORY_BYTES_MAX and memory.try_take(length)
        self._reserved_bytes = length if is_small else 0
        self._memory = bytearray()
        self._file: SpoolFile | None = None
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
        """Let the bytes go."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let the bytes go; the file has no name that could outlive it."""
        self._memory_budget.give(self._reserved_bytes)
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def fill(self, pieces: AsyncIterable[bytes]) -> None:
        """Take every piece; raises Overloaded when no directory has room."""
        async for piece in pieces:
            await self.add(piece)

    async def tee(self, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
        """Pass the pieces on and keep a copy of each."""
        async for piece in pieces:
            await self.add(piece)
            yield piece

    async def pieces(self, piece_bytes: int = _READ_BYTES) -> AsyncGenerator[bytes]:
        """Yield the body from its start in pieces of `piece_bytes`, the last one shorter."""
        position = 0
        while position < self.length:
            if self._file is None:
                piece = bytes(self._memory[position : position + piece_bytes])
            else:
                piece = await asyncio.to_thread(self._file.read, position, piece_bytes)
            if not piece:
                raise Overloaded("the spool lost a body that it had taken")
            position += len(piece)
            yield piece

    async def add(self, piece: bytes) -> None:
        """Take the next bytes; raises Overloaded when no directory has room."""
        if self._file is None and self.length + len(piece) <= self._reserved_bytes:
            self._memory += piece
        else:
            await asyncio.to_thread(self._write_to_file, piece)
        self.length += len(piece)

    def _write_to_file(self, piece: bytes) -> None:
        """Write behind what is there; raises Overloaded when the last directory has failed."""
        is_taken = False
        while True:
            try:
                if self._file is None:
                    self._file = SpoolFile(self._directories[0], is_sealed=self._is_sealed)
                    self._file.add(self._memory)
                if not is_taken:
                    self._file.add(piece)
                    is_taken = True
                self._file.flush()
            except OSError as error:
                self._move_on(error)
            else:
                return

    def _move_on(self, error: OSError) -> None:
        """Leave a directory that failed, taking along what it still gives."""
        self._directories.pop(0)
        if not self._directories:
            raise Overloaded(f"no room for the body: {error.strerror}") from error
        if self._file is not None:
            self._file.move(self._directories[0])
