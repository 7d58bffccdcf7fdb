"""What the embedded origin is asked and what it answers, as values."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from gateway.demo.origin_bodies import Blob
from gateway.demo.origin_store import OriginStore
from gateway.model.ranges import ByteRange
from gateway.protocol.s3.sigv4 import Seed

_NOTHING = ByteRange(0, 0)
XML_BODY_BYTES_MAX = 2 << 20
"""DeleteObjects names at most 1,000 keys, CompleteMultipartUpload at most 10,000 parts."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request; header names are in lower case and are looked up in any."""

    method: str
    target: str
    """The request target, byte-exact."""
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    operation: str = ""
    read_body: Callable[[], AsyncIterator[bytes]] | None = field(default=None, compare=False)
    """Begins to read the body (and answers `Expect: 100-continue`)."""
    seed: Seed | None = None
    """What a signed aws-chunked body is chained to."""

    @property
    def version_id(self) -> str:
        """Return the version asked for, or an empty string."""
        return self.query.get("versionId", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and either a small payload or a span of a stored body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""
    body: tuple[Blob, ...] = ()
    span: ByteRange = _NOTHING

    @property
    def size(self) -> int:
        """Return the Content-Length."""
        return len(self.payload) or self.span.length


Operation = Callable[[OriginStore, Call], Awaitable[Answer]]


def xml_answer(payload: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a 200 with a document."""
    return Answer(200, {"content-type": "application/xml", **(headers or {})}, payload)
