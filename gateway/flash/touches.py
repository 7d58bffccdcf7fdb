"""Touches: the sketches (see there) in a file that all processes map.

A touch is a load and a store into shared memory: no lock and no index write on a hit. The file is
allocated in full, so that a store can never meet a hole on a full disk. Its length is settled by
the first process to open flash; the others take what they find, or they would look elsewhere for
the same chunk.
"""

import mmap
import os

from gateway.flash.sketches import Sketches


class Touches:
    """The shared map."""

    def __init__(self, directory_fd: int, length: int, *, is_first: bool) -> None:
        """Map the file `touch` of the directory, `length` bytes where it is new; raises OSError."""
        descriptor = os.open("touch", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory_fd)
        try:
            found = os.fstat(descriptor).st_size
            if found != length and (is_first or not found):
                # Never cut while others may have it mapped: they would meet a hole behind its end.
                os.ftruncate(descriptor, length)
                found = length
            os.posix_fallocate(descriptor, 0, found)
            self._map = mmap.mmap(descriptor, found)
        finally:
            os.close(descriptor)
        self._buffer = memoryview(self._map)
        self._sketches = Sketches(self._buffer)
        self.heats = self._sketches.heats
        self.ghosts = self._sketches.ghosts
        self.sightings = self._sketches.sightings
        self.touch = self.heats.touch

    def close(self) -> None:
        """Unmap."""
        self._sketches.release()
        self._buffer.release()
        self._map.close()
