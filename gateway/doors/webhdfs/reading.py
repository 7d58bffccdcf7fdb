"""Reading files: OPEN, GETFILECHECKSUM and where blocks are.

OPEN answers with the body itself. Hadoop's own client is sent on first, by a 307: it makes its
first request only to learn where the file is, leaves that answer's body unread and asks again with
an offset (WebHdfsFileSystem.ReadRunner), so that a whole body would be begun for nothing. It is
known by X-Hadoop-Accept-EZ, which it sends with every request.
"""

import asyncio
from contextlib import aclosing
from typing import Final

from aiohttp import web

from gateway.doors.bodies import send_pieces
from gateway.doors.webhdfs.exchange import BYTES, WebHdfsExchange
from gateway.doors.webhdfs.redirects import Redirects, authority_of
from gateway.filesystem.interface import OpenFile, Tree
from gateway.filesystem.status import Status
from gateway.model.failures import FileConflict, InvalidRequest
from gateway.model.ranges import ByteRange
from gateway.protocol.webhdfs.blocks import Host, block_locations, block_ranges, located_blocks
from gateway.protocol.webhdfs.checksums import HdfsChecksum
from gateway.protocol.webhdfs.documents import file_checksum

HADOOP_CLIENT: Final = "X-Hadoop-Accept-EZ"
CHECKSUMS_MAX: Final = 2
"""Checksums that a worker computes at a time: each reads a whole file and takes a core's time."""
_STEP_BYTES: Final = 4 * 1024 * 1024
_PORTS: Final = {True: 443, False: 80}


class ReadingDoor:
    """Answers what reads a file's body, or asks where it is."""

    def __init__(self, tree: Tree, redirects: Redirects, block_bytes: int) -> None:
        """Read from `tree`; files are said to be in blocks of `block_bytes`."""
        self._tree = tree
        self._redirects = redirects
        self._block_bytes = block_bytes
        self._checksums = asyncio.Semaphore(CHECKSUMS_MAX)

    async def open(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer OPEN."""
        given = exchange.parameters
        offset, length = given.number("offset"), given.find_number("length")
        is_second = given.flag("data")
        wants_step = given.flag("noredirect") or HADOOP_CLIENT in exchange.head.headers
        if wants_step and not is_second:
            _stretch(await self._file(exchange), offset, length)
            return await self._redirects.send_on(exchange)
        first = ByteRange(offset, offset + length) if length else None
        opened = await self._tree.open(exchange.caller, exchange.path, first)
        wanted = _stretch(opened.status, offset, length)
        return await _send(exchange, opened, wanted)

    async def checksum(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETFILECHECKSUM with what HDFS would say of a file of these bytes and blocks."""
        if exchange.parameters.flag("noredirect") and not exchange.parameters.flag("data"):
            return await self._redirects.send_on(exchange)
        opened = await self._tree.open(exchange.caller, exchange.path)
        async with self._checksums:
            algorithm, checksum = await self._computed(opened)
        return await exchange.send_json(file_checksum(algorithm, checksum))

    async def _computed(self, opened: OpenFile) -> tuple[str, bytes]:
        running, size = HdfsChecksum(self._block_bytes), opened.status.length
        for start in range(0, size, _STEP_BYTES):
            piece = await opened.read(ByteRange(start, min(size, start + _STEP_BYTES)))
            await asyncio.to_thread(running.update, piece)
        return running.finish()

    async def block_locations(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETFILEBLOCKLOCATIONS."""
        _, blocks = await self._blocks(exchange)
        return await exchange.send_json(block_locations(blocks, _host_of(exchange)))

    async def located_blocks(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GET_BLOCK_LOCATIONS, the private word of older clients."""
        size, blocks = await self._blocks(exchange)
        host = _host_of(exchange)
        return await exchange.send_json(located_blocks(blocks, size, self._block_bytes, host))

    async def _blocks(self, exchange: WebHdfsExchange) -> tuple[int, list[range]]:
        given, size = exchange.parameters, (await self._file(exchange)).length
        offset, length = given.number("offset"), given.find_number("length")
        return size, block_ranges(size, self._block_bytes, offset, length)

    async def _file(self, exchange: WebHdfsExchange) -> Status:
        """Return what stands at the path; raises FileConflict for a directory."""
        status = await self._tree.status(exchange.caller, exchange.path)
        if status.is_directory:
            raise FileConflict(f"Path is not a file: {exchange.path}", code="IsADirectory")
        return status


def _stretch(status: Status, offset: int, length: int | None) -> ByteRange:
    """Return the bytes that are meant; raises InvalidRequest as Hadoop's namenode does."""
    size = status.length
    if offset >= size > 0:
        raise InvalidRequest(
            f"Offset={offset} out of the range [0, {size}); OPEN, path={status.path}",
            code="OutOfRange",
        )
    if size == 0:
        return ByteRange(0, 0)
    return ByteRange(offset, size if length is None else min(size, offset + length))


async def _send(
    exchange: WebHdfsExchange, opened: OpenFile, wanted: ByteRange
) -> web.StreamResponse:
    """Send bytes of an open file."""
    if not wanted.length:
        return await exchange.send_nothing()
    async with aclosing(opened.pieces(wanted)) as pieces:
        response = await exchange.start(200, BYTES, wanted.length)
        await send_pieces(exchange, response, pieces)
    await response.write_eof()
    return response


def _host_of(exchange: WebHdfsExchange) -> Host:
    """Return where the client reached us, the one host of every block."""
    authority = authority_of(exchange)
    name, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return Host(authority, _PORTS[exchange.head.secure])
    return Host(name, int(port))
