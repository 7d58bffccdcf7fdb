"""Clients that hold connections and take their time, as a process of its own until it is ended.

    python -m conformance.slow_clients.crowd PLAN.json STATUS.json

What each kind does: `idle` asks once in 50 seconds; `head` drips the bytes of a head; `body` drips
those of an upload that it may make; `deaf` asks for a large object and reads nothing of it. Whoever
is let go comes back at once.
"""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

_DRIP_SECONDS = 5.0
_REST_SECONDS = 50.0
_TICK_SECONDS = 0.1
_ESTABLISHED = 1
"""TCP_ESTABLISHED (netinet/tcp.h)."""
_BEGINNINGS = {"head": b"GET /bucket/key HTTP/1.1\r\nHost: localhost\r\nX-Slow: "}


class Member(asyncio.Protocol):
    """One connection of the crowd."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._has_answer = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._crowd.kind == "deaf":
            transport.pause_reading()
        self._crowd.members[self] = None
        transport.write(self._crowd.beginning)

    def data_received(self, data: bytes) -> None:
        if not self._has_answer:
            self._has_answer = True
            self._crowd.answers[data[9:12].decode("latin-1")] += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why, is all one
        self._crowd.members.pop(self, None)
        self._crowd.ended += 1

    def leave_if_reset(self) -> None:
        """Notice what a client that does not read is told by nobody."""
        if self._transport is not None:
            state = self._transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 1
            )
            if state[0] != _ESTABLISHED:
                self._transport.abort()

    def ask_again(self) -> None:
        """Use the connection before it is idle for longer than it is kept."""
        if self._transport is not None:
            self._transport.write(self._crowd.beginning)

    def drip(self) -> None:
        if self._transport is not None:
            self._transport.write(b"a")


class Crowd:
    """All connections of one kind."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.kind: str = plan["kind"]
        self.beginning = _BEGINNINGS.get(self.kind) or plan["request"].encode("latin-1")
        self.members: dict[Member, None] = {}
        self.answers: Counter[str] = Counter()
        self.ended = 0
        self._plan = plan

    async def stay(self, status: Path) -> None:
        """Keep as many connections as planned, dripping, until the process is ended."""
        ticks = 0
        while True:
            await self._fill()
            seconds = _REST_SECONDS if self.kind == "idle" else _DRIP_SECONDS
            step = int(seconds / _TICK_SECONDS)
            for member in list(self.members)[ticks % step :: step]:
                _TURNS[self.kind](member)
            ticks += 1
            if ticks % 10 == 0:
                self._tell(status)
            await asyncio.sleep(_TICK_SECONDS)

    async def _fill(self) -> None:
        """Open what is missing, no more than the plan's number at once."""
        missing = self._plan["connections"] - len(self.members)
        at_once = min(missing, self._plan["at_once"])
        if at_once > 0:
            with suppress(OSError):
                await asyncio.gather(*(self._open() for _ in range(at_once)))

    async def _open(self) -> None:
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        end.settimeout(0)
        if self.kind == "deaf":
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Many addresses of one's own, since each has no more than 28,000 ports.
        end.bind((self._plan["source"], 0))
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(end, ("127.0.0.1", self._plan["port"]))
            await loop.create_connection(lambda: Member(self), sock=end)
        except OSError:
            end.close()

    def _tell(self, status: Path) -> None:
        fresh = status.with_suffix(".new")
        told = {
            "open": len(self.members),
            "ended": self.ended,
            "answers": dict(self.answers),
            "cpu_seconds": time.process_time(),
        }
        fresh.write_text(json.dumps(told))
        fresh.replace(status)


_TURNS = {
    "idle": Member.ask_again,
    "head": Member.drip,
    "body": Member.drip,
    "deaf": Member.leave_if_reset,
}
"""What a member does in its turn."""


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(Crowd(json.loads(Path(sys.argv[1]).read_text())).stay(Path(sys.argv[2])))
