"""Warming: bringing objects onto flash before anyone reads them, by the core that readers use.

What a listing shows to be the version on flash, whole, costs nothing: that is how a job that was
killed goes on. Else the origin is asked as a reader would ask it. A small object's question is its
GET; a large one is asked about, and its runs are then fetched side by side by all tasks of the job.
Claims keep the job, other jobs and the gateway's workers from fetching a chunk twice.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.core.freshness import NO_DEMAND, Demand
from gateway.core.objects import NotCacheable, Objects, Wish
from gateway.core.questions import Opening
from gateway.core.receipt import Receipt
from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.jobs.agenda import Agenda, Begun, RunOf
from gateway.jobs.journal import Entry, Journal
from gateway.jobs.metered import Meter
from gateway.jobs.wanted import Wanted
from gateway.model.failures import (
    Failure,
    FlashTrouble,
    OriginRefused,
    OriginUnreachable,
    VersionChanged,
)
from gateway.model.ranges import ByteRange
from gateway.model.rules import Mode
from gateway.model.versions import Version
from gateway.model.voices import FOREBAY
from gateway.protocol.s3.listings import ListedObject

_RESTARTS_MAX: Final = 3
_NOT_FOUND: Final = 404
_ASKED_NOW: Final = Demand(age_seconds_max=0)
_TOO_BIG: Final = "it is larger than flash"
_NO_ROOM: Final = "flash is full of what this job brought"
_CHANGES: Final = "it changes faster than it can be read"


@dataclass(slots=True)
class Tally:
    """How far a job is; it may be looked at while the job runs."""

    found: int = 0
    here: int = 0
    """Objects that were on flash, whole and current, before."""
    brought: int = 0
    failed: int = 0
    bytes_here: int = 0
    bytes_brought: int = 0
    unlisted: list[str] = field(default_factory=list)
    """In words: the targets that the origin did not list."""
    meter: Meter = field(default_factory=Meter)

    @property
    def done(self) -> int:
        """Return how many objects are through."""
        return self.here + self.brought + self.failed


@dataclass(frozen=True, slots=True)
class WarmingBounds:
    """What a job may take."""

    concurrency: int
    """Requests to the origin at a time."""
    run_bytes: int


class Warming:
    """One job of warming."""

    def __init__(
        self, objects: Objects, flash: Flash, bounds: WarmingBounds, tally: Tally, journal: Journal
    ) -> None:
        """Bring by `objects`; count in `tally` and write down in `journal`."""
        self._objects = objects
        self._flash = flash
        self._bounds = bounds
        self._tally = tally
        self._journal = journal
        self._agenda = Agenda()
        self._claimed_bytes = 0

    async def run(self, wanted: AsyncIterator[Wanted]) -> None:
        """Bring all of it; raises what `wanted` raises, and nothing for an object."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._agenda.feed(self._sifted(wanted)))
            for _ in range(self._bounds.concurrency):
                tasks.create_task(self._work())

    async def _sifted(self, wanted: AsyncIterator[Wanted]) -> AsyncIterator[Wanted]:
        """Count each object, and yield those that are not at hand as a listing has them."""
        async for one in wanted:
            self._tally.found += 1
            row = self._flash.find_row(one.name)
            if row is not None and self._is_current(row, one) and self._is_whole(row):
                self._note_here(one, row.version)
            else:
                yield one

    async def _work(self) -> None:
        while (unit := await self._agenda.take()) is not None:
            if isinstance(unit, RunOf):
                await self._bring_run(unit)
            else:
                await self._begin(unit)

    async def _begin(self, wanted: Wanted) -> None:
        """Bring an object of one run, or begin one of many."""
        known = self._flash.find_row(wanted.name)
        whole = known if known is not None and self._is_whole(known) else None
        claimed_bytes = 0
        try:
            self._note_sightings(wanted)
            if wanted.listed is not None:
                self._refuse(wanted, wanted.listed.size)
            row = await self._current(wanted, known)
            if whole is not None and whole.body == row.body:
                self._note_here(wanted, row.version)
                await self._agenda.close()
                return
            self._refuse(wanted, row.version.size)
            self._claimed_bytes += (claimed_bytes := row.version.size)
            if row.version.size > self._bounds.run_bytes:
                await self._agenda.begin(Begun(wanted, row, self._bounds.run_bytes))
                return
            await self._objects.bring(row, ByteRange(0, row.version.size), FOREBAY)
        except (Failure, NotCacheable) as failure:
            self._claimed_bytes -= claimed_bytes
            await self._end_failed(wanted, failure)
        else:
            await self._end_brought(wanted, row.version)

    async def _bring_run(self, unit: RunOf) -> None:
        """Bring one run; who brings the last one ends the object."""
        begun = unit.begun
        try:
            if begun.failure is None:
                await self._objects.bring(begun.row, unit.run, FOREBAY)
        except Failure as failure:
            begun.failure = begun.failure or failure
        if not begun.is_over(unit.run):
            return
        if begun.failure is None:
            await self._end_brought(begun.wanted, begun.row.version)
        else:
            self._claimed_bytes -= begun.row.version.size
            await self._end_failed(begun.wanted, begun.failure)

    def _is_current(self, row: Row, wanted: Wanted) -> bool:
        """Return whether the listing shows the row's version, and readers would use it."""
        mode = self._objects.rules.find(wanted.name).freshness.mode
        return is_as_listed(row.version, wanted.listed) and mode is not Mode.BYPASS

    def _is_whole(self, row: Row) -> bool:
        holding = self._flash.holdings.find(row)
        return holding is not None and holding.is_whole

    async def _current(self, wanted: Wanted, known: Row | None) -> Row:
        """Return the row of the version to bring; a small object's body is then on its way."""
        listed = wanted.listed
        is_one_run = listed is None or listed.size <= self._bounds.run_bytes
        is_outdated = listed is not None and not (known and is_as_listed(known.version, listed))
        receipt = Receipt(restarts=wanted.restarts)
        wish = Wish(
            FOREBAY,
            Opening(None) if is_one_run else None,
            _ASKED_NOW if is_outdated else NO_DEMAND,
        )
        current = await self._objects.current(wanted.name, wish, receipt)
        if receipt.cache == "STALE":
            raise OriginUnreachable("the origin cannot be asked")
        return current

    def _note_sightings(self, wanted: Wanted) -> None:
        """Count as often as it takes where a rule admits what was asked for often: it is wanted."""
        sightings = self._objects.rules.find(wanted.name).keep.admit_hits_min
        for _ in range(sightings if sightings > 1 else 0):
            self._flash.note_sighting(wanted.name)

    def _refuse(self, wanted: Wanted, size_bytes: int) -> None:
        """Raise FlashTrouble for what is not admitted, and NotCacheable for what has no room.

        No room is for what would put out what the job brought, or found, before.
        """
        refusal = self._flash.refusal(wanted.name, size_bytes)
        if refusal is not None:
            raise FlashTrouble(f"it is not admitted: {refusal}")
        room_bytes = self._flash.holdings.bodies_bytes_max
        if size_bytes > room_bytes:
            raise NotCacheable(_TOO_BIG)
        if self._tally.bytes_here + self._claimed_bytes + size_bytes > room_bytes:
            raise NotCacheable(_NO_ROOM)

    def _note_here(self, wanted: Wanted, version: Version) -> None:
        self._tally.here += 1
        self._tally.bytes_here += version.size
        self._journal.note(Entry(wanted.name, version))

    async def _end_brought(self, wanted: Wanted, version: Version) -> None:
        self._tally.brought += 1
        self._tally.bytes_brought += version.size
        self._journal.note(Entry(wanted.name, version))
        await self._agenda.close()

    async def _end_failed(self, wanted: Wanted, failure: Exception) -> None:
        if isinstance(failure, VersionChanged) and wanted.restarts < _RESTARTS_MAX:
            await self._agenda.close(replace(wanted, listed=None, restarts=wanted.restarts + 1))
            return
        self._tally.failed += 1
        self._journal.note(Entry(wanted.name, failure=words_of_failure(failure)))
        await self._agenda.close()


def is_as_listed(version: Version, listed: ListedObject | None) -> bool:
    """Return whether a listing shows that version; version ids and checksums are in no listing."""
    return listed is not None and (version.etag, version.size, version.last_modified) == (
        listed.etag,
        listed.size,
        listed.last_modified,
    )


def words_of_failure(failure: Exception) -> str:
    """Return why an object is not on flash, as people read it."""
    if isinstance(failure, NotCacheable):
        return {"rule": "its rule is bypass", "flash": "flash is out of order"}.get(
            failure.reason, f"it is not kept: {failure.reason}"
        )
    if isinstance(failure, OriginRefused):
        is_gone = failure.status == _NOT_FOUND
        return "the origin does not have it" if is_gone else f"the origin said {failure.status}"
    if isinstance(failure, VersionChanged):
        return _CHANGES
    return str(failure) or type(failure).__name__
