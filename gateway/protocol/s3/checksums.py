"""Checksums of bodies: what was promised in headers and trailers, and the proof of it (pure).

Source: Amazon S3 User Guide, *Checking object integrity*. All values are base64 of the big-endian
digest, only x-amz-content-sha256 is hex.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5, sha1, sha256, sha512
from typing import Final, Protocol

from awscrt.checksums import XXHash, crc32c, crc64nvme

from gateway.model.failures import BodyMismatch, InvalidRequest, NotSupported

_PREFIX: Final = "x-amz-checksum-"
_HASHED_CHARS = 64
_NOT_A_HASH: Final = ("UNSIGNED-PAYLOAD", "STREAMING-")


class Digest(Protocol):
    """A running digest."""

    def update(self, piece: bytes) -> None:
        """Take the next bytes; any buffer will do."""

    def digest(self) -> bytes:
        """Return the digest of all bytes so far; call it once, at the end."""


class _Crc:
    """A CRC by one of the functions `(bytes, crc so far) -> crc`."""

    __slots__ = ("_compute", "_crc", "_size_bytes")

    def __init__(self, compute: Callable[[bytes, int], int], size_bytes: int) -> None:
        self._compute = compute
        self._size_bytes = size_bytes
        self._crc = 0

    def update(self, piece: bytes) -> None:
        self._crc = self._compute(piece, self._crc)

    def digest(self) -> bytes:
        return self._crc.to_bytes(self._size_bytes, "big")


class _XxHash:
    """An xxHash of the CRT's."""

    __slots__ = ("_hash",)

    def __init__(self, running: XXHash) -> None:
        self._hash = running

    def update(self, piece: bytes) -> None:
        # The CRT's xxHash takes no other buffer than bytes; bytes(bytes) is no copy.
        self._hash.update(bytes(piece))

    def digest(self) -> bytes:
        finished: bytes = self._hash.finalize()
        return finished


# Algorithm -> (its size in bytes, how to begin). MD5 and SHA-1 are S3's, not our choice.
ALGORITHMS: Final[dict[str, tuple[int, Callable[[], Digest]]]] = {
    "crc32": (4, lambda: _Crc(zlib.crc32, 4)),
    "crc32c": (4, lambda: _Crc(crc32c, 4)),
    "crc64nvme": (8, lambda: _Crc(crc64nvme, 8)),
    "md5": (16, lambda: md5(usedforsecurity=False)),
    "sha1": (20, lambda: sha1(usedforsecurity=False)),
    "sha256": (32, sha256),
    "sha512": (64, sha512),
    "xxhash64": (8, lambda: _XxHash(XXHash.new_xxhash64())),
    "xxhash3": (8, lambda: _XxHash(XXHash.new_xxhash3_64())),
    "xxhash128": (16, lambda: _XxHash(XXHash.new_xxhash3_128())),
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """A digest that the body must have, and the header (lower case) that said so."""

    header: str
    algorithm: str
    digest: bytes


def new_digest(algorithm: str) -> Digest:
    """Return a fresh digest of one of `ALGORITHMS`; raises KeyError."""
    return ALGORITHMS[algorithm][1]()


def base64_of(digest: bytes) -> str:
    """Return a digest as S3's headers carry it."""
    return b64encode(digest).decode("ascii")


def expected_digests(
    headers: Mapping[str, str], payload_hash: str | None = None, *, checksums: bool = True
) -> list[Expectation]:
    """Return what a request's headers say of its body.

    `payload_hash` is the claim's (a presigned request may have it in its query), else the header
    x-amz-content-sha256 is read. With `checksums` False the x-amz-checksum-* headers are left out:
    those of CompleteMultipartUpload are of the object, not of the request's body.
    Raises InvalidRequest for a value that is no digest, and for two checksums.
    """
    expected = []
    content_md5 = headers.get("Content-MD5")
    if content_md5 is not None:
        digest = _find_digest(content_md5, "md5")
        if digest is None:
            raise InvalidRequest("The Content-MD5 you specified was invalid.", code="InvalidDigest")
        expected.append(Expectation("content-md5", "md5", digest))
    hashed = payload_hash if payload_hash is not None else headers.get("x-amz-content-sha256")
    if hashed is not None and not hashed.startswith(_NOT_A_HASH):
        expected.append(Expectation("x-amz-content-sha256", "sha256", _hashed_payload(hashed)))
    if checksums:
        expected += _checksum_headers(headers)
    return expected


def trailer_checksum(headers: Mapping[str, str]) -> str | None:
    """Return the checksum header that x-amz-trailer announces, in lower case, or None.

    Raises InvalidRequest for several, NotSupported for one of an unknown algorithm.
    """
    announced = {name for name in trailer_names(headers) if _is_sum(name)}
    if not announced:
        return None
    if len(announced) > 1:
        raise _several()
    name = announced.pop()
    if name.removeprefix(_PREFIX) not in ALGORITHMS:
        raise NotSupported(f"The checksum in the trailer {name} is not supported.")
    return name


def trailer_names(headers: Mapping[str, str]) -> set[str]:
    """Return the names in x-amz-trailer, in lower case."""
    listed = headers.get("x-amz-trailer", "")
    return {name.strip().lower() for name in listed.split(",") if name.strip()}


class BodyProof:
    """Proves a decoded body: fed its pieces, then asked with the trailers that came after it.

    Nothing of a body may become visible before `finish` has returned.
    """

    __slots__ = ("_digests", "_expected", "_trailer")

    def __init__(self, expected: Iterable[Expectation], trailer: str | None = None) -> None:
        """Expect the digests `expected`, and one more in the trailer named `trailer`."""
        self._expected = list(expected)
        self._trailer = trailer
        names = {expectation.algorithm for expectation in self._expected}
        if trailer is not None:
            names.add(trailer.removeprefix(_PREFIX))
        self._digests = {name: new_digest(name) for name in names}

    @classmethod
    def of(
        cls, headers: Mapping[str, str], payload_hash: str | None = None, *, checksums: bool = True
    ) -> "BodyProof":
        """Return the proof that a request's headers ask for; raises as `expected_digests`."""
        expected = expected_digests(headers, payload_hash, checksums=checksums)
        trailer = trailer_checksum(headers)
        if trailer is not None and any(_is_sum(each.header) for each in expected):
            raise _several()
        return cls(expected, trailer)

    def update(self, piece: bytes) -> None:
        """Take the next bytes of the decoded body."""
        for digest in self._digests.values():
            digest.update(piece)

    def finish(self, trailers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the proven checksum headers, to be sent to the origin with the body.

        `trailers` have names in lower case. Raises BodyMismatch (BadDigest,
        XAmzContentSHA256Mismatch), and InvalidRequest for a trailer that is missing or no digest.
        """
        expected = self._expected
        if self._trailer is not None:
            value = (trailers or {}).get(self._trailer)
            if value is None:
                raise InvalidRequest(
                    f"The trailer {self._trailer} is missing.", code="MalformedTrailerError"
                )
            expected = [*expected, _checksum(self._trailer, value)]
        computed = {name: digest.digest() for name, digest in self._digests.items()}
        for expectation in expected:
            if computed[expectation.algorithm] != expectation.digest:
                raise _mismatch(expectation)
        return {
            expectation.header: base64_of(expectation.digest)
            for expectation in expected
            if _is_sum(expectation.header)
        }


def _is_sum(name: str) -> bool:
    return name.startswith(_PREFIX) and name not in {f"{_PREFIX}type", f"{_PREFIX}algorithm"}


def _checksum_headers(headers: Mapping[str, str]) -> list[Expectation]:
    # Algorithms of a later S3 are left to the origin, which gets the header unchanged.
    found = [
        _checksum(_PREFIX + name, headers[_PREFIX + name])
        for name in ALGORITHMS
        if _PREFIX + name in headers
    ]
    if len(found) > 1:
        raise _several()
    return found


def _checksum(header: str, value: str) -> Expectation:
    algorithm = header.removeprefix(_PREFIX)
    digest = _find_digest(value, algorithm)
    if digest is None:
        raise InvalidRequest(f"Value for {header} header is invalid.", code="InvalidRequest")
    return Expectation(header, algorithm, digest)


def _find_digest(value: str, algorithm: str) -> bytes | None:
    try:
        digest = b64decode(value.strip(), validate=True)
    except ValueError:
        return None
    return digest if len(digest) == ALGORITHMS[algorithm][0] else None


def _hashed_payload(value: str) -> bytes:
    if len(value) == _HASHED_CHARS and value.isascii() and value.isalnum():
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    raise InvalidRequest(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid "
        "sha256 value.",
        code="InvalidArgument",
    )


def _several() -> InvalidRequest:
    return InvalidRequest(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        code="InvalidRequest",
    )


def _mismatch(expectation: Expectation) -> BodyMismatch:
    if expectation.header == "x-amz-content-sha256":
        return BodyMismatch(
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            code="XAmzContentSHA256Mismatch",
        )
    if expectation.header == "content-md5":
        return BodyMismatch(
            "The Content-MD5 you specified did not match what we received.", code="BadDigest"
        )
    return BodyMismatch(
        f"The {expectation.algorithm.upper()} you specified did not match the calculated checksum.",
        code="BadDigest",
    )
