"""Touches: how hot chunks are, one byte each by hash, in a file that all processes map.

A touch is a load and a store into shared memory: no lock and no index write on a hit. Two chunks
may share a byte, and two processes may lose each other's touch; both only blur the choice of what
to carry over. The file is allocated in full, so that a store can never meet a hole on a full disk.
"""

import mmap
import os

from gateway.flash.admission import TOUCH_BYTES

HEAT_MAX = 3
_MIX = 0x9E3779B1  # spreads the chunks of one body (Knuth, multiplicative hashing)


class Touches:
    """The shared map."""

    def __init__(self, directory_fd: int) -> None:
        """Map the file `touch` of the directory; raises OSError."""
        descriptor = os.open("touch", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory_fd)
        try:
            os.posix_fallocate(descriptor, 0, TOUCH_BYTES)
            self._bytes = mmap.mmap(descriptor, TOUCH_BYTES)
        finally:
            os.close(descriptor)

    def touch(self, body: bytes, number: int) -> None:
        """Make a chunk hotter."""
        slot = _slot(body, number)
        heat = self._bytes[slot]
        if heat < HEAT_MAX:
            self._bytes[slot] = heat + 1

    def heat(self, body: bytes, number: int) -> int:
        """Return 0 (not touched) to `HEAT_MAX`; a value torn by a power loss is just hot."""
        return min(self._bytes[_slot(body, number)], HEAT_MAX)

    def cool(self, body: bytes, number: int) -> None:
        """Take one round from a chunk that is carried over or leaves."""
        slot = _slot(body, number)
        self._bytes[slot] = max(0, min(self._bytes[slot], HEAT_MAX) - 1)

    def close(self) -> None:
        """Unmap."""
        self._bytes.close()


def _slot(body: bytes, number: int) -> int:
    return (int.from_bytes(body[:4], "little") + number * _MIX) % TOUCH_BYTES
