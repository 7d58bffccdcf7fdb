"""Flash as the rooms above see it: rows and chunks that may be there, and never an error.

What goes wrong on the disk or in the index turns flash into a *bypass*: it gives and takes nothing,
until a probe, once an interval, succeeds again. Only `write` tells its caller, by FlashTrouble. All
methods belong to the event loop's thread; those that are not async do not block.
"""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.flash import check, dropping, pinning
from gateway.flash.admission import divide
from gateway.flash.distrust import Distrust
from gateway.flash.faults import Faults, faults_from_environment
from gateway.flash.holdings import Holdings
from gateway.flash.index import IndexTrouble
from gateway.flash.lifeline import TROUBLES, Lifeline
from gateway.flash.proving import Proving
from gateway.flash.readers import Readable, SegmentHandle
from gateway.flash.reserving import Reserving
from gateway.flash.row_queue import RowQueue
from gateway.flash.rows import BodyOwner, Extent, Row
from gateway.flash.runs import Run
from gateway.flash.safeguards import Safeguards
from gateway.flash.settling import Settling
from gateway.flash.units import stored_bytes
from gateway.flash.writing import ChunkWrite
from gateway.model.failures import FlashTrouble
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.model.versions import Version, body_id
from gateway.telemetry import metrics

__all__ = ["Extent", "Flash", "Readable", "Row", "Run", "SegmentHandle"]

_log = logging.getLogger(__name__)
_INLINE_BYTES_MAX: Final = 64 * 1024
"""Up to here data is written by the committer, in its group, instead of by a thread of the pool."""
_THREADS: Final = 4


class Flash:
    """One process's access to a flash directory that several processes share."""

    def __init__(
        self, lifeline: Lifeline, settling: Settling, distrust: Distrust, patience_seconds: float
    ) -> None:
        """Use `open`."""
        self._lifeline = lifeline
        self._settling = settling
        self._patience_seconds = patience_seconds
        self._reserving = Reserving(lifeline, patience_seconds)
        self._rows = RowQueue(lifeline, settling, distrust, patience_seconds)
        self.holdings = Holdings(lifeline)
        self._writers = ThreadPoolExecutor(_THREADS, "flash-write")
        self._proving = Proving(lifeline, patience_seconds)

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        size_bytes: int,
        chunk_bytes: int = 1 << 20,
        segment_bytes: int | None = None,
        writer: str,
        probe_seconds: float = 1.0,
        patience_seconds: float = 10.0,
        faults: Faults | None = None,
        distrust_path: Path | None = None,
        safeguards: Safeguards | None = None,
        rules: Rules | None = None,
    ) -> "Flash":
        """Open `path`, or be in bypass until that succeeds; `writer` names this process in logs.

        Raises ValueError where `size_bytes` is too small. `patience_seconds` bounds every wait for
        the disk. `distrust_path` is a file on another disk, best in memory, that all processes
        share for writes that flash cannot note. `rules` are the terms that objects are kept on.
        `faults` is a seam for tests.
        """
        guards = safeguards or Safeguards()
        division = divide(size_bytes, chunk_bytes, segment_bytes)
        if guards.keys and division.segment_bytes < stored_bytes(chunk_bytes):
            raise ValueError(f"segments of {division.segment_bytes} bytes hold no sealed chunk")
        settling = Settling(asyncio.get_running_loop())
        distrust = Distrust(distrust_path)
        lifeline = Lifeline(
            Path(path),
            division,
            faults or faults_from_environment(),
            settling,
            distrust,
            safeguards=guards,
            writer=writer,
            probe_seconds=probe_seconds,
            rules=rules or Rules(),
        )
        await asyncio.wrap_future(lifeline.start())
        return cls(lifeline, settling, distrust, patience_seconds)

    async def close(self) -> None:
        """Commit what is queued, seal what is open and let everything go."""
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._proving.close()
        await asyncio.wrap_future(self._lifeline.close())
        await asyncio.to_thread(self._lifeline.keeper.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def is_healthy(self) -> bool:
        """Return whether flash gives and takes; while it does not, it is a bypass."""
        return self._lifeline.live is not None

    @property
    def trouble(self) -> str | None:
        """Return what is wrong, in a sentence; None while healthy."""
        return self._lifeline.trouble

    def find_row(self, name: ObjectName) -> Row | None:
        """Return what is known of an object; what this process queued counts already."""
        return self._rows.find(name)

    def peek_row(self, name: ObjectName) -> Row | None:
        """Return the same for one of many that are looked at once, and none is remembered.

        A directory's objects would drive out of memory what is read again and again.
        """
        return self._rows.peek(name)

    def notes(self) -> dict[ObjectName, object] | None:
        """Return what may be concluded from rows and extents and kept until any of them changes.

        To be asked for anew at each use; None while nothing may be kept.
        """
        return self._rows.notes()

    def put_row(self, row: Row) -> None:
        """Queue a row; it never replaces one that was confirmed later, or forgotten since."""
        self._rows.put(row)

    def forget(self, name: ObjectName) -> None:
        """Queue the removal of a row; confirmations asked for before now cannot bring it back.

        In bypass the removal is remembered, and done before flash is used again.
        """
        self._rows.forget(name, None)

    async def forgotten(self, name: ObjectName) -> None:
        """Forget, and return once all processes see that, or flash is in bypass."""
        await self._rows.forgotten(name)

    def extents(self, body: bytes, numbers: range) -> Mapping[int, Extent]:
        """Return the extents of those chunks of `body` that are on flash, in ascending order."""
        volume = self._lifeline.live
        if volume is None:
            return {}
        try:
            return volume.remembered.extents(body, numbers)
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            return {}

    def touch(self, body: bytes, number: int) -> None:
        """Note a hit, so that the chunk is carried over when its segment is evicted."""
        volume = self._lifeline.live
        if volume is not None:
            volume.touches.touch(body, number)

    def claim(self, body: bytes, number: int) -> bool:
        """Return whether this process may fill the chunk now; nobody may in bypass."""
        volume = self._lifeline.live
        if volume is None:
            return False
        try:
            return volume.claims.claim(body, number)
        except OSError as error:
            self._lifeline.report(error)
            return False

    def release(self, body: bytes, number: int) -> None:
        """Give a claim back."""
        volume = self._lifeline.volume
        if volume is not None:
            try:
                volume.claims.release(body, number)
            except OSError as error:
                self._lifeline.report(error)

    def note_sighting(self, name: ObjectName) -> None:
        """Count a request of an object whose rule admits by their number."""
        self._reserving.note_sighting(name)

    def refusal(self, name: ObjectName, size_bytes: int) -> str | None:
        """Return why an object of that size is not admitted, in words; None where it is."""
        return self._reserving.refusal(name, size_bytes)

    async def resize(self, size_bytes: int, segment_bytes: int | None = None) -> None:
        """Give flash another size; raises ValueError where that is too small.

        Larger is larger at once; smaller is smaller when every process was told, within seconds.
        What a disk that does not answer holds up is done when it does.
        """
        division = divide(size_bytes, self._lifeline.division.chunk_bytes, segment_bytes)
        resized = asyncio.wrap_future(self._lifeline.resize(division))
        done, _ = await asyncio.wait({resized}, timeout=self._patience_seconds)
        for one in done:
            one.result()

    @property
    def pins(self) -> tuple[str, ...]:
        """Return the beginnings of `bucket/key` that are pinned, by `pin`."""
        return self._lifeline.keeping.pins

    async def pin(self, prefix: str, *, is_removed: bool = False) -> None:
        """Never evict what begins with `prefix`, or allow it again; raises FlashTrouble."""
        change = pinning.unpin if is_removed else pinning.pin
        call = self._lifeline.keeper.call(partial(change, self._lifeline, prefix))
        try:
            await asyncio.wrap_future(call)
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            raise FlashTrouble(str(error)) from error

    def put_rules(self, rules: Rules) -> None:
        """Keep what comes, and what is there, on the terms of `rules` from now on."""
        self._lifeline.put_rules(rules)

    async def reserve(self, owner: BodyOwner, first: int, lengths: list[int]) -> Run | None:
        """Return space for chunks of those lengths from number `first` on, contiguous if possible.

        The run may be shorter than asked for (`Run.numbers`); None where there is no room at all,
        or in bypass. Whatever leaves flash for it leaves before this returns. Raises ValueError
        for a chunk longer than `chunk_bytes`.
        """
        return await self._reserving.reserve(owner, first, lengths)

    async def write(self, run: Run, number: int, data: bytes | bytearray | memoryview) -> Extent:
        """Write a chunk of a run; return where it lies once every process can find it there.

        `data` must not change before that. Raises FlashTrouble, also for a chunk that the run has
        no space for; ValueError where the length is not the one reserved.
        """
        place = run.find_place(number)
        if self._lifeline.live is not run.volume or place is None or run.is_finished:
            raise FlashTrouble("there is no space for this chunk")
        segment, offset, length = place
        if run.volume.stored_bytes(len(data)) != length:
            raise ValueError(f"chunk {number} has {len(data)} bytes, not those that were reserved")
        job = ChunkWrite(
            run=run,
            number=number,
            data=data,
            segment=segment,
            extent=Extent(segment.segment, offset, length, 0),
            waiting=asyncio.get_running_loop().create_future(),
            settling=self._settling,
            report=self._lifeline.report,
            seal=partial(self._lifeline.seal, run.volume),
        )
        run.written.add(number)
        segment.join()
        self._start_write(job)
        try:
            async with asyncio.timeout(self._patience_seconds):
                await job.waiting
        except TimeoutError as error:
            self._lifeline.report(TimeoutError("a write does not come to its end"))
            raise FlashTrouble("a write does not come to its end") from error
        metrics.chunks_stored.inc()
        return job.extent

    def _start_write(self, job: ChunkWrite) -> None:
        if job.extent.length <= _INLINE_BYTES_MAX:
            job.run.volume.committer.submit(job.change())
            return
        try:
            future = self._writers.submit(job.write_data)
        except RuntimeError:
            job.settled(FlashTrouble("flash was closed"))
        else:
            future.add_done_callback(partial(_settle_cancelled, job))

    def finish(self, run: Run) -> None:
        """Give back what was not written; the run must not be used any more."""
        self._reserving.finish(run)

    def fd(self, extent: Extent) -> SegmentHandle | None:
        """Return the open segment for sendfile, as a context manager; None if it is gone."""
        return self._proving.find_handle(extent)

    def is_proven(self, extent: Extent) -> bool:
        """Return whether the bytes were proven in this process and are in memory now."""
        return self._proving.is_proven(extent)

    async def proven(self, body: bytes, number: int, extent: Extent) -> bool:
        """Bring the bytes into memory, on a thread, and return whether they are right.

        If they are not, or their segment is gone, the chunk is dropped from the index.
        """
        return await self._proving.proven(body, number, extent)

    @property
    def sends_what_it_judged(self) -> bool:
        """Return whether each read is judged, so that it must send those bytes and no others."""
        volume = self._lifeline.live
        return volume is not None and volume.readers.is_always

    async def judged(self, body: bytes, number: int, extent: Extent) -> bytes | None:
        """Return a chunk's bytes, read on a thread and right; else None, and it is dropped."""
        return await self._proving.judged(body, number, extent)

    def read_now(
        self, body: bytes, number: int, extent: Extent, start: int, length: int
    ) -> Readable | None:
        """Return bytes of a chunk, proven ones only; None if that would take more than memory.

        An extent that is not proven yet is judged on the way if it is short.
        """
        return self._proving.read_now(body, number, extent, start, length)

    def body_of(self, name: ObjectName, version: Version) -> bytes:
        """Return the id under which the body of that version lies here (`model.versions`)."""
        volume = self._lifeline.volume
        names_key = volume.names_key if volume is not None else b""
        return body_id(name, version, self._lifeline.division.chunk_bytes, names_key)

    def quarantine_body(self, row: Row) -> None:
        """Take the row and every chunk of its body off flash: they are not what they should be."""
        volume = self._lifeline.live
        self.forget(row.name)
        if volume is not None:
            volume.drop_body(row.body, -(-row.version.size // volume.division.chunk_bytes))

    async def drop(self, prefix: str = "") -> None:
        """Evict every object whose `bucket/key` begins with `prefix`; all of them without one."""
        volume = self._lifeline.live
        if volume is None:
            return

        def drop() -> None:
            try:
                if prefix:
                    dropping.drop_prefix(volume, prefix)
                else:
                    self._lifeline.retire_active(volume)
                    dropping.drop_all(volume)
            except TROUBLES as error:
                self._lifeline.report(error)

        await asyncio.wrap_future(self._lifeline.keeper.call(drop))

    def stats(self) -> dict[str, int]:
        """Return what there is and what happened, as counts and bytes; empty in bypass."""
        volume = self._lifeline.live
        if volume is None:
            return {}
        try:
            return {
                **volume.stats(),
                "bypasses": self._lifeline.bypasses,
                "bad": self._proving.chunks_bad,
            }
        except (OSError, IndexTrouble) as error:
            self._lifeline.report(error)
            return {}

    async def check(self, *, with_data: bool = False) -> list[str]:
        """Return what is wrong with the directory, in sentences; see `check.find_problems`."""
        volume = self._lifeline.live
        if volume is None:
            return [f"flash is bypassed: {self.trouble}"]
        readers = volume.readers if with_data else None
        call = partial(check.find_problems, volume.index, volume.path, volume.division, readers)
        return await asyncio.to_thread(call)


def _settle_cancelled(job: ChunkWrite, future: "Future[None]") -> None:
    if future.cancelled():
        job.settled(FlashTrouble("flash was closed"))
