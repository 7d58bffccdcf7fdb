"""Reading a request body: to a blob, decoded and verified against all that the request said of it.

Source: S3 API reference, PutObject (`Content-MD5`, `x-amz-checksum-*`, `x-amz-content-sha256`).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from gateway.demo.origin_bodies import Blob
from gateway.demo.origin_calls import XML_BODY_BYTES_MAX, Call
from gateway.demo.origin_digests import CHECKSUM_HEADER, KEPT_ALGORITHMS, Digests
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_store import OriginStore
from gateway.protocol.s3.aws_chunked import AwsChunkedDecoder
from gateway.protocol.s3.checksums import BodyProof, trailer_names
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD


@dataclass(frozen=True, slots=True)
class Received:
    """A body that is what the request said it is."""

    blob: Blob
    etag: str
    checksums: Mapping[str, str]
    """The checksum to keep, by algorithm."""


def named_algorithm(headers: Mapping[str, str]) -> str:
    """Return the checksum algorithm that a request names, by value, trailer or wish; or ''."""
    named = [name for name in KEPT_ALGORITHMS if CHECKSUM_HEADER + name in headers]
    named += [name.removeprefix(CHECKSUM_HEADER) for name in trailer_names(headers)]
    for header in ("x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm"):
        named += [headers[header].lower()] if header in headers else []
    algorithm = next(iter(named), "")
    if algorithm and algorithm not in KEPT_ALGORITHMS:
        raise S3Error("InvalidRequest", "The checksum algorithm is unknown")
    return algorithm


async def receive(store: OriginStore, call: Call, algorithm: str) -> Received:
    """Read the body into a blob of the store, verify it, and take the checksum `algorithm` of it.

    Raises S3Error (MissingContentLength, IncompleteBody) and what the decoder and the proof raise.
    """
    # S3 stores nothing whose length it was not told (a chunked upload says it in decoded form).
    if "content-length" not in call.headers and "x-amz-decoded-content-length" not in call.headers:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    digests = Digests(algorithm)
    writer = store.new_blob()
    async for piece in verified_pieces(call):
        digests.update(piece)
        writer.write(piece)
    return Received(writer.finish(), digests.etag(), digests.checksums())


async def receive_document(
    call: Call, *, needs_digest: bool = False, names_object: bool = False
) -> bytes:
    """Return a small body, verified as far as the request says how.

    With `names_object` the checksum headers are of the object, not of this body.
    """
    has_digest = named_algorithm(call.headers) or "content-md5" in call.headers
    if needs_digest and not has_digest:
        raise S3Error("MissingContentMD5", "Missing required header for this request: Content-MD5")
    pieces = bytearray()
    async for piece in verified_pieces(call, checksums=not names_object):
        pieces += piece
        if len(pieces) > XML_BODY_BYTES_MAX:
            raise S3Error("MalformedXML", "The document is too large")
    return bytes(pieces)


async def verified_pieces(call: Call, *, checksums: bool = True) -> AsyncIterator[bytes]:
    """Yield the decoded body; what was yielded is worth nothing until the end was reached."""
    payload_hash = call.headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    proof = BodyProof.of(call.headers, payload_hash, checksums=checksums)
    decoder = AwsChunkedDecoder.of(call.headers, payload_hash, call.seed)
    if call.read_body is None:
        raise S3Error("IncompleteBody", "The request has no body")
    async for sent in call.read_body():
        for piece in [sent] if decoder is None else decoder.feed(sent):
            proof.update(piece)
            yield piece
    if decoder is not None:
        decoder.finish()
    proof.finish({} if decoder is None else decoder.trailers)
