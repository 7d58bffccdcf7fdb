"""Returns: how often an extent's pages came from the disk, counted by hash, for all processes.

An extent that was proven may leave memory and come back, and what comes back was not proven. A
process that brings it sees that its pages are not there; but the others would find them there
again, as if nothing had been, until the first has judged them. So whoever reads from the disk
counts that before, in a file that all map, and a proof holds for as long as the count stands still.
Two extents may share a count, which costs a proof and nothing else; a lost increment is one of two
at the same moment, and the count has moved all the same.
"""

import mmap
import os

from gateway.flash.admission import RETURNS_BYTES
from gateway.flash.rows import Extent

_MASK_32 = 0xFFFFFFFF
_MIX = 0x9E3779B1  # spreads segments and places (Knuth, multiplicative hashing)


class Returns:
    """The shared counts."""

    def __init__(self, directory_fd: int) -> None:
        """Map the file `returns` of the directory; raises OSError."""
        descriptor = os.open("returns", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory_fd)
        try:
            os.posix_fallocate(descriptor, 0, RETURNS_BYTES)
            # Not closed but dropped: a thread may still be reading when flash is closed.
            self._counts = memoryview(mmap.mmap(descriptor, RETURNS_BYTES)).cast("I")
        finally:
            os.close(descriptor)

    def count(self, extent: Extent) -> int:
        """Return the count as it stands."""
        return self._counts[self._slot(extent)]

    def note(self, extent: Extent) -> None:
        """Count that the extent is about to be read from the disk."""
        slot = self._slot(extent)
        self._counts[slot] = (self._counts[slot] + 1) & _MASK_32

    def _slot(self, extent: Extent) -> int:
        return (extent.segment * _MIX + (extent.offset >> 12)) % len(self._counts)
