"""Reading segments: open descriptors, and the extents whose bytes are known to be right.

A chunk's bytes never change once it is in the index, but after a power loss a page may never have
reached the disk, and disks rot. So an extent is *proven* by its CRC32C the first time it is read,
and again when its pages have left the page cache, even if another process brought them back
(`returns.py`); what this process wrote counts as proven. With
`verify` "always" nothing counts as proven, so that each read proves; with "scrub" everything does,
but for what a power loss may have taken and no scrub has seen since.

Sealed chunks prove themselves whenever they are opened: what was tampered with does not open. One
that does not is in *doubt* until it was read and judged anew, as a whole.
"""

import os
import threading
from collections import OrderedDict
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self, TypeAlias

from awscrt.checksums import crc32c

from gateway.flash.faults import Faults
from gateway.flash.residency import fill_resident, is_resident, read_resident
from gateway.flash.returns import Returns
from gateway.flash.rows import Extent
from gateway.flash.safeguards import Verify
from gateway.flash.sealing import Cipher, DataKeys, open_units
from gateway.flash.segments import data_name
from gateway.flash.units import HEAD_BYTES, UNIT_BYTES, chunk_bound, unit_places

_OPEN_MAX: Final = 256
_PROVEN_MAX: Final = 1 << 18
_CIPHERS_MAX: Final = 4096
Readable: TypeAlias = bytes | bytearray | memoryview
"""Bytes as they were read: large ones are copied no more often than they must be."""


class OpenData:
    """An open `.seg` with a count of those who use it; the last one closes it."""

    __slots__ = ("descriptor", "users")

    def __init__(self, descriptor: int) -> None:
        """Begin with one user: the cache."""
        self.descriptor = descriptor
        self.users = 1

    def leave(self) -> None:
        """Stop using it."""
        self.users -= 1
        if self.users == 0:
            os.close(self.descriptor)


class SegmentHandle:
    """A use of an open segment, as a context manager; its descriptor is shared: never seek."""

    __slots__ = ("_data", "_lock")

    def __init__(self, data: OpenData, lock: AbstractContextManager[object]) -> None:
        """Take over one use of `data`."""
        self._data: OpenData | None = data
        self._lock = lock

    def fileno(self) -> int:
        """Return the descriptor; raises ValueError once closed."""
        if self._data is None:
            raise ValueError("the segment handle is closed")
        return self._data.descriptor

    def close(self) -> None:
        """Give the use back; the bytes stay readable for others. Repeated calls do nothing."""
        with self._lock:
            data, self._data = self._data, None
            if data is not None:
                data.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A reader that was cancelled before it entered the context drops its handle here.
        self.close()


class Readers:
    """The open segments and proven extents of this process; callable from any thread."""

    def __init__(
        self,
        directory_fd: int,
        faults: Faults,
        returns: Returns,
        *,
        verify: Verify = "first",
        doubted_below: int = 0,
        keys: DataKeys | None = None,
    ) -> None:
        """Open segments relative to `directory_fd`: never those of a directory made anew.

        With `verify` "scrub", segments below `doubted_below` are proven as with "first".
        """
        self._directory_fd = directory_fd
        self._faults = faults
        self._returns = returns
        self._keys = keys
        self._ciphers: OrderedDict[tuple[int, int], Cipher] = OrderedDict()
        self._doubted: set[tuple[int, int]] = set()
        self._sealed = bytearray()
        # Sealed bytes are proven by being opened, which is at each read.
        self.is_always = verify == "always" and keys is None
        self._trusted_from = doubted_below if verify == "scrub" else 1 << 32
        # Re-entrant, since the collector may run a handle's __del__ while this thread holds it.
        self._lock = threading.RLock()
        self._open: OrderedDict[int, OpenData] = OrderedDict()
        self._proven: OrderedDict[int, dict[int, int]] = OrderedDict()
        """By segment: each place that was proven, and its count of returns at that time."""
        self._proven_count = 0
        self._reads = 0

    @property
    def is_reading(self) -> bool:
        """Return whether anybody waits for the disk now."""
        return self._reads > 0

    def find_handle(self, segment: int) -> SegmentHandle | None:
        """Return a use of the segment; None if it is gone. Raises OSError."""
        with self._lock:
            data = self._opened(segment)
            if data is None:
                return None
            data.users += 1
            return SegmentHandle(data, self._lock)

    def _opened(self, segment: int) -> OpenData | None:
        """Return the open segment, kept open for the next; the caller holds the lock."""
        data = self._open.get(segment)
        if data is not None:
            self._open.move_to_end(segment)
            return data
        try:
            descriptor = os.open(data_name(segment), os.O_RDONLY, dir_fd=self._directory_fd)
        except FileNotFoundError:
            return None
        # What the kernel read ahead would come from the disk and pass for proven: it had been.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        data = self._open[segment] = OpenData(descriptor)
        if len(self._open) > _OPEN_MAX:
            self._open.popitem(last=False)[1].leave()
        return data

    def read(self, extent: Extent) -> bytes | None:
        """Return the extent's bytes from the disk if they are right, and count it as proven.

        None if they are wrong or the segment is gone; raises OSError. Blocks: not for the loop.
        """
        self._faults.at("segment.read")
        handle = self.find_handle(extent.segment)
        if handle is None:
            return None
        with self._lock:
            self._reads += 1
        try:
            with handle:
                returns = self._counted(handle, extent)
                data = _read_whole(handle.fileno(), extent)
        finally:
            with self._lock:
                self._reads -= 1
        return data if self._judge(extent, data, returns) else None

    def _counted(self, handle: SegmentHandle, extent: Extent) -> int:
        """Count a return where the extent must come from the disk; return the count."""
        if not is_resident(handle.fileno(), extent.offset, extent.length):
            self._returns.note(extent)
        return self._returns.count(extent)

    def is_right_on_flash(self, extent: Extent) -> bool:
        """Return whether the bytes are right, without a trace; raises OSError. Blocks.

        What was not in memory is not kept there: nobody asked for it. True where the segment is
        gone.
        """
        handle = self.find_handle(extent.segment)
        if handle is None:
            return True
        with handle:
            was_resident = is_resident(handle.fileno(), extent.offset, extent.length)
            self._counted(handle, extent)
            data = _read_whole(handle.fileno(), extent)
            if not was_resident:
                advice = os.POSIX_FADV_DONTNEED
                os.posix_fadvise(handle.fileno(), extent.offset, extent.length, advice)
        return len(data) == extent.length and crc32c(data) == extent.crc32c

    def prove(self, body: bytes, number: int, extent: Extent) -> bool:
        """Bring a chunk into memory and return whether it is right; raises OSError. Blocks.

        Many may have asked for a hot one at once: those behind the first find it done.
        """
        if self.is_known(extent) and self.is_resident(extent):
            return True
        data = self.read(extent)
        if data is None or self._keys is None:
            return data is not None
        place = extent.segment, extent.offset
        is_right = self._opened_whole(body, number, extent, data)
        (self._doubted.discard if is_right else self._doubted.add)(place)
        return is_right

    def _opened_whole(self, body: bytes, number: int, extent: Extent, data: bytes) -> bool:
        """Return whether a whole sealed chunk opens; one in plaintext does not."""
        assert self._keys is not None  # noqa: S101 - the caller looked
        if not extent.is_sealed:
            return False
        cipher = self._keys.find_cipher(data[:HEAD_BYTES])
        bound = chunk_bound(body, number, extent.body_bytes)
        units = memoryview(data)[HEAD_BYTES:]
        return cipher is not None and open_units(cipher, bound, 0, units) is not None

    def open_now(
        self, body: bytes, number: int, extent: Extent, start: int, length: int
    ) -> Readable | None:
        """Return bytes of a sealed chunk if they are in memory and right; raises OSError.

        For one thread alone, the loop's: sealed bytes are read to one place, time and again.
        """
        first, at, stop = unit_places(start, length, extent.length)
        with self._lock:
            opened = self._opened(extent.segment)
            cipher = self._find_cipher(opened, extent) if opened is not None else None
            if opened is None or cipher is None:
                return None
            if stop - at > len(self._sealed):
                self._sealed = bytearray(stop - at)
            stored = memoryview(self._sealed)[: stop - at]
            if not fill_resident(opened.descriptor, extent.offset + at, stored):
                return None
        bound = chunk_bound(body, number, extent.body_bytes)
        units = open_units(cipher, bound, first, stored)
        if units is None:
            self._doubted.add((extent.segment, extent.offset))
            return None
        skip = start - first * UNIT_BYTES
        return units if len(units) == length else memoryview(units)[skip : skip + length]

    def _find_cipher(self, opened: OpenData, extent: Extent) -> Cipher | None:
        """Return the chunk's cipher, kept for the next read; None if that takes the disk."""
        place = extent.segment, extent.offset
        cipher = self._ciphers.get(place)
        if cipher is None and self._keys is not None and extent.is_sealed:
            head = read_resident(opened.descriptor, extent.offset, HEAD_BYTES)
            cipher = None if head is None else self._keys.find_cipher(head)
            if cipher is not None:
                self._ciphers[place] = cipher
                if len(self._ciphers) > _CIPHERS_MAX:
                    self._ciphers.popitem(last=False)
        return cipher

    def read_now(self, extent: Extent, start: int, length: int) -> bytes | None:
        """Return bytes of the extent if they are in memory and right; raises OSError.

        An extent not yet proven is read and judged whole.
        """
        is_known = self.is_known(extent)
        first, count = (start, length) if is_known else (0, extent.length)
        returns = self._returns.count(extent)
        # Under the lock in place of a use of its own: this read does not wait for the disk.
        with self._lock:
            opened = self._opened(extent.segment)
            if opened is None:
                return None
            data = read_resident(opened.descriptor, extent.offset + first, count)
        if data is None or is_known:
            return data
        return data[start : start + length] if self._judge(extent, data, returns) else None

    def is_known(self, extent: Extent) -> bool:
        """Return whether the extent counts as proven: by this process, by having been written."""
        if self.is_always or (self._doubted and (extent.segment, extent.offset) in self._doubted):
            return False
        if extent.segment >= self._trusted_from:
            return True
        offsets = self._proven.get(extent.segment)
        if offsets is None:
            return False
        return offsets.get(extent.offset) == self._returns.count(extent)

    def is_resident(self, extent: Extent) -> bool:
        """Return whether the extent's pages are in memory; raises OSError."""
        handle = self.find_handle(extent.segment)
        if handle is None:
            return False
        with handle:
            return is_resident(handle.fileno(), extent.offset, extent.length)

    def note_proven(self, extent: Extent) -> None:
        """Count an extent as proven that this process has just written."""
        self._remember(extent, self._returns.count(extent))

    def _remember(self, extent: Extent, returns: int) -> None:
        """Count an extent as proven while its returns stay at that; old ones are forgotten."""
        with self._lock:
            offsets = self._proven.setdefault(extent.segment, {})
            self._proven_count += extent.offset not in offsets
            offsets[extent.offset] = returns
            while self._proven_count > _PROVEN_MAX and len(self._proven) > 1:
                self._proven_count -= len(self._proven.popitem(last=False)[1])

    def drop_segment(self, segment: int) -> None:
        """Let go of a segment that was evicted: an open descriptor keeps its bytes on the disk."""
        with self._lock:
            data = self._open.pop(segment, None)
            if data is not None:
                data.leave()
            self._proven_count -= len(self._proven.pop(segment, ()))

    def drop_unlinked(self) -> None:
        """Let go of the segments that other processes evicted."""
        with self._lock:
            unlinked = [
                segment
                for segment, data in self._open.items()
                if os.fstat(data.descriptor).st_nlink == 0
            ]
        for segment in unlinked:
            self.drop_segment(segment)

    def close(self) -> None:
        """Close what is not in use; users of the rest finish safely."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].leave()
            self._proven.clear()
            self._proven_count = 0

    def _judge(self, extent: Extent, data: bytes, returns: int) -> bool:
        if len(data) != extent.length or crc32c(data) != extent.crc32c:
            return False
        self._remember(extent, returns)
        return True


def _read_whole(descriptor: int, extent: Extent) -> bytes:
    """Return the extent's bytes, fewer only where the file ends."""
    data = os.pread(descriptor, extent.length, extent.offset)
    while 0 < len(data) < extent.length:
        more = os.pread(descriptor, extent.length - len(data), extent.offset + len(data))
        if not more:
            break
        data += more
    return data
