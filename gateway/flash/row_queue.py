"""Rows on their way to the index, and names on their way out of it.

What this process queued counts for its own reads at once, so that they see their own writes; other
processes see it when it is committed, a few milliseconds later.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.flash.committer import Change
from gateway.flash.distrust import Distrust
from gateway.flash.index import IndexTrouble
from gateway.flash.lifeline import Lifeline
from gateway.flash.rows import Row
from gateway.flash.settling import Settling, settle
from gateway.flash.volume import Volume
from gateway.model.failures import FlashTrouble
from gateway.model.names import ObjectName

_QUEUED_MAX: Final = 65_536
"""Beyond it rows are dropped: they are only remembered, never owed."""


class RowQueue:
    """Reads and writes of rows; on the event loop's thread."""

    def __init__(
        self,
        lifeline: Lifeline,
        settling: Settling,
        distrust: Distrust,
        patience_seconds: float,
    ) -> None:
        """Use the volume that is live; `distrust` is for forgettings that cannot be committed."""
        self._distrust = distrust
        self._lifeline = lifeline
        self._settling = settling
        self._patience_seconds = patience_seconds
        self._queued: dict[ObjectName, Row] = {}
        self._noted_until_ns = -1

    def find(self, name: ObjectName) -> Row | None:
        """Return what is known of an object; None in bypass."""
        volume = self._lifeline.live
        return None if volume is None else self._found(volume, volume.remembered.find_row, name)

    def peek(self, name: ObjectName) -> Row | None:
        """Return the same, and remember nothing: one of many that are looked at once."""
        volume = self._lifeline.live
        return None if volume is None else self._found(volume, volume.index.find_row, name)

    def _found(
        self, volume: Volume, find: Callable[[ObjectName], Row | None], name: ObjectName
    ) -> Row | None:
        """Return what the index says, and what is on its way there or out of it."""
        # The names' hashes are worth saving: this is the way of every hit.
        queued = self._queued.get(name) if self._queued else None
        try:
            row = find(name)
            if queued is not None:
                row = _later(row, queued, volume.index.find_forgotten_ns(name))
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            return None
        unforgotten = self._lifeline.unforgotten
        if unforgotten and row is not None and row.confirmed_ns <= unforgotten.get(name, -1):
            return None
        if row is not None and row.confirmed_ns <= self._distrust.until_ns:
            return replace(row, confirmed_ns=0)
        return row

    def notes(self) -> dict[ObjectName, object] | None:
        """Return `Remembered.notes`; None while rows are on their way, or in bypass."""
        volume = self._lifeline.live
        if volume is None or self._queued or self._lifeline.unforgotten:
            return None
        if self._noted_until_ns != self._distrust.until_ns:
            self._noted_until_ns = self._distrust.until_ns
            volume.remembered.forget()
        try:
            return volume.remembered.notes()
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            return None

    def put(self, row: Row) -> None:
        """Queue a row."""
        volume = self._lifeline.live
        if volume is None or len(self._queued) >= _QUEUED_MAX:
            return
        self._queued[row.name] = row

        def committed(_: Exception | None) -> None:
            self._settling.deliver(lambda: self._unqueue(row))

        volume.committer.submit(
            Change(lambda writing: writing.put_row(row), settled=committed, grows=True)
        )

    def _unqueue(self, row: Row) -> None:
        if self._queued.get(row.name) is row:
            del self._queued[row.name]

    async def forgotten(self, name: ObjectName) -> None:
        """Forget, and return once no process takes the row for confirmed any more."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.forget(name, waiting)
        try:
            async with asyncio.timeout(self._patience_seconds):
                await waiting
        except FlashTrouble:
            return
        except TimeoutError as error:
            self._distrust.distrust(time.time_ns())
            self._lifeline.report(error)

    def forget(self, name: ObjectName, waiting: "asyncio.Future[None] | None") -> None:
        """Queue the removal of a row, and settle `waiting` when it is committed."""
        now_ns = time.time_ns()
        self._lifeline.unforgotten[name] = now_ns
        self._queued.pop(name, None)
        volume = self._lifeline.live

        def committed(error: Exception | None) -> None:
            self._settling.deliver(lambda: self._note(name, now_ns, waiting, error))

        if volume is None:
            self._note(name, now_ns, waiting, FlashTrouble("flash is bypassed"))
        else:
            change = Change(lambda writing: writing.forget(name, now_ns), settled=committed)
            volume.committer.submit(change)

    def _note(
        self,
        name: ObjectName,
        forgotten_ns: int,
        waiting: "asyncio.Future[None] | None",
        error: Exception | None,
    ) -> None:
        if error is None:
            self._lifeline.note_forgotten([(name, forgotten_ns)])
        else:
            self._distrust.distrust(forgotten_ns)
        if waiting is not None:
            settle(waiting, error)


def _later(row: Row | None, queued: Row, forgotten_ns: int) -> Row | None:
    """Return what the index will say once `queued` is committed, by the rules it goes by."""
    if queued.confirmed_ns <= forgotten_ns:
        return row
    return queued if row is None or queued.confirmed_ns >= row.confirmed_ns else row
