"""The composition root of jobs: the core that the workers have, without doors, beside theirs."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from gateway.assembly.core import RUN_CHUNKS, build_objects, make_origin, make_patient, open_flash
from gateway.assembly.tasks import background_tasks
from gateway.core.objects import Objects
from gateway.flash.store import Flash
from gateway.jobs.journal import Journal
from gateway.jobs.metered import Meter, MeteredOrigin
from gateway.jobs.reckoning import NoteMissing, Report, reckon
from gateway.jobs.targets import Target
from gateway.jobs.verifying import NoteVerdict, Verifying, VerifyTally
from gateway.jobs.wanted import all_objects
from gateway.jobs.warming import Tally, Warming, WarmingBounds
from gateway.model.failures import FlashTrouble
from gateway.model.voices import FOREBAY
from gateway.origin.interface import Origin
from gateway.settings.tree import Settings

WRITER = "job"


@dataclass(frozen=True, slots=True)
class JobRooms:
    """What a job stands on."""

    origin: Origin
    flash: Flash
    objects: Objects


@dataclass(frozen=True, slots=True)
class WarmOrder:
    """What is to be warmed, and what that may take."""

    targets: tuple[Target, ...]
    manifest: BinaryIO | None = None
    bytes_per_second: float | None = None
    concurrency: int = 16


async def warm(
    settings: Settings, order: WarmOrder, tally: Tally, note_missing: NoteMissing
) -> Report:
    """Bring what is ordered onto flash; return what the index then says of it.

    Raises FlashTrouble where there is no flash to bring it to, InvalidRequest for a bad manifest.
    """
    bounds = WarmingBounds(order.concurrency, RUN_CHUNKS * settings.flash.chunk_size)
    with Journal() as journal:
        async with job_rooms(settings, tally.meter, order.bytes_per_second) as rooms:
            warming = Warming(rooms.objects, rooms.flash, bounds, tally, journal)
            wanted = all_objects(
                rooms.origin, order.targets, order.manifest, FOREBAY, tally.unlisted.append
            )
            async with aclosing(wanted):
                await warming.run(wanted)
        # Opened anew: what is told is what every other process finds there.
        async with await _opened_flash(settings) as flash:
            return await reckon(journal, flash, note_missing)


async def verify(
    settings: Settings,
    prefix: str,
    tally: VerifyTally,
    note_verdict: NoteVerdict,
    *,
    is_offline: bool,
) -> None:
    """Judge what is held under `prefix`; raises FlashTrouble."""
    flash = settings.flash.model_copy(update={"verify": "always"})
    async with job_rooms(settings.model_copy(update={"flash": flash}), Meter()) as rooms:
        objects = None if is_offline else rooms.objects
        await Verifying(rooms.flash, objects, tally, note_verdict).run(prefix)


@asynccontextmanager
async def job_rooms(
    settings: Settings, meter: Meter, bytes_per_second: float | None = None
) -> AsyncIterator[JobRooms]:
    """Open flash, and the origin that gives so many bytes a second; raises FlashTrouble."""
    async with (
        background_tasks() as tasks,
        make_origin(settings) as origin,
        await _opened_flash(settings) as flash,
    ):
        patient = make_patient(settings, MeteredOrigin(origin, meter, bytes_per_second))
        yield JobRooms(patient, flash, build_objects(settings, patient, flash, tasks))


async def _opened_flash(settings: Settings) -> Flash:
    flash = await open_flash(settings, WRITER, None, may_begin_anew=False)
    if not flash.is_healthy:
        trouble = flash.trouble
        await flash.close()
        raise FlashTrouble(f"flash at {settings.flash.path} cannot be used: {trouble}")
    return flash
