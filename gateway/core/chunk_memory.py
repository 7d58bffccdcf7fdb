"""Memory for a chunk on its way: pages of its own, which are free again when the chunk is there.

The allocator would take them from its heap, where small things that live longer come to lie between
them: after a thousand readers 200 MiB of each worker stayed taken that nobody used.
"""

import mmap
from typing import Final

_PAGES_BYTES_MIN: Final = 256 * 1024
"""Below this two calls of the kernel cost more than is gained."""


def chunk_memory(length_bytes: int) -> memoryview:
    """Return zeros to write a chunk into; they are given back with the last reference to them."""
    if length_bytes < _PAGES_BYTES_MIN:
        return memoryview(bytearray(length_bytes))
    return memoryview(mmap.mmap(-1, length_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
