"""An origin whose answers are bytes that the test wrote: quirks that no well-made double has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from multidict import CIMultiDict


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it stood on the wire; the body as its Content-Length says."""

    method: str
    target: str
    headers: CIMultiDict[str]
    body: bytes


@dataclass(slots=True)
class ScriptedServer:
    """Where it serves, and all that it was asked."""

    endpoint: str
    asked: list[Asked] = field(default_factory=list)

    def methods(self) -> list[str]:
        return [each.method for each in self.asked]


Script = Callable[[Asked, asyncio.StreamWriter], Awaitable[bytes]]
"""Returns the answer's bytes; it may write a part of them itself and then wait."""


def answer_bytes(
    status: int, headers: dict[str, str] | None = None, body: bytes = b"", *, length: bool = True
) -> bytes:
    """Return an answer; without `length` the body ends with the connection."""
    fields = dict(headers or {})
    if length:
        fields.setdefault("Content-Length", str(len(body)))
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[ScriptedServer]:
    """Serve by `script`, one request a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = CIMultiDict(
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        try:
            body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            asked = Asked(method, target, headers, body)
            running.asked.append(asked)
            writer.write(await script(asked, writer))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the gateway withdrew a body that was a lie
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    running = ScriptedServer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield running


def key_of(asked: Asked) -> str:
    """Return the request's path without its query."""
    return urlsplit(asked.target).path
