"""A form upload as it arrives: its fields first, then its file, counted and proven."""

from collections.abc import AsyncGenerator, Mapping

from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.request_bodies import OBJECT_BYTES_MAX
from gateway.model.failures import InvalidRequest
from gateway.protocol.s3.checksums import BodyProof
from gateway.protocol.s3.form_policy import FormPolicy
from gateway.protocol.s3.forms import FormDecoder, form_boundary
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD


class FormBody:
    """The file of one form (a `core.writing.ProvenBody`).

    How long it is shows only at its end, so that it is taken for proven by a trailer: it is set
    aside, judged whole, and then sent with its length.
    """

    is_proven_by_trailer = True

    def __init__(self, exchange: S3Exchange, raw: AsyncGenerator[bytes]) -> None:
        """Read from `raw`; raises InvalidRequest for what is no form or has no length."""
        headers = exchange.head.headers
        if "Content-Length" not in headers:
            raise InvalidRequest(
                "You must provide the Content-Length HTTP header.", code="MissingContentLength"
            )
        self._raw = raw
        self._decoder = FormDecoder(form_boundary(headers.get("Content-Type", "")))
        self._first: list[bytes] = []
        self._received_bytes = 0
        self._length_min, self._length_max = 0, OBJECT_BYTES_MAX
        self._proof = BodyProof([])
        self.length = int(headers["Content-Length"])
        """An upper bound of the file's length: its boundaries and fields are in it too."""

    @property
    def filename(self) -> str:
        """Return the name that the browser gave the file."""
        return self._decoder.filename

    async def read_fields(self) -> dict[str, str]:
        """Read up to the file and return the fields, names in lower case."""
        while not self._decoder.has_file:
            data = await anext(self._raw, b"")
            if not data:
                self._decoder.finish()
                break
            self._first = self._decoder.feed(data)
        return self._decoder.fields

    def expect(self, policy: FormPolicy, headers: Mapping[str, str]) -> None:
        """Judge the file by the policy's lengths and by the digests among the PUT's headers."""
        self._length_min = policy.length_min
        if policy.length_max is not None:
            self._length_max = min(policy.length_max, OBJECT_BYTES_MAX)
        self._proof = BodyProof.of(headers, UNSIGNED_PAYLOAD)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the file; raises InvalidRequest where it is longer than it may be."""
        for piece in self._first:
            yield self._taken(piece)
        async for data in self._raw:
            for piece in self._decoder.feed(data):
                yield self._taken(piece)

    def finish(self) -> Mapping[str, str]:
        """Return the checksums proven; raises BodyMismatch, InvalidRequest (EntityTooSmall)."""
        self._decoder.finish()
        if self._received_bytes < self._length_min:
            raise InvalidRequest(
                "Your proposed upload is smaller than the minimum allowed size",
                code="EntityTooSmall",
            )
        return self._proof.finish()

    def _taken(self, piece: bytes) -> bytes:
        self._received_bytes += len(piece)
        if self._received_bytes > self._length_max:
            raise InvalidRequest(
                "Your proposed upload exceeds the maximum allowed size", code="EntityTooLarge"
            )
        self._proof.update(piece)
        return piece
