"""What an origin said before it reset the connection: an answer that a failed write must not lose.

A server that refuses an upload before it has read all of it answers, closes, and the bytes still on
their way make its kernel reset the connection (RFC 9112 9.6). asyncio gives a connection up at the
first write that fails, with the answer unread in the socket: `404 NoSuchBucket` would be told as an
unreachable origin, and clients would try again for nothing. Over TLS what lies in the socket cannot
be read any more, and the answer is found only if it came before the write.
"""

import asyncio
import os
from contextlib import suppress
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler

_IDLE_SECONDS = 15.0
_READ_BYTES = 64 * 1024


class ListeningConnector(aiohttp.TCPConnector):
    """A connector whose connections hear their origin out."""

    def __init__(self, *, connections_max: int) -> None:
        """Open nothing yet."""
        super().__init__(limit=connections_max, keepalive_timeout=_IDLE_SECONDS)
        # There is no public way to choose the protocol; tests/origin/test_last_words.py watches it.
        protocol: type[ResponseHandler] = _HearingOut
        self._factory = partial(protocol, loop=asyncio.get_running_loop())


class _HearingOut(ResponseHandler):
    """A connection's protocol that reads what is left before it is lost."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take what the socket still holds; asyncio closes it after this."""
        transport = self.transport
        if isinstance(exc, OSError) and transport is not None:
            is_plain = transport.get_extra_info("ssl_object") is None
            socket = transport.get_extra_info("socket")
            if is_plain and socket is not None:
                with suppress(OSError):
                    while rest := os.read(socket.fileno(), _READ_BYTES):
                        self.data_received(rest)
        super().connection_lost(exc)
