"""Sending a body: sendfile from an open segment where the kernel can, bytes where it cannot."""

import asyncio
import os
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.core.reading import FlashPiece, Piece
from gateway.doors.connection import S3Connection
from gateway.doors.exchange import Exchange

_COPY_BYTES = 256 * 1024


async def send_pieces(
    exchange: Exchange, response: web.StreamResponse, pieces: AsyncIterator[Piece]
) -> None:
    """Send every piece in order; the response was started with their total length."""
    async for piece in pieces:
        if isinstance(piece, bytes):
            await response.write(piece)
            exchange.bytes_out += len(piece)
        else:
            with piece.handle:
                await _send_flash(exchange, piece)
            exchange.bytes_out += piece.length


async def _send_flash(exchange: Exchange, piece: FlashPiece) -> None:
    """Hand a stretch of a segment to the kernel.

    `fallback=False`: asyncio's own fallback seeks the shared file object and would corrupt the
    bodies of others; over TLS the bytes are read at their position instead.
    """
    transport = exchange.request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client left")
    writer = exchange.request.writer
    writer.send_headers()
    loop = asyncio.get_running_loop()
    if exchange.head.secure:
        await _send_copies(exchange, piece)
        return
    connection = exchange.request.protocol
    assert isinstance(connection, S3Connection)  # noqa: S101 - no other server makes requests
    connection.begins_sending()
    try:
        sent = await loop.sendfile(
            transport,
            piece.handle,  # type: ignore[arg-type]  # sendfile needs no more than fileno()
            piece.offset,
            piece.length,
            fallback=False,
        )
    finally:
        connection.ends_sending()
    if sent != piece.length:
        raise ConnectionResetError("a segment ended before its extent")


async def _send_copies(exchange: Exchange, piece: FlashPiece) -> None:
    """Read and write in steps; the pages are warm, since the extent was proven just now."""
    response = exchange.response
    assert response is not None  # noqa: S101 - started before any piece is sent
    position, stop = piece.offset, piece.offset + piece.length
    while position < stop:
        copy = os.pread(piece.handle.fileno(), min(_COPY_BYTES, stop - position), position)
        if not copy:
            raise ConnectionResetError("a segment ended before its extent")
        await response.write(copy)
        position += len(copy)
