"""The digests the embedded origin takes of a body: MD5 for ETags, and S3's five checksums.

Source: S3 user guide, "Checking object integrity". A checksum travels as base64 of its big-endian
bytes in the header `x-amz-checksum-<algorithm>`.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from awscrt import checksums

CHECKSUM_HEADER = "x-amz-checksum-"


class RunningHash(Protocol):
    """What hashlib's objects offer."""

    def update(self, piece: bytes, /) -> None:
        """Feed bytes."""

    def digest(self) -> bytes:
        """Return the digest of what was fed."""


class RunningCrc:
    """A CRC with the face of a hash."""

    def __init__(self, step: Callable[[bytes, int], int], digest_bytes: int) -> None:
        """Begin at the CRC of nothing."""
        self._step = step
        self._digest_bytes = digest_bytes
        self._value = 0

    def update(self, piece: bytes, /) -> None:
        """Feed bytes."""
        self._value = self._step(piece, self._value)

    def digest(self) -> bytes:
        """Return the CRC, big-endian."""
        return self._value.to_bytes(self._digest_bytes, "big")


ALGORITHMS: Mapping[str, Callable[[], RunningHash]] = MappingProxyType(
    {
        "crc32": lambda: RunningCrc(checksums.crc32, 4),
        "crc32c": lambda: RunningCrc(checksums.crc32c, 4),
        "crc64nvme": lambda: RunningCrc(checksums.crc64nvme, 8),
        "sha1": lambda: hashlib.sha1(usedforsecurity=False),
        "sha256": hashlib.sha256,
    }
)

_COMBINE: Mapping[str, Callable[[int, int, int], int]] = MappingProxyType(
    {
        "crc32": checksums.combine_crc32,
        "crc32c": checksums.combine_crc32c,
        "crc64nvme": checksums.combine_crc64nvme,
    }
)


class Digests:
    """Several digests of one body, fed together."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        """Take MD5 and each of the named checksum `algorithms`."""
        self._running: dict[str, RunningHash] = {
            "md5": hashlib.md5(usedforsecurity=False),
            **{name: ALGORITHMS[name]() for name in algorithms},
        }

    def update(self, piece: bytes) -> None:
        """Feed bytes."""
        for running in self._running.values():
            running.update(piece)

    def digest(self, name: str) -> bytes:
        """Return the named digest's bytes."""
        return self._running[name].digest()

    def base64(self, name: str) -> str:
        """Return the named digest as headers carry it."""
        return b64encode(self.digest(name)).decode()

    def etag(self) -> str:
        """Return the quoted hexadecimal MD5."""
        return f'"{self.digest("md5").hex()}"'


def digests_of(pieces: Iterable[bytes], algorithms: Iterable[str]) -> Digests:
    """Return the digests of bytes at hand."""
    digests = Digests(algorithms)
    for piece in pieces:
        digests.update(piece)
    return digests


def combined_crc(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the CRC of parts laid end to end, each given as (its CRC, its size in bytes).

    Raises KeyError for the algorithms that cannot be combined (the SHA family).
    """
    combine = _COMBINE[algorithm]
    value = 0
    width = 4
    for crc, size in parts:
        width = len(crc)
        value = combine(value, int.from_bytes(crc, "big"), size)
    return value.to_bytes(width, "big")
