"""Whether bytes of a file are in memory: asked of the kernel, not guessed.

cachestat(2), of Linux 6.5, counts the pages of a range that are in the page cache. An older kernel
is asked for a byte here and there, without waiting; it reads ahead, and drops, in runs.
"""

import ctypes
import errno
import os
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_PROBE_BYTES: Final = 128 * 1024
_CACHESTAT: Final = 451  # the same on every architecture
_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Range(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _Counts(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("cached", "dirty", "writeback", "evicted", "recently_evicted")
    )


def is_resident(descriptor: int, offset: int, length: int) -> bool:
    """Return whether all those bytes of an open file are in memory; raises OSError."""
    pages = (offset + length - 1) // _PAGE_BYTES - offset // _PAGE_BYTES + 1
    cached = _find_cached(descriptor, offset, length)
    return _seems_resident(descriptor, offset, length) if cached is None else cached >= pages


def _find_cached(descriptor: int, offset: int, length: int) -> int | None:
    """Return how many pages are in memory; None where the kernel does not tell."""
    span, counts = _Range(offset, length), _Counts()
    done = _libc.syscall(_CACHESTAT, descriptor, ctypes.byref(span), ctypes.byref(counts), 0)
    return int(counts.cached) if done == 0 else None


def _seems_resident(descriptor: int, offset: int, length: int) -> bool:
    last = offset + length - 1
    places = [*range(offset, last, _PROBE_BYTES), last]
    return all(read_resident(descriptor, place, 1) for place in places)


def read_resident(descriptor: int, offset: int, length: int) -> bytes | None:
    """Return bytes that are in the page cache; None if any is not. Raises OSError."""
    data = bytearray(length)
    return bytes(data) if fill_resident(descriptor, offset, memoryview(data)) else None


def fill_resident(descriptor: int, offset: int, place: memoryview) -> bool:
    """Fill `place` with bytes that are in the page cache; return False if any is not.

    Where the file system cannot tell (EOPNOTSUPP), they are read whatever it takes. Raises OSError.
    """
    try:
        count = os.preadv(descriptor, [place], offset, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        count = os.preadv(descriptor, [place], offset)
    return count == len(place)
