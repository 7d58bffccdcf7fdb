"""The digests the embedded origin takes of a body: MD5 for ETags, and the checksums it keeps.

Source: S3 user guide, "Checking object integrity". A checksum travels as base64 of its big-endian
bytes in the header `x-amz-checksum-<algorithm>`.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from awscrt import checksums

from gateway.protocol.s3.checksums import base64_of, new_digest

CHECKSUM_HEADER = "x-amz-checksum-"
KEPT_ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")

_COMBINE: Mapping[str, Callable[[int, int, int], int]] = MappingProxyType(
    {
        "crc32": checksums.combine_crc32,
        "crc32c": checksums.combine_crc32c,
        "crc64nvme": checksums.combine_crc64nvme,
    }
)


class Digests:
    """The MD5 of a body and, if one is named, a checksum, fed together."""

    def __init__(self, algorithm: str = "") -> None:
        """Take MD5 and the checksum `algorithm`; '' for none."""
        self._algorithm = algorithm
        self._md5 = new_digest("md5")
        self._running = [self._md5]
        if algorithm:
            self._running.append(new_digest(algorithm))

    def update(self, piece: bytes) -> None:
        """Feed bytes."""
        for running in self._running:
            running.update(piece)

    def etag(self) -> str:
        """Return the quoted hexadecimal MD5."""
        return f'"{self._md5.digest().hex()}"'

    def checksums(self) -> dict[str, str]:
        """Return the checksum by its algorithm, as headers carry it."""
        if not self._algorithm:
            return {}
        return {self._algorithm: base64_of(self._running[-1].digest())}


def digests_of(pieces: Iterable[bytes], algorithm: str) -> Digests:
    """Return the digests of bytes at hand."""
    digests = Digests(algorithm)
    for piece in pieces:
        digests.update(piece)
    return digests


def combined_crc(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the CRC of parts laid end to end, each given as (its CRC, its size in bytes).

    Raises KeyError for the algorithms that cannot be combined (the SHA family).
    """
    combine = _COMBINE[algorithm]
    value = 0
    width = 0
    for crc, size in parts:
        width = len(crc)
        value = combine(value, int.from_bytes(crc, "big"), size)
    return value.to_bytes(width, "big")
