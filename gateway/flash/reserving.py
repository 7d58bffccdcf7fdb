"""Room for what comes: whether an object is admitted, and where its chunks will lie.

What is not admitted, by its rule or because there is no room that may be made for it, streams past
flash; the words why are the receipt's. Everything here belongs to the event loop's thread.
"""

import asyncio
import logging
import time
from typing import Final

from gateway.flash.keeping import SIGHTING_WINDOW_SECONDS, Keeping
from gateway.flash.lifeline import Lifeline
from gateway.flash.purposes import COMMON, KEPT, NEW, Purpose, Stream
from gateway.flash.record import RecordWriter
from gateway.flash.rows import BodyOwner
from gateway.flash.runs import RUN_PIECES_MAX, Run
from gateway.flash.volume import Volume
from gateway.model.names import ObjectName

_log = logging.getLogger(__name__)
_FULL_SECONDS: Final = 1.0
"""How long it is taken for granted that there still is no room: each try looks at all segments."""


class Reserving:
    """Admission and reservations of one process."""

    def __init__(self, lifeline: Lifeline, patience_seconds: float) -> None:
        """Reserve on the volume that is live."""
        self._lifeline = lifeline
        self._patience_seconds = patience_seconds
        self._allocating = asyncio.Lock()
        self._full_until: dict[bytes, float] = {}

    @property
    def _keeping(self) -> Keeping:
        return self._lifeline.keeping

    def note_sighting(self, name: ObjectName) -> None:
        """Count a request of an object whose rule admits by their number."""
        volume = self._lifeline.live
        if volume is not None and self._keeping.counts_sightings(name):
            volume.touches.sightings.note(_bytes_of(name), _window())

    def refusal(self, name: ObjectName, size_bytes: int) -> str | None:
        """Return why an object of that size is not admitted, in words; None where it is."""
        keeping, volume = self._keeping, self._lifeline.live
        sightings = 0
        if volume is not None and keeping.counts_sightings(name):
            sightings = volume.touches.sightings.count(_bytes_of(name), _window())
        return keeping.refusal(name, size_bytes, sightings) or self._no_room(name)

    def _no_room(self, name: ObjectName) -> str | None:
        if not self._full_until:
            return None
        terms = self._keeping.terms_of(name)
        if time.monotonic() < self._full_until.get(terms.group, 0.0):
            return self._keeping.full_words(terms)
        return None

    async def reserve(self, owner: BodyOwner, first: int, lengths: list[int]) -> Run | None:
        """Return space for chunks, as `Flash.reserve` says."""
        volume = self._lifeline.live
        if max(lengths, default=0) > self._lifeline.division.chunk_bytes:
            raise ValueError("a chunk is longer than chunk_bytes")
        if volume is None or self._no_room(owner.name) is not None:
            return None
        try:
            run = Run(owner, first, RecordWriter(owner, volume.keys), volume)
        except ValueError:
            return None
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._fill_run(run, [volume.stored_bytes(length) for length in lengths])
        except TimeoutError:
            _log.warning("flash: no room was made in %s s", self._patience_seconds)
        except BaseException:
            self.finish(run)
            raise
        return run if run.pieces else None

    async def _fill_run(self, run: Run, rest: list[int]) -> None:
        volume = run.volume
        purpose = self._purpose(volume, run)
        while rest and len(run.pieces) < RUN_PIECES_MAX:
            segment = volume.active.get(purpose)
            if segment is not None:
                offset, count = segment.take(rest, run.writer.record_bytes)
                if count:
                    run.add(segment, offset, rest[:count])
                    del rest[:count]
                    continue
            async with self._allocating:
                if volume.active.get(purpose) is not segment:
                    continue
                made = self._lifeline.replace_active(volume, purpose)
                if not await asyncio.wrap_future(made):
                    if self._lifeline.live is volume:
                        self._full_until[purpose.group] = time.monotonic() + _FULL_SECONDS
                    return

    def _purpose(self, volume: Volume, run: Run) -> Purpose:
        """Return in which kind of segment a run belongs."""
        terms = self._keeping.terms_of(run.owner.name)
        if terms.group != COMMON:
            return Purpose(Stream.KEPT, terms.group)
        newest = max((one.segment for one in list(volume.active.values())), default=0)
        generation = volume.division.generation_of(newest)
        left_lately = volume.touches.ghosts.take(run.owner.body, run.first, generation)
        return KEPT if left_lately else NEW

    def finish(self, run: Run) -> None:
        """Give back what was not written; the run must not be used any more."""
        if run.is_finished:
            return
        run.is_finished = True
        for piece in run.pieces:
            run.give_back(piece)
            if piece.segment.leave():
                self._lifeline.seal(run.volume, piece.segment)


def _bytes_of(name: ObjectName) -> bytes:
    return str(name).encode("utf-8", "surrogatepass")


def _window() -> int:
    return int(time.time()) // SIGHTING_WINDOW_SECONDS
