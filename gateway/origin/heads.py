"""HEADs toward the origin, written straight onto the connections that the session keeps.

A strict hit waits for one, and most of what a session does for a request serves bodies, cookies,
redirects and proxies. A HEAD is one write and one answer without a body; connections, their limit,
TLS, the parser and its bounds stay aiohttp's, and so do the failures and their words.
"""

from collections.abc import AsyncGenerator
from ssl import SSLContext
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

_PLACES_MAX: Final = 1024
_SWITCHING: Final = 101
_FINAL: Final = 200


class HeadAnswer:
    """An answer to a HEAD, seen as an `OriginAnswer`; its connection is free already."""

    __slots__ = ("headers", "status")

    def __init__(self, status: int, headers: CIMultiDictProxy[str]) -> None:
        """Tell what was answered."""
        self.status = status
        self.headers = headers

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield nothing."""
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece

    async def read(self, bytes_max: int) -> bytes:  # noqa: ARG002 - as every answer is read
        """Return nothing."""
        return b""

    def close(self) -> None:
        """Do nothing."""


class Heads:
    """Asks HEADs over a session's connector."""

    def __init__(
        self, connector: aiohttp.BaseConnector, scheme: str, *, line_bytes_max: int
    ) -> None:
        """Use `connector`, which whoever opened it closes."""
        self._connector = connector
        self._scheme = scheme
        self._line_bytes_max = line_bytes_max
        self._places: dict[tuple[str, SSLContext | None], aiohttp.ClientRequest] = {}

    async def ask(
        self,
        netloc: str,
        head: bytes,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, for connect and read
        context: SSLContext | None,
    ) -> HeadAnswer:
        """Send `head` as it is and return the answer; raises what a session would.

        A connection is given back only where a whole answer, and nothing more, came over it.
        """
        place = self._place(netloc, context)
        connection = await self._connected(place, timeout)
        try:
            answer = await self._told(connection, head, timeout)
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientResponseError(
                place.request_info, (), status=error.code, message=error.message
            ) from error
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    async def _connected(
        self,
        place: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
    ) -> Connection:
        try:
            return await self._connector.connect(place, [], timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(
                f"Connection timeout to host {place.url}"
            ) from error

    async def _told(
        self,
        connection: Connection,
        head: bytes,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
    ) -> HeadAnswer:
        protocol, transport = connection.protocol, connection.transport
        # What an origin said unasked is no answer to this question.
        if protocol is None or transport is None or protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(
            skip_payload=True,
            auto_decompress=False,
            read_timeout=timeout.sock_read,
            max_line_size=self._line_bytes_max,
            max_field_size=self._line_bytes_max,
        )
        transport.write(head)
        protocol.start_timeout()
        while True:
            message, _ = await protocol.read()
            if message.code >= _FINAL or message.code == _SWITCHING:
                return HeadAnswer(message.code, message.headers)

    def _place(self, netloc: str, context: SSLContext | None) -> aiohttp.ClientRequest:
        """Return what the connector connects by, the same for every request to a host."""
        place = self._places.get((netloc, context))
        if place is None:
            if len(self._places) >= _PLACES_MAX:
                self._places.clear()
            url = URL(f"{self._scheme}://{netloc}/", encoded=True)
            place = aiohttp.ClientRequest("HEAD", url, ssl=True if context is None else context)
            self._places[netloc, context] = place
        return place


def written_head(target: str, headers: CIMultiDict[str]) -> bytes:
    """Return the request as it goes out; raises ValueError where a line would be two."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    text = f"HEAD {target} HTTP/1.1\r\n{lines}\r\n"
    breaks = len(headers) + 2
    if text.count("\r") != breaks or text.count("\n") != breaks or "\0" in text:
        raise ValueError("a line break in a request's head")
    return text.encode("utf-8", "surrogateescape")
