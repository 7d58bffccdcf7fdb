"""Clients that ask and read as they should: how long each answer took, as a process of its own.

    python -m conformance.slow_clients.asker PLAN.json RESULT.json

The plan names the port, the requests (text, sent in turn), the connections, the seconds, and the
pause of each client between an answer and its next question.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What all clients of this process saw."""

    seconds: list[float] = field(default_factory=list)
    """Of the answers with 200."""
    statuses: Counter[str] = field(default_factory=Counter)
    is_over: bool = False


class Client(asyncio.Protocol):
    """One connection: a question, its answer, a pause, the next question."""

    def __init__(self, plan: dict[str, Any], seen: Seen, first: int) -> None:
        self._plan = plan
        self._seen = seen
        requests = [one.encode("latin-1") for one in plan["requests"]]
        self._requests = cycle(
            requests[first % len(requests) :] + requests[: first % len(requests)]
        )
        self._is_head = requests[0].startswith(b"HEAD")
        self._received = bytearray()
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_bytes = self._received.find(b"\r\n\r\n") + 4
        if head_bytes < 4:
            return
        length = _LENGTH.search(self._received, 0, head_bytes)
        body_bytes = int(length[1]) if length is not None and not self._is_head else 0
        if len(self._received) < head_bytes + body_bytes:
            return
        status = self._received[9:12].decode()
        if not self._seen.is_over:
            self._seen.statuses[status] += 1
            if status == "200":
                self._seen.seconds.append(time.perf_counter() - self._sent_at)
        self._received.clear()
        if self._plan["pause"]:
            asyncio.get_running_loop().call_later(self._plan["pause"], self._ask)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why, is all one
        if not self._seen.is_over:
            self._seen.statuses["broken"] += 1

    def _ask(self) -> None:
        if self._transport is not None and not self._seen.is_over:
            self._sent_at = time.perf_counter()
            self._transport.write(next(self._requests))


async def ask(plan: dict[str, Any]) -> Seen:
    """Ask for the plan's seconds."""
    seen = Seen()
    loop = asyncio.get_running_loop()
    for number in range(plan["connections"]):
        await loop.create_connection(
            lambda number=number: Client(plan, seen, number), "127.0.0.1", plan["port"]
        )
    await asyncio.sleep(plan["seconds"])
    seen.is_over = True
    return seen


def at(ordered: list[float], share: float) -> float:
    """Return the value below which this share of them lies; 0 of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    seen = asyncio.run(ask(plan))
    ordered = sorted(seen.seconds)
    result = {
        "answers": len(ordered),
        "statuses": dict(seen.statuses),
        "per_second": len(ordered) / plan["seconds"],
        **{f"p{name}_ms": 1000 * at(ordered, share) for name, share in (("50", 0.5), ("99", 0.99))},
        "most_ms": 1000 * (ordered[-1] if ordered else 0.0),
    }
    Path(sys.argv[2]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
