"""What a job does next: runs of the objects that are begun, before objects that are not.

As many tasks take from it as requests to the origin are allowed, so each of them is in use whether
there is one large object or a million small ones. What waits is bounded.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.flash.rows import Row
from gateway.jobs.wanted import Wanted
from gateway.model.ranges import ByteRange

_WAITING_MAX: Final = 2000


class Begun:
    """An object of many runs, on its way."""

    def __init__(self, wanted: Wanted, row: Row, run_bytes: int) -> None:
        """Begin before the first run."""
        self.wanted = wanted
        self.row = row
        self.failure: Exception | None = None
        """Of the first run that failed; the others are left."""
        self._run_bytes = run_bytes
        self._next = 0
        self._done = 0

    def take_run(self) -> ByteRange | None:
        """Return the next run, if there is one that nobody took."""
        size = self.row.version.size
        if self.failure is not None or self._next >= size:
            return None
        start, self._next = self._next, min(self._next + self._run_bytes, size)
        return ByteRange(start, self._next)

    def is_over(self, run: ByteRange) -> bool:
        """Note that a run is done or failed; return whether the object is through with it."""
        self._done += run.length
        return self._done == (self._next if self.failure else self.row.version.size)


@dataclass(frozen=True, slots=True)
class RunOf:
    """One run of an object that is begun."""

    begun: Begun
    run: ByteRange


class Agenda:
    """The objects of a job that wait, and the runs of those that are begun."""

    def __init__(self) -> None:
        """Begin with nothing to do, and more to come."""
        self._waiting: deque[Wanted] = deque()
        self._begun: deque[Begun] = deque()
        self._in_hand = 0
        self._is_fed = False
        self._changed = asyncio.Condition()

    async def feed(self, wanted: AsyncIterator[Wanted]) -> None:
        """Take in everything that `wanted` gives, as there is room for it."""
        try:
            async for one in wanted:
                async with self._changed:
                    await self._changed.wait_for(lambda: len(self._waiting) < _WAITING_MAX)
                    self._waiting.append(one)
                    self._changed.notify_all()
        finally:
            async with self._changed:
                self._is_fed = True
                self._changed.notify_all()

    async def take(self) -> Wanted | RunOf | None:
        """Return what is to be done next; None once all is done.

        An object must be followed by `begin` or `close`, a run in the end by `close` of its object.
        """
        async with self._changed:
            while True:
                run = next(self._runs(), None)
                if run is not None:
                    return run
                if self._waiting:
                    self._in_hand += 1
                    one = self._waiting.popleft()
                    self._changed.notify_all()
                    return one
                if self._is_fed and not self._in_hand:
                    return None
                await self._changed.wait()

    async def begin(self, begun: Begun) -> None:
        """Let everyone take runs of it; it stays in hand."""
        async with self._changed:
            self._begun.append(begun)
            self._changed.notify_all()

    async def close(self, again: Wanted | None = None) -> None:
        """Note that an object is through, or comes once more."""
        async with self._changed:
            self._in_hand -= 1
            if again is not None:
                self._waiting.append(again)
            self._changed.notify_all()

    def _runs(self) -> Iterator[RunOf]:
        while self._begun:
            run = self._begun[0].take_run()
            if run is not None:
                yield RunOf(self._begun[0], run)
            else:
                self._begun.popleft()
