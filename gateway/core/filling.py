"""Fills: chunks on their way from the origin to flash, followed by every reader who wants them.

A *fill* reads one run of contiguous chunks by one origin request, into memory chunk by chunk, and
writes each to flash. Readers follow the bytes as they arrive and never slow the fill down; a reader
that falls behind reads from flash. What fills hold in memory is bounded in bytes. Over all workers
a chunk has one fill: its claim is a byte-range lock that dies with its process.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.body_checks import BodyChecks
from gateway.core.budget import ByteBudget
from gateway.core.chunk_memory import chunk_memory
from gateway.core.pinned import pinned_pieces
from gateway.flash.rows import Extent, Row
from gateway.flash.store import Flash, Run
from gateway.model.failures import Failure, FlashTrouble, OriginUnreachable, VersionChanged
from gateway.model.ranges import ByteRange, chunk_range
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
_PASSING_PART: Final = 4
"""The part of the memory that bodies which are not stored may hold for their readers."""
_PASSING_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class FillParameters:
    """The bounds of a fill."""

    chunk_bytes: int
    run_chunks_max: int
    """Chunks that one origin request asks for: 8 MiB spread one round trip over 240 ms of body."""
    memory_bytes_max: int
    resumes_max: int


class ChunkFill:
    """One chunk on its way: the bytes received so far, then where they lie on flash."""

    __slots__ = (
        "_waiting",
        "buffer",
        "expected_by",
        "extent",
        "failure",
        "is_over",
        "length",
        "number",
        "received",
        "voice",
        "was_expected",
    )

    def __init__(self, number: int, length: int, voice: Voice) -> None:
        """Begin with nothing received; memory is taken only when bytes are near."""
        self.voice = voice
        """Who asks the origin for it; anyone who may read the version follows."""
        self.number = number
        self.length = length
        self.buffer: memoryview | None = None
        self.received = 0
        self.extent: Extent | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self.expected_by = 0
        """Readers that will come to this chunk; a run that nobody expects any more is given up."""
        self.was_expected = False
        """Whether a reader has come at all: an opening's body may arrive before its asker wakes."""
        self._waiting: list[asyncio.Future[None]] = []

    def grow(self, piece: bytes | memoryview) -> None:
        """Append bytes and wake the followers."""
        assert self.buffer is not None  # noqa: S101 - the fill takes memory before it reads
        self.buffer[self.received : self.received + len(piece)] = piece
        self.received += len(piece)
        self._wake()

    def end(self, extent: Extent | None = None, failure: Failure | None = None) -> None:
        """Say the last word: on flash, failed, or neither: in memory only, or given up."""
        if self.is_over:
            return
        self.extent, self.failure, self.is_over = extent, failure, True
        if extent is not None:
            self.buffer = None
        self._wake()

    async def wait_beyond(self, offset: int) -> None:
        """Return once more than `offset` bytes are here, or nothing more will come."""
        while self.received <= offset and not self.is_over:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place

    def join(self) -> None:
        """Count a reader that will come to this chunk."""
        self.expected_by += 1
        self.was_expected = True

    def leave(self) -> None:
        """Count a reader less."""
        self.expected_by -= 1
        if not self.expected_by:
            self._wake()

    async def wait_left(self) -> None:
        """Return once readers came and the last one has left."""
        while self.expected_by or not self.was_expected:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place

    async def wait_over(self) -> None:
        """Return once its last word is said."""
        await self.wait_beyond(self.length)  # more than all of it is never received

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            if not place.done():
                place.set_result(None)


class Filling:
    """The fills of this process, and their claims among all processes."""

    def __init__(
        self, origin: Origin, flash: Flash, tasks: asyncio.TaskGroup, parameters: FillParameters
    ) -> None:
        """Read from `origin` into `flash`; fills run in `tasks` and outlive their readers."""
        self._origin = origin
        self._flash = flash
        self._tasks = tasks
        self._parameters = parameters
        self._fills: dict[tuple[bytes, int], ChunkFill] = {}
        self.budget = ByteBudget(parameters.memory_bytes_max)
        self._passing = ByteBudget(parameters.memory_bytes_max // _PASSING_PART)
        self.checks = BodyChecks(flash, parameters.chunk_bytes, time.monotonic)

    def find(self, body: bytes, number: int) -> ChunkFill | None:
        """Return the fill of that chunk in this process, if there is one."""
        return self._fills.get((body, number))

    def start(self, row: Row, numbers: range, voice: Voice) -> int:
        """Begin to fill the leading chunks of `numbers` that are nobody's yet; return how many.

        Synchronous, so that between the look at flash, the claim and the entry in the table no
        other reader of this process can come in.
        """
        fills = self._register(row, numbers[: self._parameters.run_chunks_max], voice)
        if fills:
            self._tasks.create_task(self._fill(row, fills, None))
        return len(fills)

    def adopt(self, row: Row, answer: OriginAnswer, wanted: ByteRange, voice: Voice) -> int:
        """Take over the answer to `voice` with the bytes `wanted` of `row` as its run's fill."""
        numbers = wanted.chunks(self._parameters.chunk_bytes)
        fills = self._register(row, numbers[: self._parameters.run_chunks_max], voice)
        if fills:
            self._tasks.create_task(self._fill(row, fills, answer))
        else:
            answer.close()
        return len(fills)

    def pass_on(self, row: Row, answer: OriginAnswer, wanted: ByteRange, voice: Voice) -> None:
        """Give an answer that flash does not take to the readers who wait for it, from memory.

        They are those who joined its question, and who comes meanwhile. Without memory for it, or
        beyond a run, each asks for itself.
        """
        numbers = wanted.chunks(self._parameters.chunk_bytes)
        if len(numbers) > self._parameters.run_chunks_max or not self._passing.try_take(
            wanted.length
        ):
            answer.close()
            return
        fills = self._register(row, numbers, voice)
        if len(fills) == len(numbers):
            self._tasks.create_task(self._pass(row, fills, answer, wanted.length))
            return
        for fill in fills:
            self._close(row.body, fill, None)
        self._passing.give(wanted.length)
        answer.close()

    async def _pass(
        self, row: Row, fills: list[ChunkFill], answer: OriginAnswer, count_bytes: int
    ) -> None:
        """Receive a run that is not stored, and keep it until its readers have left."""
        ending: Failure | None = OriginUnreachable("the gateway is stopping")
        pieces = self._pinned(row, fills, answer)
        try:
            async for _ in self._received(fills, pieces):
                pass
            ending = None
            async with asyncio.timeout(_PASSING_SECONDS_MAX):
                for fill in fills:
                    await fill.wait_left()
        except* TimeoutError:
            pass  # whoever is still at it has the bytes, and keeps them
        except* Exception as group:  # noqa: BLE001 - the readers get it, and the log
            ending = _first_failure(group)
        finally:
            await pieces.aclose()
            self._passing.give(count_bytes)
            for fill in fills:
                self._close(row.body, fill, ending)

    def _register(self, row: Row, numbers: range, voice: Voice) -> list[ChunkFill]:
        """Claim and enter contiguous chunks until one is taken or already on flash."""
        fills: list[ChunkFill] = []
        for number in numbers:
            key = (row.body, number)
            if key in self._fills or not self._flash.claim(*key):
                break
            # Another worker may have finished between our look and our claim.
            if self._flash.extents(row.body, range(number, number + 1)):
                self._flash.release(*key)
                break
            length = chunk_range(number, self._parameters.chunk_bytes, row.version.size).length
            fill = self._fills[key] = ChunkFill(number, length, voice)
            fills.append(fill)
        return fills

    async def _fill(self, row: Row, fills: list[ChunkFill], answer: OriginAnswer | None) -> None:
        """Receive a run; whatever happens, every fill gets its last word and its claim is freed."""
        metrics.fills_started.inc()
        ending: Failure | None = OriginUnreachable("the gateway is stopping")
        try:
            await self._receive_run(row, fills, answer)
            self.checks.judge(row)
            ending = None
        except* Exception as group:  # noqa: BLE001 - the readers get it, and the log
            ending = _first_failure(group)
            metrics.fills_failed.inc()
            if isinstance(ending, VersionChanged):
                self._flash.forget(row.name)
        finally:
            for fill in fills:
                self._close(row.body, fill, ending)

    async def _receive_run(
        self, row: Row, fills: list[ChunkFill], answer: OriginAnswer | None
    ) -> None:
        """Read one ranged body; while a chunk is written to flash the next is received."""
        run = await self._flash.reserve(row, fills[0].number, [fill.length for fill in fills])
        if run is None:
            if answer is not None:
                answer.close()
            reason = self._flash.refusal(row.name, row.version.size)
            raise FlashTrouble(reason or "flash has no room for this run")
        pieces = self._pinned(row, fills, answer)
        try:
            async with asyncio.TaskGroup() as stores:
                async for fill in self._received(fills, pieces):
                    stores.create_task(self._store(row, run, fill))
        finally:
            await pieces.aclose()
            self._flash.finish(run)

    def _pinned(
        self, row: Row, fills: list[ChunkFill], answer: OriginAnswer | None
    ) -> AsyncGenerator[bytes]:
        """Return the bytes of a run of that version, `answer` at their beginning."""
        start = fills[0].number * self._parameters.chunk_bytes
        stop = start + sum(fill.length for fill in fills)
        return pinned_pieces(
            self._origin,
            row,
            ByteRange(start, stop),
            fills[0].voice,
            resumes_max=self._parameters.resumes_max,
            opening=answer,
        )

    async def _received(
        self, fills: list[ChunkFill], pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[ChunkFill]:
        """Distribute the body over the chunks; yield each when its last byte is here."""
        remaining = deque(fills)
        await self._take_memory(remaining[0])
        async for piece in pieces:
            rest = memoryview(piece)
            while remaining and rest:
                fill = remaining[0]
                taken = rest[: fill.length - fill.received]
                fill.grow(taken)
                rest = rest[len(taken) :]
                if fill.received < fill.length:
                    continue
                remaining.popleft()
                yield fill
                if not remaining or _has_lost_its_readers(fills, remaining):
                    return
                await self._take_memory(remaining[0])

    async def _take_memory(self, fill: ChunkFill) -> None:
        """Wait until the chunk's bytes fit the budget; `_close` gives them back."""
        await self.budget.take(fill.length)
        metrics.fill_memory_bytes.inc(fill.length)
        fill.buffer = chunk_memory(fill.length)

    async def _store(self, row: Row, run: Run, fill: ChunkFill) -> None:
        """Write a complete chunk; where flash fails, followers still have it in memory."""
        assert fill.buffer is not None  # noqa: S101 - complete chunks have their bytes
        extent: Extent | None = None
        self.checks.note(row, fill.number, fill.buffer)
        try:
            extent = await self._flash.write(run, fill.number, fill.buffer)
        except FlashTrouble:
            metrics.fills_unstored.inc()
        self._close(row.body, fill, None, extent)

    def _close(
        self, body: bytes, fill: ChunkFill, failure: Failure | None, extent: Extent | None = None
    ) -> None:
        """Remove a fill from the table, free its claim and memory; only the first call counts."""
        if self._fills.get((body, fill.number)) is not fill:
            return
        del self._fills[body, fill.number]
        self._flash.release(body, fill.number)
        if fill.buffer is not None:
            self.budget.give(fill.length)
            metrics.fill_memory_bytes.dec(fill.length)
        fill.end(extent, failure)


def _has_lost_its_readers(fills: list[ChunkFill], remaining: Iterable[ChunkFill]) -> bool:
    """Return whether readers came to the run and none is left who waits for the rest of it."""
    was_expected = any(fill.was_expected for fill in fills)
    return was_expected and not any(fill.expected_by for fill in remaining)


def _first_failure(group: BaseException) -> Failure:
    """Return the first failure within nested groups; a fault of ours is logged and has no words."""
    first = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, Failure):
        return first
    _log.error("a fill failed inside", exc_info=first)
    return Failure("We encountered an internal error. Please try again.")
