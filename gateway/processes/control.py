"""The control channel between supervisor and worker: JSON lines over a socket pair.

It is the worker's standard input, so secrets pass neither in arguments nor in the environment, and
its end tells each side that the other is gone, however it went.

The supervisor sends {"start": {...}} first and once, then {"reload": settings} and {"stop": true};
a worker sends {"ready": true} or {"failed": words}.
"""

import asyncio
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.settings.reading import from_json, to_json
from gateway.settings.tree import Settings

MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Thousands of identities and rules fit; the peer is the same program."""

Message = dict[str, Any]


class Channel:
    """One end of the channel."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the streams of a connected socket."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> "Channel":
        """Return the channel over one end of the socket pair, which it owns from now on."""
        end.setblocking(False)  # noqa: FBT003 - the socket API
        streams = await asyncio.open_unix_connection(sock=end, limit=MESSAGE_BYTES_MAX)
        return cls(*streams)

    async def send(self, message: Message) -> None:
        """Send a message; one to a peer that is gone is lost, which `receive` tells."""
        try:
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()
        except ConnectionError:
            return

    async def receive(self) -> Message | None:
        """Return the next message, None when the peer is gone."""
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """Let the peer see the end."""
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker is told first."""

    settings: Settings
    worker_number: int
    listen_port: int
    metrics_path: Path
    webhdfs_port: int | None = None
    """None: there is no such door."""

    def message(self) -> Message:
        """Return the message that carries it."""
        fields = {"settings": json.loads(to_json(self.settings))}
        for name in ("worker_number", "listen_port", "webhdfs_port"):
            fields[name] = getattr(self, name)
        return {"start": fields | {"metrics_path": str(self.metrics_path)}}

    @classmethod
    def of_message(cls, message: Message) -> "Start":
        """Return what the message carries."""
        fields = message["start"]
        return cls(
            settings_of(fields["settings"]),
            fields["worker_number"],
            fields["listen_port"],
            Path(fields["metrics_path"]),
            fields["webhdfs_port"],
        )


def reload_message(settings: Settings) -> Message:
    """Return the message that brings new settings to a worker that serves."""
    return {"reload": json.loads(to_json(settings))}


def settings_of(tree: Message) -> Settings:
    """Return the settings that a message carries."""
    return from_json(json.dumps(tree))
