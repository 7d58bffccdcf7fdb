"""An answer whose body is at hand: head and body leave in one write, with nothing in between.

aiohttp's own response sends its head first and costs more than all else that a small hit needs.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from time import time

from aiohttp import HttpVersion10, http_writer, web
from multidict import CIMultiDict

from gateway.protocol.http.dates import format_http_date

_BODILESS_STATUSES = frozenset({204, 304})
"""No body, and no Content-Length that speaks of one (RFC 9110 8.6, 15.4.5)."""


class WholeAnswer(web.StreamResponse):
    """A status, its headers and all of its body."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, *, closes: bool
    ) -> None:
        """Take the answer; `closes` ends the connection after it."""
        super().__init__(status=status, headers=headers)
        self._whole = body
        self._closes = closes
        self._is_sent = False

    @property
    def prepared(self) -> bool:
        """Return whether bytes of it may have reached the client."""
        return self._is_sent

    @property
    def keep_alive(self) -> bool:
        """Return whether the connection may carry another request."""
        return not self._closes

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send it, once: aiohttp asks again at the request's end."""
        if self._is_sent:
            return
        self._is_sent = True
        self._closes = self._closes or not request.keep_alive
        is_http10 = request.version == HttpVersion10
        headers, writer = self.headers, request.writer
        if self.status not in _BODILESS_STATUSES:
            if request.method != "HEAD" or self._whole:
                headers["Content-Length"] = str(len(self._whole))
            if self._whole:
                # RFC 9110 8.3: a recipient without a Content-Type may guess, which is unsafe.
                headers.setdefault("Content-Type", "application/octet-stream")
        headers["Date"] = date_now()
        if self._closes:
            headers["Connection"] = "close"
        elif is_http10:
            headers["Connection"] = "keep-alive"
        await writer.write_headers(
            f"HTTP/1.{'0' if is_http10 else '1'} {self.status} {self.reason}", headers
        )
        body = b"" if request.method == "HEAD" else self._whole
        # aiohttp keeps the answer until the next request: an idle connection need not hold a body.
        self._whole = b""
        writer.length = len(body)
        await writer.write_eof(body)

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` sent the end."""


def whole_head(status: int, headers: CIMultiDict[str], length: int) -> bytes:
    """Return status line and headers of an answer that keeps its connection, and an empty line.

    Date is left to the caller. Raises ValueError for a header that would split the head.
    """
    headers["Content-Length"] = str(length)
    headers.setdefault("Content-Type", "application/octet-stream")
    # Its own function, so that one header is written in one way wherever it is written.
    return http_writer._serialize_headers(  # noqa: SLF001 - there is no public one
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", headers
    )


def date_line() -> str:
    """Return the Date header of now as it stands in a head, with the end of its line."""
    return _date_line(int(time()))


@lru_cache(maxsize=2)
def _date_line(second: int) -> str:
    return f"Date: {_date(second)}\r\n"


def date_now() -> str:
    """Return the Date header of now (RFC 9110 6.6.1)."""
    return _date(int(time()))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """Return the Date header (RFC 9110 6.6.1), made once a second."""
    return format_http_date(datetime.fromtimestamp(second, UTC))
