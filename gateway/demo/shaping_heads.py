"""The little that a shaping proxy must know of HTTP/1.1 heads: how long the body behind one is.

Heads are read here and passed on unchanged, byte for byte (RFC 9112 6.3 gives the lengths).
"""

import re
from dataclasses import dataclass

from gateway.protocol.http.head import split_target

HEAD_END = b"\r\n\r\n"
_FIELD = re.compile(
    rb"^(content-length|transfer-encoding|expect|connection)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_ETAG = re.compile(rb"^(etag[ \t]*:[ \t]*)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_FIRST_FINAL_STATUS = 200
_FIRST_REDIRECTION_STATUS = 300
_BODILESS_STATUS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Framing:
    """How the body behind a head ends."""

    length: int | None = None
    """Bytes, or None: until the sender closes."""
    is_chunked: bool = False


NO_BODY = Framing(0)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    target: str
    framing: Framing
    expects_continue: bool
    closes: bool

    @property
    def label(self) -> str:
        """Return the method, or LIST for a GET that names no key."""
        path, _ = split_target(self.target)
        has_key = bool(path.removeprefix("/").partition("/")[2])
        return "LIST" if self.method == "GET" and not has_key else self.method


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered."""

    status: int
    framing: Framing
    closes: bool

    @property
    def is_final(self) -> bool:
        """Return whether no other head answers the same request (RFC 9110 15.2)."""
        return self.status >= _FIRST_FINAL_STATUS

    @property
    def is_success(self) -> bool:
        """Return whether the request did what it asked (RFC 9110 15.3)."""
        return _FIRST_FINAL_STATUS <= self.status < _FIRST_REDIRECTION_STATUS


def read_request(raw: bytes) -> Request:
    """Return what a request head says; raises ValueError for one that says nothing."""
    method, target, _ = raw.split(b"\r\n", 1)[0].split(b" ", 2)
    fields = _fields(raw)
    return Request(
        method=method.decode("latin-1"),
        target=target.decode("latin-1"),
        framing=_framing(fields) or NO_BODY,
        expects_continue=fields.get(b"expect", b"").lower() == b"100-continue",
        closes=_closes(raw, fields),
    )


def read_response(raw: bytes, request_method: str) -> Response:
    """Return what a response head says; raises ValueError for one that says nothing."""
    status = int(raw.split(b"\r\n", 1)[0].split(b" ", 2)[1])
    fields = _fields(raw)
    is_bodiless = (
        request_method == "HEAD" or status < _FIRST_FINAL_STATUS or status in _BODILESS_STATUS
    )
    framing = NO_BODY if is_bodiless else _framing(fields) or Framing(None)
    return Response(status, framing, _closes(raw, fields) or framing.length is None)


def with_etag(raw: bytes, etag: str) -> bytes:
    """Return a response head that lies about its ETag."""
    return _ETAG.sub(lambda found: found[1] + etag.encode(), raw, count=1)


def _fields(raw: bytes) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in _FIELD.findall(raw)}


def _framing(fields: dict[bytes, bytes]) -> Framing | None:
    if fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
        return Framing(0, is_chunked=True)
    length = fields.get(b"content-length")
    return None if length is None else Framing(int(length))


def _closes(raw: bytes, fields: dict[bytes, bytes]) -> bool:
    said = fields.get(b"connection", b"").lower()
    is_old = b" HTTP/1.0\r\n" in raw[:65536] or raw.startswith(b"HTTP/1.0 ")
    return b"close" in said or (is_old and b"keep-alive" not in said)
