"""All connections of one worker: how many there may be, who gives way, whose time is up.

An idle connection gives way to a new one, the longest idle first, and after those one that has not
sent a whole head: who holds connections open without asking anything takes them from nobody.
"""

import asyncio
import logging
import resource
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.doors.waiting import Waiting
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)

TICK_SECONDS_MAX: Final = 1.0
EXPIRED_AT_ONCE_MAX: Final = 32
"""Then the requests that are waiting get their turn."""
HEAD_GRACE_SECONDS: Final = 1.0
"""How long a connection may be without a head before it must give way."""
LEAVING_SECONDS: Final = 2.0
"""How long the last words to a client may be on their way."""
_FILES_OF_OUR_OWN: Final = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of connections and heads; durations in seconds."""

    connections_max: int
    headers_max: int
    header_bytes_max: int
    head_bytes_max: int
    header_seconds: float
    stall_seconds: float
    bytes_per_second_min: int
    handshake_seconds: float
    keepalive_seconds: float

    @property
    def tick_seconds(self) -> float:
        """Return how often to look: often enough for the shortest of the times."""
        shortest = min(self.header_seconds, self.stall_seconds, self.keepalive_seconds)
        return min(TICK_SECONDS_MAX, max(0.02, shortest / 4))


class Connection(Protocol):
    """What a connection lets its end be."""

    def give_way(self) -> None:
        """End now."""

    def expire_head(self) -> None:
        """End, for the head did not come in time."""

    def expire_wait(self) -> None:
        """End the request, unless the client moves on, if slowly."""


class Connections:
    """The connections by state; each is in one queue at most."""

    def __init__(self, limits: Limits) -> None:
        """Keep no more than the limits say."""
        self.limits = limits
        self.heads: Waiting[Connection] = Waiting(
            limits.header_seconds, lambda connection: connection.expire_head()
        )
        """Those that have yet to send a head, or the rest of one."""
        self.idle: Waiting[Connection] = Waiting(
            limits.keepalive_seconds, lambda connection: connection.give_way()
        )
        """Those that may send a next request."""
        self.waits: Waiting[Connection] = Waiting(
            limits.stall_seconds, lambda connection: connection.expire_wait()
        )
        """Those whose request waits for the client."""
        self.leaving: Waiting[asyncio.Transport] = Waiting(
            LEAVING_SECONDS, lambda transport: transport.abort()
        )
        """Those that were told their last words."""
        self._arriving: Waiting[object] = Waiting(limits.handshake_seconds, lambda _: None)
        """Accepted, and not made yet: over TLS the handshake is between. One that fails is told to
        nobody, so that it counts until its time is up."""
        self._open_count = 0

    def make_room(self) -> bool:
        """Return whether there is room for one more; another may have given way to it."""
        now = _now()
        if self._open_count + len(self._arriving) < self.limits.connections_max:
            return True
        for state, queue, seconds in (
            ("idle", self.idle, 0.0),
            ("head", self.heads, HEAD_GRACE_SECONDS),
        ):
            oldest = queue.find_oldest(now, seconds_min=seconds)
            if oldest is not None:
                metrics.connections_gave_way.labels(state=state).inc()
                oldest.give_way()
                return True
        metrics.connections_refused.inc()
        return False

    def arrives(self, connection: object) -> None:
        """Count a connection that was accepted."""
        self._arriving.add(connection, _now())

    def opens(self, connection: Connection) -> None:
        """Count a connection that is made, and wait for its first head."""
        self._arriving.discard(connection)
        self._open_count += 1
        metrics.connections_open.inc()
        self.heads.add(connection, _now())

    def closes(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open_count -= 1
        metrics.connections_open.dec()
        for queue in (self.heads, self.idle, self.waits):
            queue.discard(connection)

    def sees_off(self, transport: asyncio.Transport, words: bytes) -> None:
        """Send the last words to a client and end its connection a moment later.

        To close with bytes unread would reset the connection, and the client might not see why.
        """
        transport.write(words)
        if transport.can_write_eof():
            transport.write_eof()
            self.leaving.add(transport, _now())
        else:
            transport.close()

    async def keep_time(self) -> None:
        """Let those go whose time is up, until cancelled."""
        queues = (self.heads, self.idle, self.waits, self.leaving, self._arriving)
        while True:
            now = _now()
            busy = [queue.expire(now, EXPIRED_AT_ONCE_MAX) for queue in queues]
            is_done = max(busy) < EXPIRED_AT_ONCE_MAX
            await asyncio.sleep(self.limits.tick_seconds if is_done else 0)


def connections_bound(wanted_max: int, others_max: int) -> int:
    """Return how many connections open files allow, and no more than `wanted_max` unless it is 0.

    The soft limit is raised to the hard one. `others_max` are files that requests need besides.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    possible = max(hard // 2, hard - others_max - _FILES_OF_OUR_OWN)
    if hard == resource.RLIM_INFINITY:
        possible = max(wanted_max, 1_000_000)
    if wanted_max > possible:
        _log.warning(
            "limits.connections_max is %d, but %d open files allow only %d: raise LimitNOFILE",
            wanted_max,
            hard,
            possible,
        )
    return min(wanted_max or possible, possible)


def _now() -> float:
    return asyncio.get_running_loop().time()
