"""The origin as a job may use it: so many bytes a second, and every one of them counted."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from gateway.model.rates import Rate
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest

_BURST_SECONDS = 0.05


@dataclass(slots=True)
class Meter:
    """What a job cost the origin; it may be looked at while the job runs."""

    requests: int = 0
    body_bytes: int = 0


class MeteredOrigin:
    """Stands before an origin and makes its bodies wait for their turn."""

    def __init__(
        self,
        origin: Origin,
        meter: Meter,
        bytes_per_second: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Let bodies pass at that rate, all of them together; None is any rate."""
        self._origin = origin
        self._meter = meter
        self._clock = clock
        self._rate = bytes_per_second and Rate(bytes_per_second, bytes_per_second * _BURST_SECONDS)
        self._full_at = clock()

    async def ask(self, request: OriginRequest) -> OriginAnswer:
        """Ask and count; raises what the origin raises."""
        self._meter.requests += 1
        return MeteredAnswer(await self._origin.ask(request), self.take)

    async def take(self, count_bytes: int) -> None:
        """Count bytes that came, and wait until the rate allows more."""
        self._meter.body_bytes += count_bytes
        if not self._rate:
            return
        now = self._clock()
        self._full_at = self._rate.taken(self._full_at, now, count_bytes)
        seconds = self._rate.wait_seconds(self._full_at, now)
        if seconds:
            await asyncio.sleep(seconds)


class MeteredAnswer:
    """An answer whose body is read no faster than the job may."""

    def __init__(self, answer: OriginAnswer, take: Callable[[int], Awaitable[None]]) -> None:
        """Wrap an answer whose body was not read yet."""
        self._answer = answer
        self._take = take
        self.status = answer.status
        self.headers = answer.headers

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body; raises OriginUnreachable where it ends before its length."""
        pieces = self._answer.pieces()
        try:
            async for piece in pieces:
                await self._take(len(piece))
                yield piece
        finally:
            await pieces.aclose()

    async def read(self, bytes_max: int) -> bytes:
        """Return a document, which is no body that was asked for, hence not counted."""
        return await self._answer.read(bytes_max)

    def close(self) -> None:
        """Give up what was not read."""
        self._answer.close()
