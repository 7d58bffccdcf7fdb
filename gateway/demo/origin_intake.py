"""Reading a request body: to a blob, verified against everything the request said of it.

Source: S3 API reference, PutObject (`Content-MD5`, `x-amz-checksum-*`, `x-amz-content-sha256`).
"""

import binascii
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from gateway.demo.origin_bodies import Blob
from gateway.demo.origin_calls import XML_BODY_BYTES_MAX, Call
from gateway.demo.origin_digests import ALGORITHMS, CHECKSUM_HEADER, Digests
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_store import OriginStore

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MD5_BYTES = 16


@dataclass(frozen=True, slots=True)
class Received:
    """A body that is what the request said it is."""

    blob: Blob
    digests: Digests
    algorithm: str
    """The checksum to store, or an empty string."""

    def checksums(self) -> Mapping[str, str]:
        """Return the checksum to store, by algorithm."""
        return {self.algorithm: self.digests.base64(self.algorithm)} if self.algorithm else {}


def named_algorithm(headers: Mapping[str, str]) -> str:
    """Return the checksum algorithm that a request names, by value, trailer or wish; or ''."""
    for algorithm in ALGORITHMS:
        if CHECKSUM_HEADER + algorithm in headers:
            return algorithm
    trailer = headers.get("x-amz-trailer", "").lower().strip()
    wish = headers.get("x-amz-sdk-checksum-algorithm", headers.get("x-amz-checksum-algorithm", ""))
    algorithm = trailer.removeprefix(CHECKSUM_HEADER) or wish.lower()
    if algorithm and algorithm not in ALGORITHMS:
        raise S3Error("InvalidRequest", "The checksum algorithm is unknown")
    return algorithm


async def receive(store: OriginStore, call: Call, default_algorithm: str) -> Received:
    """Read the body into a blob of the store and verify it.

    Raises MissingContentLength, IncompleteBody, BadDigest, InvalidDigest, and
    XAmzContentSHA256Mismatch.
    """
    _require_length(call.headers)
    algorithm = named_algorithm(call.headers) or default_algorithm
    signed_hash = call.headers.get("x-amz-content-sha256", "")
    is_hash_signed = _HEX_SHA256.match(signed_hash) is not None
    digests = Digests({algorithm, "sha256" if is_hash_signed else ""} - {""})
    writer = store.new_blob()
    async for piece in body_of(call):
        digests.update(piece)
        writer.write(piece)
    if is_hash_signed and digests.digest("sha256").hex() != signed_hash:
        raise S3Error("XAmzContentSHA256Mismatch", "The x-amz-content-sha256 does not match")
    _verify_md5(call.headers, digests)
    declared = call.headers.get(CHECKSUM_HEADER + algorithm) if algorithm else None
    if declared is not None and declared != digests.base64(algorithm):
        raise S3Error("BadDigest", f"The {algorithm} you specified did not match the body")
    return Received(writer.finish(), digests, algorithm)


async def receive_document(call: Call, *, needs_digest: bool = False) -> bytes:
    """Return a small body, verified as far as the request says how."""
    pieces = bytearray()
    async for piece in body_of(call):
        pieces += piece
        if len(pieces) > XML_BODY_BYTES_MAX:
            raise S3Error("MalformedXML", "The document is too large")
    algorithm = named_algorithm(call.headers)
    if needs_digest and not algorithm and "content-md5" not in call.headers:
        raise S3Error("MissingContentMD5", "Missing required header for this request: Content-MD5")
    digests = Digests({algorithm} - {""})
    digests.update(bytes(pieces))
    _verify_md5(call.headers, digests)
    declared = call.headers.get(CHECKSUM_HEADER + algorithm) if algorithm else None
    if declared is not None and declared != digests.base64(algorithm):
        raise S3Error("BadDigest", f"The {algorithm} you specified did not match the body")
    return bytes(pieces)


def body_of(call: Call) -> AsyncIterator[bytes]:
    """Return the pieces of the body."""
    if call.read_body is None:
        raise S3Error("IncompleteBody", "The request has no body")
    return call.read_body()


def _require_length(headers: Mapping[str, str]) -> None:
    # S3 stores nothing whose length it was not told (a chunked upload says it in decoded form).
    if "content-length" not in headers and "x-amz-decoded-content-length" not in headers:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")


def _verify_md5(headers: Mapping[str, str], digests: Digests) -> None:
    declared = headers.get("content-md5")
    if declared is None:
        return
    try:
        expected = b64decode(declared, validate=True)
    except binascii.Error:
        expected = b""
    if len(expected) != _MD5_BYTES:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
    if expected != digests.digest("md5"):
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
