"""The keeper: one thread a process for what blocks and must happen in turn.

It makes room, seals segments, rebuilds, and once an interval looks after everything: notices that
the directory is gone, and tries to come back after trouble. A thread and not a task, since all of
it is file work, and it must go on while the event loop is busy.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Keeper:
    """The thread, its queue of calls, and its work in the background."""

    def __init__(
        self,
        tick: Callable[[], None],
        interval_seconds: float,
        report: Callable[[Exception], None],
    ) -> None:
        """Call `tick` once an interval, it must not raise; `report` what the background raises."""
        self._tick = tick
        self._report = report
        self._interval_seconds = interval_seconds
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.background: Iterator[None] | None = None
        """Advanced by one step whenever nothing else is to do; set on the keeper's thread only."""
        self._thread = threading.Thread(target=self._run, name="flash-keeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, function: Callable[[], T]) -> "Future[T]":
        """Queue a call; return the future of its result."""
        waiting: Future[T] = Future()

        def run() -> None:
            if not waiting.set_running_or_notify_cancel():
                return
            try:
                waiting.set_result(function())
            except BaseException as error:  # noqa: BLE001 - the caller gets whatever it was
                waiting.set_exception(error)

        self._queue.put(run)
        return waiting

    def close(self, seconds_max: float = 30.0) -> None:
        """Finish what is queued and stop the thread."""
        self._queue.put(None)
        self._thread.join(seconds_max)

    def _run(self) -> None:
        due = time.monotonic() + self._interval_seconds
        while True:
            wait_seconds = max(0.0, due - time.monotonic())
            try:
                call = self._queue.get(timeout=0.0 if self.background else wait_seconds)
            except queue.Empty:
                self._step()
            else:
                if call is None:
                    return
                call()
            if time.monotonic() >= due:
                self._tick()
                due = time.monotonic() + self._interval_seconds

    def _step(self) -> None:
        if self.background is None:
            return
        try:
            next(self.background)
        except StopIteration:
            self.background = None
        except Exception as error:  # noqa: BLE001 - whatever it was, the thread goes on for all others
            self.background = None
            _log.exception("flash: work in the background failed")
            self._report(error)
