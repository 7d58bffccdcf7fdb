"""One connection whose bytes the test chooses: requests as they are, answers taken apart."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from multidict import CIMultiDict

from tests.support.signed_client import SignedClient


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, its headers, and as much body as the headers announce."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class RawConnection:
    """Writes bytes and reads answers, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, method: str = "GET") -> Answer:
        """Return the next answer, to a request of `method`; interim ones (100) are answers too."""
        async with asyncio.timeout(20):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            status = int(first.split()[1])
            pairs = (line.partition(":") for line in lines)
            headers = CIMultiDict((name, value.strip()) for name, _, value in pairs)
            if headers.get("Transfer-Encoding") == "chunked":
                return Answer(status, headers, await self._chunks())
            length = int(headers.get("Content-Length", "0"))
            if method == "HEAD" or status in {100, 204, 304}:
                length = 0
            return Answer(status, headers, await self._reader.readexactly(length))

    async def read_until(self, mark: bytes) -> bytes:
        """Return what the server sends up to `mark`, framing included."""
        async with asyncio.timeout(20):
            return await self._reader.readuntil(mark)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return body

    def take_little(self) -> None:
        """Read nothing from now on, and let the kernel keep as little as it can for us."""
        transport = self._writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def take_all(self) -> None:
        """Read on after `take_little`."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    async def ended(self) -> bool:
        """Return whether the server ends the connection without another byte."""
        async with asyncio.timeout(20):
            return await self._reader.read(1) == b""


@asynccontextmanager
async def raw_connection(endpoint: str) -> AsyncIterator[RawConnection]:
    """Connect to an http endpoint until the block ends."""
    parts = urlsplit(endpoint)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def request_bytes(
    client: SignedClient,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    unsigned: Mapping[str, str] | None = None,
    target: str | None = None,
) -> bytes:
    """Return the head of a signed request; `unsigned` headers are added after signing."""
    netloc = urlsplit(client.endpoint).netloc
    signed = client.signed(method, path, "", dict(headers or {}), body=body)
    fields = {"Host": netloc, **signed, **(unsigned or {})}
    lines = [f"{method} {target or path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
