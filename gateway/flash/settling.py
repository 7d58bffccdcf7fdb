"""Bringing results from threads to the event loop, many with one wake-up."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from gateway.model.failures import FlashTrouble


class Settling:
    """Calls from any thread to be made on one event loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver to `loop`."""
        self._loop = loop
        self._calls: deque[Callable[[], None]] = deque()
        self._is_scheduled = False

    def deliver(self, call: Callable[[], None]) -> None:
        """Have `call` made on the loop; dropped if the loop is closed already."""
        self._calls.append(call)
        # Set after the append and cleared before the draining, so no call is left behind; the
        # worst that two threads at once do is to wake the loop twice.
        if not self._is_scheduled:
            self._is_scheduled = True
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._is_scheduled = False
        while self._calls:
            self._calls.popleft()()


def settle(waiting: "asyncio.Future[None]", error: Exception | None) -> None:
    """Give a future its result, unless its waiter has gone."""
    if waiting.done():
        return
    if error is None:
        waiting.set_result(None)
    elif isinstance(error, FlashTrouble):
        waiting.set_exception(error)
    else:
        waiting.set_exception(FlashTrouble(str(error)))
