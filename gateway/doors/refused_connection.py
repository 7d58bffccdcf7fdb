"""A connection for which there is no room: it is told so, whatever it wants, and ended."""

import asyncio
from typing import Final, cast

from gateway.doors.connections import Connections
from gateway.doors.last_words import LastWords

TOLD_AT_ONCE_MAX: Final = 64
"""Connections that may hear why; in a flood of more they are just closed."""


class RefusedConnection(asyncio.Protocol):
    """Says 503 (SlowDown) and reads nothing."""

    __slots__ = ("_connections", "_transport", "_words")

    def __init__(self, connections: Connections, words: LastWords) -> None:
        """Be seen off by `connections`, in the door's words."""
        self._connections = connections
        self._words = words
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        chosen = self._transport = cast("asyncio.Transport", transport)
        if len(self._connections.leaving) < TOLD_AT_ONCE_MAX:
            self._connections.sees_off(chosen, self._words.goodbye("SlowDown"))
        else:
            chosen.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why, is all one
        """Be forgotten."""
        if self._transport is not None:
            self._connections.leaving.discard(self._transport)
            self._transport = None
