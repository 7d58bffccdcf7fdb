"""Sending a body: sendfile from an open segment where the kernel can, bytes where it cannot."""

import asyncio
import os
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.core.reading import FlashPiece, Piece
from gateway.doors.connection import ClientConnection
from gateway.doors.exchange import Exchange
from gateway.flash.store import SegmentHandle

_COPY_BYTES = 256 * 1024


async def send_pieces(
    exchange: Exchange, response: web.StreamResponse, pieces: AsyncIterator[Piece]
) -> None:
    """Send every piece in order; the response was started with their total length."""
    async for piece in pieces:
        if isinstance(piece, FlashPiece):
            with piece.handle:
                await _send_flash(exchange, response, piece)
        else:
            await exchange.write(response, piece)


async def _send_flash(exchange: Exchange, response: web.StreamResponse, piece: FlashPiece) -> None:
    """Send a stretch of a segment: whole by the kernel, or at the pace of who asked."""
    if exchange.head.secure:
        await _send_copies(exchange, response, piece)
        return
    exchange.request.writer.send_headers()
    pace = exchange.pace
    step_bytes = piece.length if pace is None else pace.piece_bytes
    for start in range(0, piece.length, step_bytes):
        length = min(step_bytes, piece.length - start)
        if pace is not None:
            await pace.spend(length)
        await _sendfile(exchange, piece.handle, piece.offset + start, length)
        exchange.bytes_out += length


async def _sendfile(exchange: Exchange, handle: SegmentHandle, offset: int, length: int) -> None:
    """Hand a stretch of a segment to the kernel: what the socket takes at once, then the rest."""
    connection = exchange.request.protocol
    assert isinstance(connection, ClientConnection)  # noqa: S101 - no other server makes requests
    transport = connection.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client left")
    sent = _sent_at_once(transport, handle, offset, length)
    if sent < length:
        await _send_in_time(connection, transport, handle, offset + sent, length - sent)
    else:
        # A client as fast as this worker would have it for itself.
        await asyncio.sleep(0)


def _sent_at_once(
    transport: asyncio.Transport, handle: SegmentHandle, offset: int, length: int
) -> int:
    """Return how many bytes the socket took without waiting; raises OSError.

    It is 0 where the transport still has bytes of its own, which go first.
    """
    sent = 0
    if transport.get_write_buffer_size() == 0:
        end = transport.get_extra_info("socket").fileno()
        try:
            while sent < length:
                count = os.sendfile(end, handle.fileno(), offset + sent, length - sent)
                if count == 0:
                    raise ConnectionResetError("a segment ended before its extent")
                sent += count
        except BlockingIOError:
            pass
    return sent


async def _send_in_time(
    connection: ClientConnection,
    transport: asyncio.Transport,
    handle: SegmentHandle,
    offset: int,
    length: int,
) -> None:
    """Send a stretch as the client takes it.

    `fallback=False`: asyncio's own fallback seeks the shared file object and would corrupt the
    bodies of others; over TLS the bytes are read at their position instead.
    """
    connection.begins_sending()
    try:
        sent = await asyncio.get_running_loop().sendfile(
            transport,
            handle,  # type: ignore[arg-type]  # sendfile needs no more than fileno()
            offset,
            length,
            fallback=False,
        )
    finally:
        connection.ends_sending()
    if sent != length:
        raise ConnectionResetError("a segment ended before its extent")


async def _send_copies(exchange: Exchange, response: web.StreamResponse, piece: FlashPiece) -> None:
    """Read and write in steps; the pages are warm, since the extent was proven just now."""
    position, stop = piece.offset, piece.offset + piece.length
    while position < stop:
        copy = os.pread(piece.handle.fileno(), min(_COPY_BYTES, stop - position), position)
        if not copy:
            raise ConnectionResetError("a segment ended before its extent")
        await exchange.write(response, copy)
        position += len(copy)
