"""Moving bytes from socket to socket without touching them: splice(2) through a pipe.

Heads and chunk sizes are read into a small buffer; what was read beyond them is sent from there,
all else goes through the kernel alone. One `Pipe` serves a connection: it moves one way at a time.
"""

import fcntl
import os
import socket
from contextlib import suppress

from gateway.demo.shaping_heads import NO_BODY, Framing
from gateway.demo.shaping_pace import Pacer

QUANTUM_BYTES = 256 << 10
_READ_BYTES = 64 << 10
_HEAD_BYTES_MAX = 256 << 10
_LINE_END = b"\r\n"


class BrokenOff(Exception):  # noqa: N818 - what happened to the message, not a mistake of ours
    """The peer closed in the middle of a message."""


class Pipe:
    """A pipe that holds one quantum."""

    def __init__(self) -> None:
        """Open it; an unprivileged user may get a smaller one (pipe(7), pipe-user-pages-soft)."""
        self.outlet, self.inlet = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(self.inlet, fcntl.F_SETPIPE_SZ, QUANTUM_BYTES)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.outlet)
        os.close(self.inlet)


class Inlet:
    """A socket to read from, with what was read too far."""

    def __init__(self, sock: socket.socket) -> None:
        """Read from `sock`, which must be blocking."""
        self.sock = sock
        self._held = bytearray()

    @property
    def has_held(self) -> bool:
        """Return whether bytes wait here that no poll would show."""
        return bool(self._held)

    def read_through(self, mark: bytes) -> bytes:
        """Return all bytes up to and with `mark`; empty if the peer closed before the first.

        Raises BrokenOff if it closed in between, or the mark does not come in 256 KiB.
        """
        begin = 0
        while True:
            at = self._held.find(mark, begin)
            if at >= 0:
                return self._take(at + len(mark))
            begin = max(0, len(self._held) - len(mark))
            piece = self.sock.recv(_READ_BYTES) if begin < _HEAD_BYTES_MAX else b""
            if not piece:
                if self._held:
                    raise BrokenOff
                return b""
            self._held += piece

    def move(self, sink: socket.socket, pipe: Pipe, pacer: Pacer, count_max: int) -> int:
        """Move up to `count_max` bytes to `sink` when the pacer lets them; 0 at the end."""
        if self._held:
            piece = self._take(count_max)
            pacer.wait_for(len(piece))
            sink.sendall(piece)
            return len(piece)
        count = os.splice(self.sock.fileno(), pipe.inlet, count_max)
        pacer.wait_for(count)
        left = count
        while left:
            left -= os.splice(pipe.outlet, sink.fileno(), left)
        return count

    def _take(self, count: int) -> bytes:
        piece = bytes(self._held[:count])
        del self._held[:count]
        return piece


class BodyRelay:
    """A body on its way: `step` until `is_done`."""

    def __init__(
        self, source: Inlet, sink: socket.socket, framing: Framing, pipe: Pipe, pacer: Pacer
    ) -> None:
        """Begin before the body's first byte."""
        self._source = source
        self._sink = sink
        self._pipe = pipe
        self._pacer = pacer
        self._is_chunked = framing.is_chunked
        self._left = framing.length
        self.is_done = framing == NO_BODY
        pacer.begin()

    def step(self, count_max: int = QUANTUM_BYTES) -> int:
        """Pass on a piece and return how many bytes of it were body, not framing.

        Raises BrokenOff if the sender closed too early.
        """
        if self._is_chunked and not self._left:
            self._pass_chunk_head()
            return 0
        left = QUANTUM_BYTES if self._left is None else self._left
        count_max = min(left, count_max, QUANTUM_BYTES)
        count = self._source.move(self._sink, self._pipe, self._pacer, count_max)
        if self._left is None:
            self.is_done = count == 0
        elif count == 0:
            raise BrokenOff
        else:
            self._left -= count
            if self._left == 0:
                self._end_span()
        return count

    def _end_span(self) -> None:
        if self._is_chunked:
            self._pass_line()
        else:
            self.is_done = True

    def _pass_chunk_head(self) -> None:
        self._left = int(self._pass_line().split(b";")[0], 16)
        if self._left == 0:
            while self._pass_line() != _LINE_END:
                pass
            self.is_done = True

    def _pass_line(self) -> bytes:
        line = self._source.read_through(_LINE_END)
        if not line:
            raise BrokenOff
        self._sink.sendall(line)
        return line
