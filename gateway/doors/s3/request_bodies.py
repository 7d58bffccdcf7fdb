"""A request's body: unframed, counted, and proven by every digest that the client gave."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from gateway.doors.s3.exchange import S3Exchange
from gateway.model.failures import BodyMismatch, InvalidRequest
from gateway.protocol.s3.aws_chunked import AwsChunkedDecoder, decoded_length
from gateway.protocol.s3.checksums import BodyProof, trailer_checksum

OBJECT_BYTES_MAX = 5 * 1024**3
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html: 5 GiB a PUT."""


class RequestBody:
    """The plain bytes of one request (a `core.writing.ProvenBody`)."""

    def __init__(
        self, exchange: S3Exchange, *, needs_length: bool = True, proves_checksums: bool = True
    ) -> None:
        """Judge the framing; raises InvalidRequest for lengths that are missing or too large.

        Without `needs_length` a request may have neither body nor length (CreateBucket); without
        `proves_checksums` its x-amz-checksum-* headers are of something else than the body.
        """
        headers = exchange.head.headers
        principal = exchange.principal
        assert principal is not None  # noqa: S101 - identified by the pipeline
        self._exchange = exchange
        payload_hash = principal.claim.payload_hash
        self._decoder = AwsChunkedDecoder.of(headers, payload_hash, principal.seed)
        self._proof = BodyProof.of(headers, payload_hash, checksums=proves_checksums)
        self._received = 0
        self.is_proven_by_trailer = trailer_checksum(headers) is not None
        self.length = 0
        if needs_length or exchange.request.body_exists:
            self.length = _plain_length(headers, is_framed=self._decoder is not None)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the plain bytes; raises BodyMismatch where they are more than announced."""
        async with aclosing(self._exchange.body()) as raw:
            async for data in raw:
                for piece in self._decoder.feed(data) if self._decoder is not None else (data,):
                    self._received += len(piece)
                    if self._received > self.length:
                        raise _incomplete()
                    self._proof.update(piece)
                    yield piece

    def finish(self) -> Mapping[str, str]:
        """Return the checksum headers to keep at the origin; raises BodyMismatch."""
        trailers: Mapping[str, str] = {}
        if self._decoder is not None:
            self._decoder.finish()
            trailers = self._decoder.trailers
        if self._received != self.length:
            raise _incomplete()
        return self._proof.finish(trailers)


def _plain_length(headers: Mapping[str, str], *, is_framed: bool) -> int:
    """Return the length of the plain body as the headers announce it."""
    if is_framed:
        length = decoded_length(headers)
    elif "Content-Length" in headers:
        length = int(headers["Content-Length"])  # digits only: aiohttp's parser has judged it
    else:
        raise InvalidRequest(
            "You must provide the Content-Length HTTP header.", code="MissingContentLength"
        )
    if length > OBJECT_BYTES_MAX:
        raise InvalidRequest(
            "Your proposed upload exceeds the maximum allowed size", code="EntityTooLarge"
        )
    return length


def _incomplete() -> BodyMismatch:
    return BodyMismatch(
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        code="IncompleteBody",
    )
