"""One connection of a client: aiohttp's, with bounds on heads and on waiting, in a door's words.

Its states are those of `Connections`: it waits for a head, a request is answered (and may wait for
the client), or it is idle.
"""

import asyncio
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler

from gateway.core.objects import Question
from gateway.doors.connections import Connections
from gateway.doors.last_words import LastWords
from gateway.model.failures import InvalidRequest
from gateway.telemetry import metrics

if TYPE_CHECKING:
    from aiohttp import StreamReader

_log = logging.getLogger(__name__)

_BYTES_ACKED_AT: Final = 120
"""Where struct tcp_info (linux/tcp.h) has tcpi_bytes_acked, a u64."""
_NEVER_SECONDS: Final = 1e9
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero: what the client did not take is thrown away, and its memory is free."""


class ClientConnection(RequestHandler):
    """A connection that is bounded in bytes and in time."""

    __slots__ = (
        "_acked_bytes",
        "_awaited",
        "_connections",
        "_head_bytes",
        "_is_answering",
        "_limits",
        "_waited_seconds",
        "_words",
        "question",
    )

    def __init__(
        self,
        server: web.Server,
        connections: Connections,
        loop: asyncio.AbstractEventLoop,
        words: LastWords,
    ) -> None:
        """Belong to `server`; bodies are left as they are sent (no decompression)."""
        limits = connections.limits
        options: dict[str, Any] = {
            "keepalive_timeout": _NEVER_SECONDS,  # `Connections` keeps the time
            "max_line_size": limits.header_bytes_max,
            "max_field_size": limits.header_bytes_max,
            "max_headers": limits.headers_max,
            "auto_decompress": False,
            "access_log": None,
            "lingering_time": 2.0,
            "read_bufsize": 256 * 1024,
        }
        super().__init__(server, loop=loop, **options)
        self._connections = connections
        self._words = words
        self._limits = limits
        self._head_bytes = 0
        self._is_answering = False
        self._awaited: StreamReader | None = None
        self._waited_seconds = 0.0
        self._acked_bytes = 0
        self.question: Question | None = None
        """What the origin was asked for the request that is answered now, before it had a task."""
        connections.arrives(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        self._connections.opens(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Be forgotten."""
        if self._manager is not None:
            self._connections.closes(self)
            if self.transport is not None:
                self._connections.leaving.discard(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes and parse them."""
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Parse bytes; a head may have no more than `head_bytes_max` of them."""
        if self._is_answering or self._messages or not data or self._close:
            super().data_received(data)
            return
        room = self._limits.head_bytes_max - self._head_bytes
        super().data_received(data[:room] if len(data) > room else data)
        if self._messages:
            self._head_bytes = 0
            if len(data) > room:
                super().data_received(data[room:])
        elif len(data) > room:
            self._say_goodbye("RequestHeaderSectionTooLarge")
        else:
            if not self._head_bytes and self not in self._connections.heads:
                self._connections.idle.discard(self)
                self._connections.heads.add(self, self._loop.time())
            self._head_bytes += len(data)

    @property
    def remote(self) -> str:
        """Return the peer's address."""
        peer = self.peername
        return str(peer[0]) if isinstance(peer, tuple) else "-"

    @property
    def is_secure(self) -> bool:
        """Return whether the connection is a TLS one."""
        return self.ssl_context is not None

    def begins_request(self) -> None:
        """Note that a request is answered from now on: a head that came whole, or an error."""
        self._is_answering = True
        self._waited_seconds = 0.0
        self._connections.heads.discard(self)
        self._connections.idle.discard(self)

    def ends_request(self, request: web.BaseRequest) -> None:
        """Note that the answer is given; with a body left unread the connection has no next one."""
        self.question = None
        if request.content.is_eof():
            self._is_answering = False
            if self.transport is not None:
                self._connections.idle.add(self, self._loop.time())

    async def next_piece(self, content: "StreamReader") -> bytes:
        """Return what came of a request's body, b"" at its end.

        Raises InvalidRequest (RequestTimeout) where the client sends nothing or too little.
        """
        piece = content.read_nowait()
        if piece or content.is_eof():
            return piece
        began = self._loop.time()
        self._awaited = content
        self._connections.waits.add(self, began)
        try:
            piece = await content.readany()
        finally:
            self._awaited = None
            self._connections.waits.discard(self)
        self._waited_seconds += self._loop.time() - began
        if self._is_too_slow(self._waited_seconds, content.total_bytes):
            raise self._timed_out(content)
        return piece

    def begins_sending(self) -> None:
        """Note that the kernel has all that it takes, and the client must take something."""
        self._acked_bytes = self._find_acked_bytes()
        self._connections.waits.add(self, self._loop.time())

    def ends_sending(self) -> None:
        """Note that the client took what there was."""
        self._connections.waits.discard(self)

    async def _drain_helper(self) -> None:
        """Wait until a client that reads slowly has taken some; aiohttp's own name for it."""
        if not self._paused or self.transport is None:
            await super()._drain_helper()
            return
        self.begins_sending()
        try:
            await super()._drain_helper()
        finally:
            self.ends_sending()

    def give_way(self) -> None:
        """End now, for a new connection or after an idle time."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def expire_head(self) -> None:
        """End, with words where the client began to say something."""
        metrics.clients_timed_out.labels(awaited="head").inc()
        if self._head_bytes:
            self._say_goodbye("RequestTimeout")
        else:
            self.give_way()

    def expire_wait(self) -> None:
        """End the wait for a client, unless it takes its answer at the least rate."""
        if self._awaited is not None:
            self._timed_out(self._awaited)
            return
        acked_bytes = self._find_acked_bytes()
        least_bytes = max(1, self._limits.bytes_per_second_min * self._limits.stall_seconds)
        if acked_bytes - self._acked_bytes >= least_bytes:
            self._acked_bytes = acked_bytes
            self._connections.waits.add(self, self._loop.time())
            return
        metrics.clients_timed_out.labels(awaited="reading").inc()
        self._cut()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's words are not the door's
    ) -> web.StreamResponse:
        """Return the error for a request that never became one; the connection is closed."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: it can only be cut")
        return self._words.error_answer(_code_of(status, exc))

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """Say nothing: a target in a traceback may hold a presigned URL's signature."""

    def _is_too_slow(self, waited_seconds: float, moved_bytes: int) -> bool:
        """Return whether so many bytes are too few for the time that was waited for them."""
        rate = self._limits.bytes_per_second_min
        beyond_seconds = waited_seconds - self._limits.stall_seconds
        return bool(rate) and beyond_seconds > 0 and moved_bytes < beyond_seconds * rate

    def _timed_out(self, content: "StreamReader") -> InvalidRequest:
        """Return the failure of a body that does not come, which its reader is told as well."""
        metrics.clients_timed_out.labels(awaited="body").inc()
        failure = InvalidRequest(
            "Your socket connection to the server was not read from or written to within the "
            "timeout period.",
            code="RequestTimeout",
        )
        content.set_exception(failure)
        return failure

    def _say_goodbye(self, code: str) -> None:
        """Send an error to a client whose head is not whole, and end."""
        transport = self.transport
        if transport is not None:
            self._connections.heads.discard(self)
            self.close()
            self._connections.sees_off(transport, self._words.goodbye(code))

    def _cut(self) -> None:
        """Break the connection under whoever sends: a wait in the kernel hears of nothing else."""
        if self.transport is None:
            return
        end: socket.socket = self.transport.get_extra_info("socket")
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.transport.abort()

    def _find_acked_bytes(self) -> int:
        """Return how many bytes the client has acknowledged since it connected; 0: not known."""
        if self.transport is None:
            return 0
        end: socket.socket = self.transport.get_extra_info("socket")
        known = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_AT + 8)
        return (
            int.from_bytes(known[_BYTES_ACKED_AT:], "little") if len(known) > _BYTES_ACKED_AT else 0
        )


def _code_of(status: int, exc: BaseException | None) -> str:
    """Return the S3 code of an error that aiohttp found."""
    if isinstance(exc, http_exceptions.LineTooLong) or "Too many headers" in str(exc):
        return "RequestHeaderSectionTooLarge"
    if isinstance(exc, http_exceptions.HttpProcessingError) or status < 500:  # noqa: PLR2004
        return "BadRequest"
    _log.error("a request failed inside: %s", type(exc).__name__, exc_info=exc)
    return "InternalError"
