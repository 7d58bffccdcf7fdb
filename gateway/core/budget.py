"""A bound in bytes on what fills hold in memory: by count alone, 256 fills once took 21.6 GB."""

import asyncio
from collections import deque


class ByteBudget:
    """Bytes that may be taken, first come first served."""

    def __init__(self, bytes_max: int) -> None:
        """Allow `bytes_max` bytes in all; one taker may always have its first bytes."""
        self._free_bytes = bytes_max
        self._bytes_max = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken_bytes(self) -> int:
        """Return how much is taken now."""
        return self._bytes_max - self._free_bytes

    def try_take(self, count_bytes: int) -> bool:
        """Take `count_bytes` if they are free and nobody waits; say whether."""
        if self._waiting or count_bytes > self._free_bytes:
            return False
        self._free_bytes -= count_bytes
        return True

    async def take(self, count_bytes: int) -> None:
        """Wait until `count_bytes` are free and take them; they must be given back."""
        if not self._waiting and self._fits(count_bytes):
            self._free_bytes -= count_bytes
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count_bytes, place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give(count_bytes)
            raise

    def give(self, count_bytes: int) -> None:
        """Give bytes back and let in who waits."""
        self._free_bytes += count_bytes
        while self._waiting:
            wanted, place = self._waiting[0]
            if place.cancelled():
                self._waiting.popleft()
                continue
            if not self._fits(wanted):
                return
            self._waiting.popleft()
            self._free_bytes -= wanted
            place.set_result(None)

    def _fits(self, count_bytes: int) -> bool:
        """Return whether they may be taken; more than the whole budget fits once all is free."""
        return count_bytes <= self._free_bytes or self._free_bytes == self._bytes_max
