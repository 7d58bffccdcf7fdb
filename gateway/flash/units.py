"""Where the bytes of a chunk lie in it when it is sealed, unit by unit (pure).

head (version of the data key u32, salt 16) | unit 0, tag 16 | unit 1, tag 16 | ...
"""

import struct
from typing import Final

UNIT_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
HEAD_BYTES: Final = 20
STORED_UNIT_BYTES: Final = UNIT_BYTES + TAG_BYTES
SEALED_BYTES: Final = HEAD_BYTES + TAG_BYTES
"""How much longer a small thing, which is one unit, is when it is sealed."""
_BOUND: Final = struct.Struct("<16sIQ")


def chunk_bound(body: bytes, number: int, length: int) -> bytes:
    """Return what the units of a chunk of `length` bytes are bound to."""
    return _BOUND.pack(body, number, length)


def stored_bytes(length: int) -> int:
    """Return how long a chunk of `length` bytes is when it is sealed."""
    return HEAD_BYTES + length + -(-length // UNIT_BYTES) * TAG_BYTES


def opened_bytes(length: int) -> int:
    """Return how long a chunk is that is `length` bytes long when it is sealed."""
    sealed = length - HEAD_BYTES
    return sealed - -(-sealed // STORED_UNIT_BYTES) * TAG_BYTES


def unit_places(start: int, length: int, stored_length: int) -> tuple[int, int, int]:
    """Return for bytes of a chunk: the first unit's number, where it begins, and all units' stop.

    Places are those in the sealed chunk.
    """
    first, last = start // UNIT_BYTES, (start + length - 1) // UNIT_BYTES
    stop = HEAD_BYTES + (last + 1) * STORED_UNIT_BYTES
    return first, HEAD_BYTES + first * STORED_UNIT_BYTES, min(stop, stored_length)
