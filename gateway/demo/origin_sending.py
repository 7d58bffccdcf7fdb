"""Putting an answer on the wire: sendfile for files, faults where a test asks."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web

from gateway.demo.origin_bodies import READ_BYTES, Blob, FileBlob, spans
from gateway.demo.origin_calls import Answer
from gateway.demo.origin_faults import NO_FAULT, Counters, Fault

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def send(
    request: web.BaseRequest, answer: Answer, counters: Counters, fault: Fault = NO_FAULT
) -> web.StreamResponse:
    """Send the answer and return the finished response.

    Raises ConnectionResetError where the client left, or where the fault cuts the connection.
    """
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = answer.size
    if fault.etag:
        response.headers["etag"] = fault.etag
    await response.prepare(request)
    if request.method != "HEAD":
        if answer.payload:
            await response.write(answer.payload)
        await _Sending(request, response, counters).send_body(answer, fault)
    await response.write_eof()
    return response


def reset(request: web.BaseRequest) -> ConnectionResetError:
    """Make the connection end with RST, not FIN, and return what to raise."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return ConnectionResetError("a fault reset the connection")


def _pauses(size: int, fault: Fault) -> Iterator[int]:
    """Yield the offsets at which sending pauses, the end last."""
    marks = {fault.stall_bytes, fault.truncate_bytes}
    yield from sorted(mark for mark in marks if mark is not None and mark < size)
    yield size


@dataclass(frozen=True, slots=True)
class _Sending:
    """A body on its way to one client."""

    request: web.BaseRequest
    response: web.StreamResponse
    counters: Counters

    async def send_body(self, answer: Answer, fault: Fault) -> None:
        """Send the answer's span, pausing and cutting where the fault says."""
        done_bytes = 0
        for stop_bytes in _pauses(answer.span.length, fault):
            first, last = answer.span.start + done_bytes, answer.span.start + stop_bytes
            for blob, start, stop in spans(answer.body, first, last):
                await self._send_span(blob, start, stop)
            done_bytes = stop_bytes
            if done_bytes == fault.truncate_bytes and self.request.transport is not None:
                self.request.transport.close()
                raise ConnectionResetError("a fault truncated the body")
            if done_bytes == fault.stall_bytes and fault.stall is not None:
                await fault.stall.wait_open()

    async def _send_span(self, blob: Blob, start: int, stop: int) -> None:
        if isinstance(blob, FileBlob):
            await self._send_file(blob, start, stop)
            return
        for at in range(start, stop, READ_BYTES):
            piece = blob.read(at, min(at + READ_BYTES, stop))
            self.counters.body_bytes_sent += len(piece)
            await self.response.write(piece)

    async def _send_file(self, blob: FileBlob, start: int, stop: int) -> None:
        """Send past aiohttp's writer; if the client leaves, what it did not get is not counted."""
        # aiohttp keeps the head back to send it with the first piece; sendfile brings no piece.
        self.request.writer.send_headers()
        loop, transport = asyncio.get_running_loop(), self.request.transport
        # Counted first: a client may have read the last byte before this task runs again.
        self.counters.body_bytes_sent += stop - start
        with blob.path.open("rb", buffering=0) as file:
            try:
                if transport is None:
                    raise ConnectionResetError("the client left")
                await loop.sendfile(transport, file, start, stop - start, fallback=False)
            except RuntimeError as error:
                # asyncio reports a closing transport, or a first sendfile(2) that failed, thus.
                raise ConnectionResetError("the client left") from error
            finally:
                # loop.sendfile leaves the file at the first byte that it did not send.
                self.counters.body_bytes_sent -= stop - max(start, file.tell())
