"""What can be done to the embedded origin's answers, and what it counts.

A fault hook sees each call before it is carried out and may return a `Fault`. Hooks are plain
functions: one that writes to the origin changes the object between two requests of a reader.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.demo.origin_calls import Call

_CALLS_KEPT_MAX = 100_000


class Gate:
    """Holds calls until released; the test knows when they have arrived."""

    def __init__(self) -> None:
        """Begin closed."""
        self._open = asyncio.Event()
        self._changed = asyncio.Condition()
        self.arrived = 0

    async def wait_open(self) -> None:
        """Wait, as a held call does."""
        async with self._changed:
            self.arrived += 1
            self._changed.notify_all()
        await self._open.wait()

    async def wait_arrived(self, count: int = 1) -> None:
        """Wait until that many calls have come to the gate."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.arrived >= count)

    def release(self) -> None:
        """Let every held and every later call through."""
        self._open.set()


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do to one call, in the order of the fields."""

    hold_call: Gate | None = None
    """Hold it before it is carried out: it will see what is written meanwhile."""
    code: str = ""
    """Refuse it with this S3 error (`ServiceUnavailable`, `SlowDown`, `InternalError`)."""
    is_reset: bool = False
    """Reset the connection without an answer."""
    hold_answer: Gate | None = None
    """Hold the finished answer: it tells of the past when it leaves."""
    is_answer_lost: bool = False
    """Reset the connection in place of the finished answer: what was asked has been done."""
    etag: str = ""
    """Lie about the ETag."""
    stall_bytes: int | None = None
    """Stop after that many body bytes ..."""
    stall: Gate | None = None
    """... until this opens."""
    truncate_bytes: int | None = None
    """Close the connection after that many body bytes."""


FaultHook = Callable[[Call], Fault | None]
NO_FAULT = Fault()


@dataclass(slots=True)
class Counters:
    """What passed since the last reset."""

    requests: Counter[str] = field(default_factory=Counter)
    """By HTTP method."""
    operations: Counter[str] = field(default_factory=Counter)
    """By S3 operation."""
    body_bytes_sent: int = 0
    """Object bytes only, no documents."""
    body_bytes_received: int = 0
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_CALLS_KEPT_MAX))
    """The calls themselves, the oldest first."""

    def reset(self) -> None:
        """Begin again at zero."""
        self.requests.clear()
        self.operations.clear()
        self.calls.clear()
        self.body_bytes_sent = self.body_bytes_received = 0
