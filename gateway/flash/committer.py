"""Group commit: one thread a process that appends records and commits changes to the index.

Everybody's changes of the moment share one transaction. A change first *prepares* (writes small
data, appends its record) and is then *applied* within the transaction; whoever waits is told when
it is committed. Order is kept, so a record stands in its log before the index tells of it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

from gateway.flash.admission import Division
from gateway.flash.faults import Faults
from gateway.flash.index import Index, IndexFull, IndexTrouble, Writing
from gateway.model.failures import FlashTrouble

_log = logging.getLogger(__name__)
_WAIT_SECONDS_MAX = 60.0
_REFUSED_SHARE_MAX = 0.75
_FULL_RETRIES_MAX = 100
_FULL_RETRY_SECONDS = 0.01

ALLOWANCE_KEY = b"allowance"
SIZE_KEY = b"size"
"""What all segments, the index and the rest may occupy, as all processes are to see it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to do to the index, and before that to the files."""

    apply: Callable[[Writing], None]
    prepare: Callable[[], None] | None = None
    settled: Callable[[Exception | None], None] | None = None
    """Called on the committer's thread: None once committed, else why it was not."""
    grows: bool = False
    """Whether it adds to the index; such changes wait while the index may not grow."""

    def settle(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        if self.settled is not None:
            self.settled(error)


class Committer:
    """The thread and its queue; `report` hears of every failure, `wants_room` when rows must go."""

    def __init__(
        self,
        index: Index,
        division: Division,
        faults: Faults,
        *,
        report: Callable[[Exception], None],
        wants_room: Callable[[], None],
    ) -> None:
        """Start."""
        self._index = index
        self._division = division
        self._faults = faults
        self._report = report
        self._wants_room = wants_room
        self._queue: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._deferred: list[Change] = []
        self._is_closed = False
        self.commits = 0
        self._thread = threading.Thread(target=self._run, name="flash-committer", daemon=True)
        self._thread.start()

    def submit(self, change: Change) -> None:
        """Queue a change; what comes after `close` is settled as trouble."""
        if self._is_closed:
            change.settle(FlashTrouble("flash was closed"))
        else:
            self._queue.put(change)

    def wait_committed(self, apply: Callable[[Writing], None]) -> None:
        """Apply something and wait until it is committed, on another thread; raises its trouble."""
        self.wait_change(Change(apply))

    def wait_change(self, change: Change) -> None:
        """Queue a change and wait for it, on another thread; raises its trouble, TimeoutError."""
        waiting: Future[None] = Future()

        def settled(error: Exception | None) -> None:
            if error is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)

        self.submit(replace(change, settled=settled))
        waiting.result(_WAIT_SECONDS_MAX)

    def retry_deferred(self, *, is_in_vain: bool = False) -> None:
        """Have another look at the changes that wait for the index to grow, or give them up."""
        if self._deferred:
            give_up = self.refuse_deferred if is_in_vain else None
            self.submit(Change(lambda _: None, prepare=give_up))

    def close(self, seconds_max: float = 10.0) -> None:
        """Commit what is queued and stop the thread; raises TimeoutError if the disk holds it."""
        self._is_closed = True
        self._queue.put(None)
        self._thread.join(seconds_max)
        if self._thread.is_alive():
            raise TimeoutError("a commit does not come to its end")

    def _run(self) -> None:
        is_running = True
        while is_running:
            group = [self._queue.get()]
            while len(group) < self._division.group_changes_max and not self._queue.empty():
                group.append(self._queue.get())
            is_running = None not in group
            changes = [change for change in group if change is not None]
            ready = _prepared(changes, self._report)
            self._commit(self._deferred + ready)
        self.refuse_deferred()
        while not self._queue.empty():
            late = self._queue.get()
            if late is not None:
                late.settle(FlashTrouble("flash was closed"))

    def refuse_deferred(self) -> None:
        """Give up the changes that wait for the index to be allowed to grow."""
        refused, self._deferred = self._deferred, []
        for change in refused:
            change.settle(FlashTrouble("the index has no room"))

    def _commit(self, changes: list[Change]) -> None:
        self._deferred = []
        size = self._division.group_changes_max
        for start in range(0, len(changes), size):
            self._commit_group(changes[start : start + size])

    def _commit_group(self, group: list[Change]) -> None:
        try:
            sorted_group = self._transact_patiently(group)
        except Exception as error:  # noqa: BLE001 - one bad change must not end the thread for all
            if isinstance(error, IndexTrouble | OSError):
                self._report(error)
            else:
                _log.exception("flash: a change to the index failed")
            for change in group:
                change.settle(error)
            return
        self.commits += 1
        self._deferred += sorted_group.deferred
        for change in sorted_group.done:
            change.settle(None)
        for change in sorted_group.refused:
            change.settle(FlashTrouble("the index is full"))

    def _transact_patiently(self, group: list[Change]) -> "_Sorted":
        """Commit what may be; wait a little for free pages where there are none.

        A reader that the scheduler took the processor from keeps the pages freed since from reuse.
        """
        for _ in range(_FULL_RETRIES_MAX):
            try:
                return self._transact(group)
            except IndexFull:
                time.sleep(_FULL_RETRY_SECONDS)
        return self._transact(group)

    def _transact(self, group: list[Change]) -> "_Sorted":
        outcome = _Sorted([], [], [])
        self._faults.at("index.commit")
        with self._index.write() as writing:
            rest = self._sort_growing(writing, outcome)
            for change in group:
                if change.grows and rest is not outcome.done:
                    rest.append(change)
                else:
                    change.apply(writing)
                    outcome.done.append(change)
        self._faults.at("index.committed")
        return outcome

    def _sort_growing(self, writing: Writing, outcome: "_Sorted") -> list[Change]:
        """Return which list of `outcome` those changes belong to that add to the index now."""
        used = writing.used_bytes
        allowance = int(writing.find_meta(ALLOWANCE_KEY) or 0)
        is_final = allowance >= self._index.bytes_max
        file_bytes = self._index.file_bytes
        is_near = not is_final and self._division.is_growth_near(file_bytes, allowance)
        if is_near or used > self._division.index_used_bytes_max:
            self._wants_room()
        if used > _REFUSED_SHARE_MAX * self._index.bytes_max:
            return outcome.refused
        can_grow = is_final or self._division.can_index_grow(file_bytes, allowance)
        return outcome.done if can_grow else outcome.deferred


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What became of a group's changes."""

    done: list[Change]
    deferred: list[Change]
    """To be tried again when the index may grow."""
    refused: list[Change]


def _prepared(changes: list[Change], report: Callable[[Exception], None]) -> list[Change]:
    """Run the changes' preparations; return those that succeeded."""
    ready = []
    for change in changes:
        try:
            if change.prepare is not None:
                change.prepare()
        except FlashTrouble as error:
            change.settle(error)
        except OSError as error:
            report(error)
            change.settle(error)
        else:
            ready.append(change)
    return ready
