"""From aiohttp's request to the embedded origin's call: target, headers and body, byte-exact."""

from collections.abc import AsyncIterator

from aiohttp import web
from multidict import CIMultiDict

from gateway.demo.origin_calls import Call
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_faults import Counters
from gateway.protocol.http.head import RequestHead, parse_query
from gateway.protocol.http.percent import decode

_KEY_BYTES_MAX = 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """The body of one request, read once and only if an operation wants it."""

    def __init__(self, request: web.BaseRequest, counters: Counters) -> None:
        """Remember the request; nothing is read yet."""
        self._request = request
        self._counters = counters
        self._is_expected = request.headers.get("Expect", "").lower() == "100-continue"
        self.is_begun = False

    @property
    def is_withheld(self) -> bool:
        """Return whether the client still waits for a 100 that it will not get."""
        return self._is_expected and not self.is_begun

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raises IncompleteBody where it breaks off."""
        self.is_begun = True
        if self._is_expected and self._request.transport is not None:
            # aiohttp's low-level server leaves 100-continue to us (RFC 9110 10.1.1).
            self._request.transport.write(_CONTINUE)
        try:
            async for piece in self._request.content.iter_any():
                self._counters.body_bytes_received += len(piece)
                yield piece
        except web.RequestPayloadError as error:
            raise S3Error("IncompleteBody", "The request body broke off") from error


def read_call(head: RequestHead, body: RequestBody) -> Call:
    """Return the call that a request makes, path style.

    Raises S3Error or InvalidRequest for a target that names nothing.
    """
    bucket, _, raw_key = head.path.removeprefix("/").partition("/")
    key = decode(raw_key)
    if len(key.encode()) > _KEY_BYTES_MAX:
        raise S3Error("KeyTooLongError", "Your key is too long")
    return Call(
        method=head.method,
        target=f"{head.path}?{head.query}" if head.query else head.path,
        bucket=decode(bucket),
        key=key,
        query=dict(parse_query(head.query)),
        headers=CIMultiDict((name.lower(), value) for name, value in head.headers.items()),
        read_body=body.pieces,
    )
