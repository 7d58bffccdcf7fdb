"""Verifying: every byte held read against its checksum, and the origin asked what is current.

A chunk that is wrong is dropped as it is found, so that the next reader gets it from the origin. To
ask is to confirm, as a reader does: what was right is fresh from now on, and a row of an older
version makes way for the current one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.core.objects import NotCacheable, Objects
from gateway.core.receipt import Receipt
from gateway.flash.holdings import Holding
from gateway.flash.rows import Extent, Row
from gateway.flash.store import Flash
from gateway.model.failures import Failure, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY

_GROUP_CHUNKS: Final = 1024
_WAITING_MAX: Final = 64
_TASKS: Final = 16
_NOT_FOUND: Final = 404


class State(StrEnum):
    """What is to be said of an object that is held."""

    RIGHT = "right"
    STALE = "stale"
    """The origin has another version now, or none."""
    DAMAGED = "damaged"
    """Chunks were not what was written; they were dropped."""
    UNASKED = "unasked"
    """The bytes are right, but the origin did not say what is current."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One object, judged."""

    name: ObjectName
    state: State
    chunks: int
    chunks_damaged: int = 0
    words: str = ""


@dataclass(slots=True)
class VerifyTally:
    """How far a job is; it may be looked at while the job runs."""

    objects: int = 0
    chunks: int = 0
    bytes_read: int = 0
    states: Counter[State] = field(default_factory=Counter)


NoteVerdict = Callable[[Verdict], None]


class Verifying:
    """One job of verifying."""

    def __init__(
        self,
        flash: Flash,
        objects: Objects | None,
        tally: VerifyTally,
        note_verdict: NoteVerdict,
    ) -> None:
        """Ask through `objects`, or nobody; tell each verdict as it falls."""
        self._flash = flash
        self._objects = objects
        self._tally = tally
        self._note_verdict = note_verdict

    async def run(self, prefix: str) -> None:
        """Judge all that is held under `prefix`; raises FlashTrouble."""
        queue: asyncio.Queue[Holding | None] = asyncio.Queue(_WAITING_MAX)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_TASKS):
                tasks.create_task(self._work(queue))
            async for group in self._flash.holdings.groups(prefix):
                for holding in group:
                    await queue.put(holding)
            for _ in range(_TASKS):
                await queue.put(None)

    async def _work(self, queue: "asyncio.Queue[Holding | None]") -> None:
        while (holding := await queue.get()) is not None:
            verdict = await self._judged(holding.row)
            self._tally.objects += 1
            self._tally.states[verdict.state] += 1
            self._note_verdict(verdict)

    async def _judged(self, row: Row) -> Verdict:
        chunks = damaged = 0
        async for number, extent in self._extents(row):
            chunks += 1
            self._tally.chunks += 1
            self._tally.bytes_read += extent.length
            damaged += not await self._is_right(row, number, extent)
        if damaged:
            words = f"{damaged} of {chunks} chunks were not what was written, and were dropped"
            return Verdict(row.name, State.DAMAGED, chunks, damaged, words)
        state, words = await self._asked(row)
        return Verdict(row.name, state, chunks, 0, words)

    async def _extents(self, row: Row) -> AsyncIterator[tuple[int, Extent]]:
        count = -(-row.version.size // self._flash.holdings.chunk_bytes)
        for first in range(0, count, _GROUP_CHUNKS):
            stop = min(first + _GROUP_CHUNKS, count)
            for number, extent in self._flash.extents(row.body, range(first, stop)).items():
                yield number, extent

    async def _is_right(self, row: Row, number: int, extent: Extent) -> bool:
        """Return whether the chunk is what was written; one that was evicted meanwhile is none."""
        if await self._flash.proven(row.body, number, extent):
            return True
        handle = self._flash.fd(extent)
        if handle is None:
            return True
        with handle:
            return False

    async def _asked(self, row: Row) -> tuple[State, str]:
        """Return whether the origin has that version now."""
        if self._objects is None:
            return State.RIGHT, ""
        try:
            confirmed = await self._objects.confirm(row.name, FOREBAY, Receipt())
        except (NotCacheable, Failure) as failure:
            return _unconfirmed(failure)
        version = confirmed.version
        if version is not None and row.version.has_same_body(version):
            return State.RIGHT, ""
        return State.STALE, "the origin has another version now"


def _unconfirmed(failure: Exception) -> tuple[State, str]:
    if isinstance(failure, OriginRefused) and failure.status == _NOT_FOUND:
        return State.STALE, "the origin does not have it any more"
    if isinstance(failure, NotCacheable):
        return State.UNASKED, f"readers go past it ({failure.reason})"
    return State.UNASKED, str(failure)
