"""CRCs of a whole body from those of its parts, without its bytes (pure).

crc(A + B) follows from crc(A), crc(B) and the length of B: appending a byte to A is a linear map of
its CRC over GF(2), and doing so n times takes log n steps (Mark Adler, zlib's crc32_combine).
"""

from collections.abc import Callable, Sequence
from typing import Final

from awscrt.checksums import combine_crc32, combine_crc32c, combine_crc64nvme, crc64nvme

__all__ = ["COMBINED", "combined", "crc64nvme"]

COMBINED: Final[dict[str, tuple[int, Callable[[int, int, int], int]]]] = {
    "x-amz-checksum-crc32": (4, combine_crc32),
    "x-amz-checksum-crc32c": (4, combine_crc32c),
    "x-amz-checksum-crc64nvme": (8, combine_crc64nvme),
}
"""By header: the digest's size in bytes, and `(crc of A, crc of B, bytes of B) -> crc of A + B`."""


def combined(header: str, crcs: Sequence[int], lengths: Sequence[int]) -> bytes:
    """Return the digest of parts with these CRCs and lengths, put together in order.

    Raises KeyError for a checksum that does not combine, ValueError for lists of unlike lengths.
    """
    size_bytes, combine = COMBINED[header]
    whole = 0  # the CRC of no bytes
    for crc, length in zip(crcs, lengths, strict=True):
        whole = combine(whole, crc, length)
    return whole.to_bytes(size_bytes, "big")
