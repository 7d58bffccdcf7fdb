"""Which bytes of flash may be served: their proof, and what becomes of chunks that fail it.

On the event loop's thread; what waits for the disk runs on threads of its own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Literal, TypeVar

from gateway.flash.lifeline import TROUBLES, Lifeline
from gateway.flash.quarantine import quarantine
from gateway.flash.readers import Readable, SegmentHandle
from gateway.flash.rows import Extent
from gateway.flash.volume import Volume

_JUDGED_BYTES_MAX: Final = 256 * 1024
_THREADS: Final = 4
T = TypeVar("T")


class Proving:
    """The reading side of one process's flash."""

    def __init__(self, lifeline: Lifeline, patience_seconds: float) -> None:
        """Read from the volume that is live; no wait for the disk is longer than the patience."""
        self._lifeline = lifeline
        self._patience_seconds = patience_seconds
        self._threads = ThreadPoolExecutor(_THREADS, "flash-read")
        self.chunks_bad = 0

    def close(self) -> None:
        """Start no more reads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def find_handle(self, extent: Extent) -> SegmentHandle | None:
        """Return a use of the extent's segment; None if it is gone."""
        volume = self._lifeline.live
        if volume is None:
            return None
        try:
            return volume.readers.find_handle(extent.segment)
        except OSError as error:
            self._lifeline.report(error)
            return None

    def is_proven(self, extent: Extent) -> bool:
        """Return whether the bytes count as proven and are in memory now."""
        volume = self._lifeline.live
        if volume is None or not volume.readers.is_known(extent):
            return False
        try:
            return volume.readers.is_resident(extent)
        except OSError as error:
            self._lifeline.report(error)
            return False

    async def proven(self, body: bytes, number: int, extent: Extent) -> bool:
        """Bring the bytes into memory and return whether they are right; else drop the chunk."""
        volume = self._lifeline.live
        if volume is None:
            return False
        if self.is_proven(extent):
            return True
        prove = partial(_proven_or_dropped, volume, body, number, extent)
        return await self._in_thread(prove) is not None

    async def judged(self, body: bytes, number: int, extent: Extent) -> bytes | None:
        """Return the bytes of a chunk that is right, just read; else drop it, and return None."""
        volume = self._lifeline.live
        if volume is None:
            return None
        read = partial(_read_or_dropped, volume, body, number, extent)
        return await self._in_thread(read)

    async def _in_thread(self, call: Callable[[], T | None]) -> T | None:
        """Return what a call on a thread gives; None where the disk is in trouble."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience_seconds):
                found = await loop.run_in_executor(self._threads, call)
        except (*TROUBLES, RuntimeError) as error:
            self._lifeline.report(error)
            return None
        self.chunks_bad += found is None
        return found

    def read_now(
        self,
        body: bytes,
        number: int,
        extent: Extent,
        start: int,
        length: int,
    ) -> Readable | None:
        """Return bytes of a chunk that are proven and in memory, or short enough to be judged."""
        volume = self._lifeline.live
        if volume is None:
            return None
        is_sealed = volume.keys is not None
        is_long = extent.length > _JUDGED_BYTES_MAX
        if is_long and not is_sealed and not volume.readers.is_known(extent):
            return None
        try:
            if is_sealed:
                return volume.readers.open_now(body, number, extent, start, length)
            return volume.readers.read_now(extent, start, length)
        except OSError as error:
            self._lifeline.report(error)
            return None


def _proven_or_dropped(
    volume: Volume, body: bytes, number: int, extent: Extent
) -> Literal[True] | None:
    """Return True where the chunk is right; on a thread, since it waits for the disk."""
    if volume.readers.prove(body, number, extent):
        return True
    quarantine(volume.parts, body, number, extent)
    return None


def _read_or_dropped(volume: Volume, body: bytes, number: int, extent: Extent) -> bytes | None:
    """Return the chunk's bytes where they are right; on a thread, since it waits for the disk."""
    data = volume.readers.read(extent)
    if data is None:
        quarantine(volume.parts, body, number, extent)
    return data
