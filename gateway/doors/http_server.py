"""The listener: aiohttp's low-level server, with bounded connections, on a port that is shared."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiohttp import http_parser, web

from gateway.doors.connection import ClientConnection
from gateway.doors.connections import Connections
from gateway.doors.last_words import LastWords
from gateway.doors.prompt_connection import AtOnce, PromptConnection
from gateway.doors.refused_connection import RefusedConnection

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http import RawRequestMessage
    from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

ACCEPTED_AT_ONCE_MAX: Final = 16
"""Connections that asyncio accepts before it turns to those that are open: its own default, the
length of the queue, would let a crowd of newcomers hold up every request."""
_QUEUED_MAX: Final = 4096
"""Connections that the kernel keeps until they are accepted (at most net.core.somaxconn)."""


class DoorServer(web.Server):
    """Makes a `ClientConnection` for each connection that there is room for."""

    def __init__(
        self,
        handler: Handler,
        connections: Connections,
        words: LastWords,
        at_once: AtOnce | None = None,
        connection: type[ClientConnection] = ClientConnection,
    ) -> None:
        """Serve `handler` on `connections`; what `at_once` answers needs no handler.

        `connection` is what one is where nothing is answered at once.
        """
        super().__init__(self._answered)
        self._words = words
        self._handler = handler
        self._at_once = at_once
        self._connection = connection
        self._bounded = connections

    def __call__(self) -> "RequestHandler":
        """Return the protocol of a new connection, which may be one that refuses."""
        if not self._bounded.make_room():
            # asyncio asks no more of it than asyncio.Protocol has.
            return RefusedConnection(self._bounded, self._words)  # type: ignore[return-value]
        loop = asyncio.get_running_loop()
        if self._at_once is None:
            return self._connection(self, self._bounded, loop, self._words)
        return PromptConnection(self, self._bounded, loop, self._words, self._at_once)

    async def listen(
        self, listener: socket.socket, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """Accept connections on a bound socket, over TLS where there is a `context`."""
        handshake_seconds = self._bounded.limits.handshake_seconds
        server = await asyncio.get_running_loop().create_server(
            self,
            sock=listener,
            ssl=context,
            backlog=ACCEPTED_AT_ONCE_MAX,
            ssl_handshake_timeout=handshake_seconds if context is not None else None,
        )
        listener.listen(_QUEUED_MAX)
        return server

    def _make_request(
        self,
        message: "RawRequestMessage",
        payload: "StreamReader",
        protocol: "RequestHandler",
        writer: "AbstractStreamWriter",
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Return the request that is answered next on its connection; aiohttp's own name for it."""
        assert isinstance(protocol, ClientConnection)  # noqa: S101 - we make no other
        protocol.begins_request()
        return super()._make_request(message, payload, protocol, writer, task)

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, and let the connection be idle after it."""
        try:
            return await self._handler(request)
        finally:
            connection = request.protocol
            assert isinstance(connection, ClientConnection)  # noqa: S101 - as above
            connection.ends_request(request)


def assert_safe_parser() -> None:
    """Refuse to start on aiohttp's pure-Python parser, which had a request-smuggling CVE."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise RuntimeError(
            "aiohttp's C parser is missing: install its wheel and unset AIOHTTP_NO_EXTENSIONS"
        )


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that shares its port with the other workers (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003 - the socket API
    return listener
