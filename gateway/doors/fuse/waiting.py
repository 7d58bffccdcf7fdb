"""What pyfuse3 waits by: it is written for trio, and takes this, on asyncio, in its place.

The module that it brings for that has the kernel watch its descriptor anew for each call, and three
turns of the loop pass until the call is read, which is half of the time of a small read. Here the
descriptor stays watched, a waiting task goes on in the very turn in which a call is there, and one
that comes back for more first looks whether there is more.
"""

import asyncio
import select
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import TracebackType
from typing import Any, Final, Self

CALLS_MAX: Final = 8
"""Calls that are taken one after the other before whatever else runs in the loop has its turn."""


class Closed(Exception):  # noqa: N818 - as trio names what it stands for
    """The mount ends: no call will come."""


class Turn:
    """One wait for a call: to asyncio a future, whose task goes on at once and not in a turn more.

    asyncio takes for a future what has `_asyncio_future_blocking` (asyncio.isfuture).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait in a loop."""
        self._asyncio_future_blocking = False
        self._loop = loop
        self._resume: Callable[[Turn], None] | None = None
        self._context = Context()
        self._failure: BaseException | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of whoever waits."""
        return self._loop

    def add_done_callback(self, resume: Callable[["Turn"], None], *, context: Context) -> None:
        """Take what the task is resumed by."""
        self._resume, self._context = resume, context

    def end(self) -> None:
        """Have the task go on, now."""
        if self._resume is not None:
            resume, self._resume = self._resume, None
            self._context.run(resume, self)

    def fail(self, failure: BaseException) -> None:
        """Have the task go on with a failure, in the next turn of the loop."""
        if self._resume is not None:
            self._failure = failure
            resume, self._resume = self._resume, None
            self._loop.call_soon(resume, self, context=self._context)

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - a future's
        """Have the task go on cancelled; False where it does so already."""
        is_waiting = self._resume is not None
        self.fail(asyncio.CancelledError())
        return is_waiting

    def result(self) -> None:
        """Raise the failure, if it is one."""
        if self._failure is not None:
            raise self._failure

    def __await__(self) -> Generator[Self, None, None]:
        self._asyncio_future_blocking = True
        yield self
        self.result()


class Waiting:
    """Those who wait for the calls of one descriptor; pyfuse3 sees the names of trio."""

    ClosedResourceError = Closed

    def __init__(self) -> None:
        """Watch nothing yet."""
        self.lowlevel = self
        self.name = "pyfuse3"
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Turn] = []
        self._poll = select.poll()
        self._descriptor: int | None = None
        self.is_watched = False
        self._taken = 0

    def Lock(self) -> "Waiting":  # noqa: N802 - trio's
        """Return what keeps readers apart: nothing, since none is resumed without a call."""
        return self

    async def __aenter__(self) -> None:
        """Enter the lock."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the lock."""

    def current_task(self) -> Self:
        """Return something that has a name."""
        return self

    def current_trio_token(self) -> None:
        """Return what only threads need."""

    def open_nursery(self) -> "Nursery":
        """Return a group of tasks."""
        return Nursery()

    async def wait_readable(self, descriptor: int) -> None:
        """Return once a call is there, which is to be read before anything is awaited.

        Raises Closed where the mount ends.
        """
        if self._descriptor is None:
            self._descriptor = descriptor
            self._poll.register(descriptor, select.POLLIN)
        if self._taken < CALLS_MAX and self._poll.poll(0):
            self._taken += 1
            return
        if not self.is_watched:
            self._loop.add_reader(descriptor, self._wake)
            self.is_watched = True
        turn = Turn(self._loop)
        self._waiting.append(turn)
        try:
            await turn
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _wake(self) -> None:
        """Resume who came last: the others are then needed for more calls at once only."""
        self._taken = 0
        if not self._waiting:
            self._watch_no_more()
        # Another task may have read, in this turn of the loop, the call that is told of.
        elif self._poll.poll(0):
            self._waiting.pop().end()

    def _watch_no_more(self) -> None:
        if self._descriptor is not None and self.is_watched:
            self._loop.remove_reader(self._descriptor)
            self.is_watched = False

    def notify_closing(self, descriptor: int) -> None:  # noqa: ARG002 - trio's
        """Have all who wait go on with Closed."""
        for turn in self._waiting:
            turn.fail(Closed())
        self._waiting.clear()

    def close(self) -> None:
        """Watch no more, before the descriptor is closed."""
        self._watch_no_more()


class Nursery:
    """trio's name for a group of tasks."""

    def __init__(self) -> None:
        """Begin none."""
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    def start_soon(
        self,
        work: Callable[..., Coroutine[Any, Any, None]],
        *arguments: Any,  # noqa: ANN401 - trio's
        name: str | None = None,
    ) -> None:
        """Begin a task."""
        self._group.create_task(work(*arguments), name=name)
