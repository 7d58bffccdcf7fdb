"""The listeners of one worker, opened together and drained together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.doors.http_server import DoorServer, listening_socket
from gateway.doors.tls import ListenerTls


class Listener(NamedTuple):
    """A door's server, and where it is to listen."""

    server: DoorServer
    tls: ListenerTls | None
    host: str
    port: int


class Listeners:
    """What listens; opened by `open`, for all of them or none."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        """Take those that there are to be."""
        self._listeners = listeners
        self._open: list[asyncio.Server] = []

    @property
    def certificates(self) -> list[ListenerTls]:
        """Return what they show their clients, where that is a certificate."""
        return [one.tls for one in self._listeners if one.tls is not None]

    async def open(self) -> None:
        """Open a socket of this worker's own on each shared port; raises OSError."""
        for server, tls, host, port in self._listeners:
            context = tls.context if tls is not None else None
            self._open.append(await server.listen(listening_socket(host, port), context))

    async def drain(self, seconds: float) -> None:
        """Take no more connections; wait as long for those that answer a request."""
        for listener in self._open:
            listener.close()
        servers = [one.server for one in self._listeners]
        for server in servers:
            server.pre_shutdown()
        await asyncio.gather(*(server.shutdown(seconds) for server in servers))


def listener_tls(certificate: Path | None, key: Path | None) -> ListenerTls | None:
    """Return what a listener shows its clients; None where it speaks plain HTTP."""
    return ListenerTls(certificate, key) if certificate is not None and key is not None else None
