"""Reads of one open file: long walks under a sequential reader, short ones under a random one.

The core reads ahead within the range that it is asked for, so a sequential reader is given windows,
several of them at once, and further the further it went on: one stream from the origin is slow, and
what is asked for in vain is bounded by what was read. The kernel sends the parts of its own
readahead side by side, in order; they are served in turn.
"""

import asyncio
import mmap
import os
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from errno import EINVAL
from typing import Final

from gateway.core.reading import FlashPiece, Piece
from gateway.filesystem.interface import OpenFile
from gateway.flash.readers import Readable
from gateway.model.ranges import ByteRange
from gateway.telemetry import metrics

WINDOW_BYTES_MIN: Final = 2 * 1024 * 1024
_AHEAD_BYTES_MIN: Final = 2 * WINDOW_BYTES_MIN
_AHEAD_FACTOR: Final = 2
"""How far ahead is asked, in bytes that were read so far."""
_WINDOWS: Final = 4
"""How many there are ahead of a reader: each is a stream from the origin, a long one several."""
_HITS_MIN: Final = 2
"""Reads in a row, each where the last one ended, that make a reader sequential."""

_RANDOM: Final = metrics.mount_reads.labels(way="random")
_SEQUENTIAL: Final = metrics.mount_reads.labels(way="sequential")

_SHARED: Final = memoryview(bytearray(1024 * 1024))
"""What a read gives that is one piece of flash: it is on its way to the kernel before anything else
runs, since nobody waits in between, and fresh memory for each would cost as much as the copy."""

_MAPPED_BYTES_MIN: Final = 128 * 1024
"""What a read gives that is longer is not copied at all, but mapped: shorter, that costs more."""
_POPULATE_READ: Final = 22
"""madvise(2)'s MADV_POPULATE_READ, of Linux 5.14: pages come now, and what is gone is told."""

Start = Callable[[Awaitable[None]], "asyncio.Task[Exception | None]"]
"""Begins a task in the group of the door, which returns its failure."""


class Window:
    """A walk over a range, read from its beginning; `position` is the next byte."""

    __slots__ = ("_at", "_first", "_piece", "_pieces", "position", "stop")

    def __init__(self, source: OpenFile, wanted: ByteRange) -> None:
        """Begin nothing yet."""
        self.position, self.stop = wanted.start, wanted.stop
        self._pieces: AsyncGenerator[Piece] = source.pieces(wanted)
        self._piece: Piece | None = None
        self._at = 0
        self._first: asyncio.Task[Exception | None] | None = None

    def begin(self, start: Start) -> None:
        """Have the first piece fetched meanwhile."""
        self._first = start(self._fetch())

    async def _fetch(self) -> None:
        """Take the next piece; raises what the source raises, EOFError where it ends early."""
        self._drop()
        try:
            self._piece = await anext(self._pieces)
        except StopAsyncIteration:
            raise EOFError from None

    async def take(self, count: int, *, is_all: bool) -> Readable:
        """Return the next bytes, exactly `count`, which lie within the window.

        Where they are all that is awaited, they may lie in a buffer that the next read uses again.
        """
        if self._first is not None:
            first, self._first = self._first, None
            failure = await first
            if failure is not None:
                raise failure
        parts: list[Readable] = []
        while count:
            if self._piece is None or self._at == _length(self._piece):
                await self._fetch()
            assert self._piece is not None  # noqa: S101 - `_fetch` gives one or raises
            part = _part(self._piece, self._at, count, is_all=is_all and not parts)
            if not len(part):
                raise EOFError
            self._at += len(part)
            self.position += len(part)
            count -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _drop(self) -> None:
        if isinstance(self._piece, FlashPiece):
            self._piece.handle.close()
        self._piece, self._at = None, 0

    async def close(self) -> None:
        """End the walk; fetches that nobody else waits for end soon after."""
        if self._first is not None:
            self._first.cancel()
            await asyncio.wait({self._first})
            self._first = None
        self._drop()
        await self._pieces.aclose()


class Reader:
    """One handle's way through one version."""

    def __init__(self, source: OpenFile, readahead_bytes_max: int, start: Start) -> None:
        """Begin at no place; `start` makes the door's tasks."""
        self.source = source
        self._size = source.status.length
        self._ahead_max = readahead_bytes_max
        self._start = start
        self._lock = asyncio.Lock()
        self._awaited = 0
        """Where a read begins that goes on sequentially."""
        self._hits = 0
        self._windows: deque[Window] = deque()
        """The one that is read, and those behind it that are begun."""
        self._began = 0
        """Where the first of them began."""

    async def read(self, offset: int, count: int) -> Readable:
        """Return the bytes there, fewer at the file's end; raises as the source does."""
        stop = min(offset + count, self._size)
        if stop <= offset:
            return b""
        is_next = offset == self._awaited
        self._awaited = stop
        self._hits = self._hits + 1 if is_next else 0
        if self._hits < _HITS_MIN or not self._ahead_max:
            _RANDOM.inc()
            return await self.source.read(ByteRange(offset, stop))
        async with self._lock:
            return await self._read_on(offset, stop)

    async def _read_on(self, offset: int, stop: int) -> Readable:
        """Return the bytes by the windows, or by new ones where they are elsewhere."""
        if not self._windows or self._windows[0].position != offset:
            await self._close_windows()
            self._began = offset
        _SEQUENTIAL.inc()
        parts: list[Readable] = []
        try:
            while offset < stop:
                self._look_ahead(offset)
                window = self._windows[0]
                if window.position == window.stop:
                    await self._windows.popleft().close()
                    continue
                is_all = not parts and stop <= window.stop
                part = await window.take(min(stop, window.stop) - offset, is_all=is_all)
                offset += len(part)
                parts.append(part)
        except BaseException:
            await self._close_windows()
            raise
        self._look_ahead(offset)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _look_ahead(self, position: int) -> None:
        """Begin windows as far as the reader is worth it, and one in any case."""
        worth = max(_AHEAD_BYTES_MIN, _AHEAD_FACTOR * (position - self._began))
        ahead = min(worth, self._ahead_max)
        begun = self._windows[-1].stop if self._windows else position
        while begun < self._size and (begun - position < ahead or begun == position):
            window = Window(self.source, ByteRange(begun, self._stop_of(begun, ahead)))
            window.begin(self._start)
            self._windows.append(window)
            begun = window.stop

    def _stop_of(self, start: int, ahead: int) -> int:
        """Return where a window ends: no two of them share a chunk of the usual length."""
        count = max(WINDOW_BYTES_MIN, ahead // _WINDOWS)
        return min(self._size, (start + count) // WINDOW_BYTES_MIN * WINDOW_BYTES_MIN)

    async def _close_windows(self) -> None:
        while self._windows:
            await self._windows.popleft().close()

    async def close(self) -> None:
        """End what is going on."""
        async with self._lock:
            await self._close_windows()


def _length(piece: Piece) -> int:
    return piece.length if isinstance(piece, FlashPiece) else len(piece)


def _part(piece: Piece, at: int, count: int, *, is_all: bool) -> Readable:
    """Return up to `count` bytes of a piece; those on flash are proven and in memory."""
    is_all = is_all and count <= _length(piece) - at
    count = min(count, _length(piece) - at)
    if isinstance(piece, FlashPiece):
        descriptor, offset = piece.handle.fileno(), piece.offset + at
        if is_all and count >= _MAPPED_BYTES_MIN:
            return _mapped(descriptor, offset, count)
        if is_all and count <= len(_SHARED):
            return _SHARED[: os.preadv(descriptor, [_SHARED[:count]], offset)]
        return os.pread(descriptor, count, offset)
    if at == 0 and count == len(piece):
        return piece
    return memoryview(piece)[at : at + count]


def _mapped(descriptor: int, offset: int, count: int) -> memoryview:
    """Return bytes of a file as they lie in the page cache; raises OSError, ValueError: it ends."""
    skip = offset % mmap.PAGESIZE
    mapped = mmap.mmap(
        descriptor, skip + count, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset - skip
    )
    # What has just left memory comes back without its neighbours, which nobody has proven.
    mapped.madvise(mmap.MADV_RANDOM)
    try:
        mapped.madvise(_POPULATE_READ)
    except OSError as error:
        if error.errno != EINVAL:  # an older kernel: they come as they are sent
            raise
    return memoryview(mapped)[skip:]
