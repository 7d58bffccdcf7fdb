"""The life of one shaped connection: a thread, two blocking sockets, one request after the other.

A round trip is charged where the client would feel it: one for the handshake, one for each request
before it is passed on, one more where the client waited for `100 Continue`.
"""

import select
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from time import sleep

from gateway.demo.shaping_faults import FaultPlan, FaultRule, Tally
from gateway.demo.shaping_heads import (
    HEAD_END,
    Framing,
    Request,
    read_request,
    read_response,
    with_etag,
)
from gateway.demo.shaping_pace import Pacer
from gateway.demo.shaping_relay import QUANTUM_BYTES, BodyRelay, BrokenOff, Inlet, Pipe
from gateway.demo.shaping_turns import Turns

_UPSTREAM_BUFFER_BYTES = 1 << 20
_LINGER_SECONDS = 2.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ERROR_DOCUMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>ServiceUnavailable</Code><Message>A fault was asked for</Message></Error>"
)
_CUTTING = frozenset({"reset", "truncate", "stall"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a connection to the origin is made to feel like; zeros leave it as it is."""

    rtt_seconds: float = 0.0
    bytes_per_second: float = 0.0
    list_seconds: float = 0.0
    """A LIST page takes this long, its round trip included."""


class _Cut(Exception):  # noqa: N818 - how a connection ends on purpose
    """A fault ends the connection here."""


class Connection:
    """One client's connection and the one to the origin that belongs to it."""

    def __init__(
        self,
        client: socket.socket,
        upstream_address: tuple[str, int],
        shape: Shape,
        faults: FaultPlan,
        tally: Tally,
        *,
        turns: Turns,
    ) -> None:
        """Take over the accepted socket."""
        self._client = Inlet(client)
        self._upstream: Inlet | None = None
        self._upstream_address = upstream_address
        self._shape = shape
        self._faults = faults
        self._tally = tally
        self._turns = turns
        self._pipe = Pipe()
        self._pacer = Pacer(shape.bytes_per_second)

    def serve(self) -> None:
        """Serve until either side closes."""
        try:
            sleep(self._shape.rtt_seconds)
            while self._serve_one():
                pass
        except (OSError, BrokenOff, ValueError, _Cut):
            # Either side left or spoke no HTTP: both connections end, as through a real network.
            pass
        finally:
            self._client.sock.close()
            if self._upstream is not None:
                self._upstream.sock.close()
            self._pipe.close()

    def _serve_one(self) -> bool:
        """Pass one request and its answer on; return whether another may follow."""
        if not self._wait_request():
            return False
        raw = self._client.read_through(HEAD_END)
        if not raw:
            return False
        request = read_request(raw)
        self._tally.add(self._tally.requests, request.label)
        fault = self._faults.find(request)
        self._turns.take()
        sleep(self._delay_seconds(request))
        if fault is not None:
            self._tally.add(self._tally.faults, fault.kind)
            if fault.kind == "error" or (fault.kind in _CUTTING and fault.after_bytes is None):
                is_open = self._spoil_at_once(request, fault)
                if fault.kind != "stall":
                    return is_open
        upstream = self._connected()
        upstream.sock.sendall(raw)
        early = self._send_request_body(request, upstream)
        return self._answer(request, upstream, early, fault)

    def _delay_seconds(self, request: Request) -> float:
        if request.label == "LIST":
            return max(self._shape.rtt_seconds, self._shape.list_seconds)
        return self._shape.rtt_seconds

    def _connected(self) -> Inlet:
        if self._upstream is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            # A small window keeps the origin from sending far ahead of what the client gets.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UPSTREAM_BUFFER_BYTES)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._upstream = Inlet(sock)
            sock.connect(self._upstream_address)
        return self._upstream

    def _wait_request(self) -> bool:
        """Wait for a request on an idle connection; return False if the origin closed first."""
        if self._upstream is None or self._client.has_held:
            return True
        return self._ready(self._client, self._upstream) is self._client

    def _ready(self, first: Inlet, second: Inlet) -> Inlet:
        """Return which of the two can be read, the first if both can."""
        if first.has_held:
            return first
        poll = select.poll()
        poll.register(first.sock, select.POLLIN)
        poll.register(second.sock, select.POLLIN)
        # What is held already shows in no poll, and must not be waited for.
        readable = {descriptor for descriptor, _ in poll.poll(0 if second.has_held else None)}
        return first if first.sock.fileno() in readable else second

    def _send_request_body(self, request: Request, upstream: Inlet) -> bytes:
        """Pass the request's body on while listening to the origin.

        Returns the origin's final head if it came before the body's end, else nothing.
        """
        body = BodyRelay(self._client, upstream.sock, request.framing, self._pipe, self._pacer)
        while not body.is_done:
            if self._ready(upstream, self._client) is upstream:
                raw = upstream.read_through(HEAD_END)
                if not raw or read_response(raw, request.method).is_final:
                    return raw
                self._client.sock.sendall(raw)
                continue
            try:
                moved = body.step()
            except (BrokenPipeError, ConnectionResetError):
                # The origin may have answered and gone without reading on; the answer counts.
                return upstream.read_through(HEAD_END)
            self._tally.add(self._tally.request_body_bytes, request.label, moved)
        return b""

    def _answer(
        self, request: Request, upstream: Inlet, early: bytes, fault: FaultRule | None
    ) -> bool:
        """Pass the answer back; return whether the connection stays open."""
        raw = early or self._wait_answer(request, upstream)
        if request.expects_continue:
            sleep(self._shape.rtt_seconds)
        response = read_response(raw, request.method)
        self._tally.add(self._tally.statuses, str(response.status))
        if fault is not None and fault.kind == "etag":
            raw = with_etag(raw, fault.etag)
        self._client.sock.sendall(raw)
        self._send_response_body(request, response.framing, upstream, fault)
        if early:
            self._linger()
        return not (early or response.closes or request.closes)

    def _wait_answer(self, request: Request, upstream: Inlet) -> bytes:
        """Return the final head; interim ones are passed back at once."""
        while True:
            if self._ready(upstream, self._client) is not upstream and self._has_client_left():
                raise BrokenOff
            raw = upstream.read_through(HEAD_END)
            if not raw:
                raise BrokenOff
            if read_response(raw, request.method).is_final:
                return raw
            self._client.sock.sendall(raw)

    def _has_client_left(self) -> bool:
        return not self._client.sock.recv(1, socket.MSG_PEEK)

    def _send_response_body(
        self, request: Request, framing: Framing, upstream: Inlet, fault: FaultRule | None
    ) -> None:
        cut = fault if fault is not None and fault.kind in _CUTTING else None
        cut_bytes = cut.after_bytes if cut is not None else None
        body = BodyRelay(upstream, self._client.sock, framing, self._pipe, self._pacer)
        sent = 0
        while not body.is_done:
            if cut is not None and sent == cut_bytes:
                self._cut(cut)
                cut = cut_bytes = None
            count_max = QUANTUM_BYTES if cut_bytes is None else cut_bytes - sent
            moved = body.step(count_max)
            sent += moved
            self._tally.add(self._tally.response_body_bytes, request.label, moved)

    def _spoil_at_once(self, request: Request, fault: FaultRule) -> bool:
        """Do what the fault says before the answer; only a stall has one after it."""
        if fault.kind != "error":
            self._cut(fault)
            return True
        content = b"" if request.method == "HEAD" else _ERROR_DOCUMENT
        self._tally.add(self._tally.statuses, str(fault.status))
        head = f"HTTP/1.1 {fault.status} Shaped\r\nContent-Type: application/xml\r\n"
        more = f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        self._client.sock.sendall((head + more).encode() + content)
        self._linger()
        return False

    def _cut(self, fault: FaultRule) -> None:
        """Do what the fault says; returns only from a stall that ended."""
        if fault.kind == "stall":
            poll = select.poll()
            poll.register(self._client.sock, select.POLLIN)
            if poll.poll(fault.seconds * 1000):
                raise _Cut
            return
        if fault.kind == "reset":
            self._client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        raise _Cut

    def _linger(self) -> None:
        """Let the client read the answer before it learns that its body was not wanted."""
        sock = self._client.sock
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_LINGER_SECONDS)
        with suppress(OSError):
            while sock.recv(QUANTUM_BYTES):
                pass
