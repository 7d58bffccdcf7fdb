"""What an origin is: asked one request, it gives one answer whose body is drained in pieces."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from multidict import CIMultiDictProxy

from gateway.model.voices import Voice
from gateway.protocol.s3.signing import EMPTY_SHA256

Body = bytes | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class OriginRequest:
    """One S3 request toward the origin, not yet signed.

    Whose `voice` it is must be said by who makes one: a forgotten one would lend Forebay's rights.
    """

    method: str
    bucket: str | None
    raw_key: str = ""
    """Percent-encoded, exactly as it must stand on the wire."""
    query: str = ""
    """Raw, without the question mark."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
    body_bytes: int | None = 0
    """The body's length; an iterable body must have exactly as many bytes."""
    payload_hash: str = EMPTY_SHA256
    """What is signed as x-amz-content-sha256."""
    may_be_slow: bool = False
    """Whether the first byte may take minutes (CompleteMultipartUpload, CopyObject)."""
    is_repetition: bool = False
    """Whether it asks once more for what another question began to bring."""
    keeps_answer: bool = False
    """Whether the origin's own words are wanted where it fails to the last (500, 502, 504)."""
    voice: Voice = field(kw_only=True)


class OriginAnswer(Protocol):
    """Status and headers at once, the body as it comes; it must be closed or drained."""

    status: int
    headers: CIMultiDictProxy[str]

    def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body; raises OriginUnreachable where it ends before its length."""
        ...

    async def read(self, bytes_max: int) -> bytes:
        """Return the whole body, or its first `bytes_max` bytes and give up the connection."""
        ...

    def close(self) -> None:
        """Give up what was not read, with its connection; harmless after the end."""
        ...


class Origin(Protocol):
    """The bucket's side: every room above asks through this one method."""

    async def ask(self, request: OriginRequest) -> OriginAnswer:
        """Send it and return the answer, whatever its status; raises OriginUnreachable."""
        ...
