"""Claims: which process fills which chunk, as byte-range locks on a file without bytes.

A claim dies with its process, whatever kills it. The locks are *open file description* locks
(fcntl(2)): the older POSIX locks are all dropped when a process closes any descriptor of the file.
Locks of one description never exclude each other, hence the set of what this process holds.
"""

import fcntl
import os
import struct
from hashlib import blake2b

# struct flock: type, whence, start, length (64 bit), pid; pid must be 0 for these locks.
_FLOCK = struct.Struct("hhqqi4x")
_START_BITS = 62


class Claims:
    """This process's claims among all that share the directory."""

    def __init__(self, directory_fd: int) -> None:
        """Open the file `claims` of the directory; raises OSError."""
        self._descriptor = os.open("claims", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory_fd)
        self._held: set[int] = set()

    def claim(self, body: bytes, number: int) -> bool:
        """Return whether the chunk is this caller's to fill now; raises OSError."""
        start = _start(body, number)
        if start in self._held:
            return False
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, start))
        except (BlockingIOError, PermissionError):
            return False
        self._held.add(start)
        return True

    def release(self, body: bytes, number: int) -> None:
        """Give a claim back; nothing happens where it is not held."""
        start = _start(body, number)
        if start in self._held:
            self._held.discard(start)
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, start))

    def close(self) -> None:
        """Give all claims back."""
        self._held.clear()
        os.close(self._descriptor)


def _lock(kind: int, start: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, start, 1, 0)


def _start(body: bytes, number: int) -> int:
    digest = blake2b(body + number.to_bytes(4, "big"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _START_BITS)
