"""One read in progress: walks a byte range of one version, from flash, fills and the origin.

The walk decides anew at each chunk, since flash changes under it: chunks arrive by this reader's
fills, by another reader's, by another worker's, and leave by eviction. A cold stretch is read ahead
by parallel runs, so that one client stream is fed by many origin connections, but never beyond what
the client asked for.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property

from gateway.core.filling import ChunkFill, Filling
from gateway.core.pinned import pinned_pieces
from gateway.core.read_plan import FromFlash, plan_read, stretches
from gateway.core.receipt import Receipt
from gateway.flash.rows import Row
from gateway.flash.store import Flash, Readable, SegmentHandle
from gateway.model.failures import FlashTrouble, OriginRefused
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.origin.interface import Origin
from gateway.telemetry import metrics

_LOOK_CHUNKS = 64
_PIECE_BYTES_MAX = 128 * 1024
_SMALL_BYTES_MAX = 64 * 1024
_OPENED_BYTES = 256 * 1024
"""What is opened of a sealed chunk at a time: four units, some 50 us on the loop."""
_STRETCH_BYTES_MAX = 4 * 1024 * 1024
"""One sendfile; all of it is proven, from the disk if need be, before its first byte leaves."""
_IDLE_ROUNDS_MAX = 4
_ELSEWHERE_SECONDS = 0.003
_ELSEWHERE_SECONDS_MAX = 0.02


@dataclass(frozen=True, slots=True)
class FlashPiece:
    """`length` bytes at `offset` of an open segment, proven, ready for sendfile."""

    handle: SegmentHandle
    offset: int
    length: int


Piece = FlashPiece | Readable


@dataclass(frozen=True, slots=True)
class ReadParts:
    """What a walk needs of the core; one for all reads of the process."""

    origin: Origin
    flash: Flash
    filling: Filling
    chunk_bytes: int
    run_chunks: int
    ahead_runs_max: int
    resumes_max: int


class Reading:
    """A walk over `wanted` bytes of the version in `row`."""

    def __init__(
        self, parts: ReadParts, row: Row, wanted: ByteRange, voice: Voice, receipt: Receipt
    ) -> None:
        """Begin at the first byte; nothing is read yet. `voice` may read the version, it said."""
        self._parts = parts
        self._row = row
        self._voice = voice
        self._wanted = wanted
        self._receipt = receipt
        self._ahead = 0  # chunks below this number were arranged for
        self._position = wanted.start
        self._expected: dict[int, ChunkFill] = {}

    async def pieces(self) -> AsyncGenerator[Piece]:
        """Yield the bytes in order; raises VersionChanged, OriginUnreachable, OriginRefused.

        Where it is closed early, runs that no other reader expects end with their next chunk.
        """
        try:
            async with aclosing(self._walk()) as walk:
                async for piece in walk:
                    yield piece
        finally:
            for number in list(self._expected):
                self._leave(number)

    async def bring(self) -> None:
        """Return once all the bytes lie on flash, and give none: each is written, none is copied.

        Raises as `pieces` does, and FlashTrouble where flash does not keep what came.
        """
        numbers = self._wanted.chunks(self._parts.chunk_bytes)
        try:
            for number in numbers:
                await self._brought(number)
        except FlashTrouble:
            # What is passed on from memory waits for its readers: this one has come, and leaves.
            for number in numbers:
                self._expect(self._parts.filling.find(self._row.body, number))
            raise
        finally:
            for number in list(self._expected):
                self._leave(number)

    async def _brought(self, number: int) -> None:
        """Return once chunk `number` is on flash, or was: what is evicted at once is not chased."""
        parts, body = self._parts, self._row.body
        while not parts.flash.extents(body, range(number, number + 1)):
            if self._refusal is not None:
                raise FlashTrouble(self._refusal)
            fill = parts.filling.find(body, number)
            if fill is None:
                await self._arrange(number)
                continue
            self._expect(fill)
            self._read_ahead(number)
            await fill.wait_over()
            if fill.failure is not None and not self._is_anothers(fill):
                raise fill.failure
            if fill.extent is None and fill.received == fill.length:
                raise FlashTrouble("flash did not keep what came")
            if fill.extent is not None:
                break
        self._leave(number)

    async def _walk(self) -> AsyncGenerator[Piece]:
        """Yield the bytes chunk by chunk from wherever each is now."""
        parts, body = self._parts, self._row.body
        idle_rounds = 0
        while self._position < self._wanted.stop:
            number = self._position // parts.chunk_bytes
            fill = parts.filling.find(body, number)
            before = self._position
            try:
                walk = self._followed(fill) if fill is not None else self._from_flash(number)
                async for piece in walk:
                    yield piece
                self._leave(number)
                idle_rounds = 0 if self._position > before else idle_rounds + 1
                if idle_rounds > _IDLE_ROUNDS_MAX:
                    raise FlashTrouble("flash lists what it does not give")  # noqa: TRY301
                if idle_rounds and fill is None:
                    await self._arrange(number)
            except FlashTrouble as trouble:
                async for piece in self._direct(trouble.message):
                    yield piece

    async def _from_flash(self, number: int) -> AsyncGenerator[Piece]:
        """Yield what lies on flash from the position on; nothing where the next chunk does not."""
        parts, body = self._parts, self._row.body
        last = (self._wanted.stop - 1) // parts.chunk_bytes
        held = parts.flash.extents(body, range(number, min(last + 1, number + _LOOK_CHUNKS)))
        look = ByteRange(
            self._position, min(self._wanted.stop, (number + _LOOK_CHUNKS) * parts.chunk_bytes)
        )
        for stretch in stretches(plan_read(look, held, parts.chunk_bytes), _STRETCH_BYTES_MAX):
            if parts.flash.sends_what_it_judged:
                async for data in self._judged(stretch):
                    yield data
                if self._position < _stop_of(stretch, parts.chunk_bytes):
                    return
                continue
            proven = await self._proven(stretch)
            stop = self._position + sum(step.length for step in proven)
            for step in proven:
                parts.flash.touch(body, step.number)
            for piece in self._pieces(proven):
                length = piece.length if isinstance(piece, FlashPiece) else len(piece)
                metrics.bytes_from_flash.inc(length)
                self._position += length
                yield piece
            if self._position < stop or len(proven) < len(stretch):
                return

    async def _proven(self, stretch: list[FromFlash]) -> list[FromFlash]:
        """Return the leading steps whose bytes are what was written; the next is a miss."""
        flash = self._parts.flash
        for at, step in enumerate(stretch):
            if not flash.is_proven(step.extent) and not await flash.proven(
                self._row.body, step.number, step.extent
            ):
                return stretch[:at]
        return stretch

    async def _judged(self, stretch: list[FromFlash]) -> AsyncGenerator[bytes]:
        """Yield the very bytes that were judged: what the file holds a moment later may differ."""
        flash, body = self._parts.flash, self._row.body
        for step in stretch:
            data = await flash.judged(body, step.number, step.extent)
            if data is None:
                return
            flash.touch(body, step.number)
            metrics.bytes_from_flash.inc(step.length)
            self._position += step.length
            yield data[step.skip : step.skip + step.length]

    def _pieces(self, stretch: list[FromFlash]) -> Iterator[Piece]:
        """Yield a proven stretch, ready to be sent, up to where its bytes are gone."""
        if not stretch:
            return
        first, length = stretch[0], sum(step.length for step in stretch)
        if first.extent.is_sealed:
            yield from self._opened(first)
            return
        if len(stretch) == 1 and length <= _SMALL_BYTES_MAX:
            data = self._read_now(first, 0, length)
            if data is not None:
                yield data
                return
        handle = self._parts.flash.fd(first.extent)
        if handle is not None:
            yield FlashPiece(handle, first.extent.offset + first.skip, length)

    def _opened(self, step: FromFlash) -> Iterator[Readable]:
        """Yield a sealed chunk's bytes, which the kernel cannot send by itself."""
        at = 0
        while at < step.length:
            # Pieces end where units do, so that none is opened twice.
            to_end = _OPENED_BYTES - (step.skip + at) % _OPENED_BYTES
            data = self._read_now(step, at, min(to_end, step.length - at))
            if data is None:
                return
            at += len(data)
            yield data

    def _read_now(self, step: FromFlash, at: int, length: int) -> Readable | None:
        """Return bytes of a step from its byte `at` on, if they are in memory."""
        flash, body = self._parts.flash, self._row.body
        return flash.read_now(body, step.number, step.extent, step.skip + at, length)

    async def _followed(self, fill: ChunkFill) -> AsyncGenerator[Piece]:
        """Yield a chunk's bytes as its fill receives them; the rest from flash once it is there."""
        parts = self._parts
        self._expect(fill)
        base = fill.number * parts.chunk_bytes
        stop = min(self._wanted.stop, base + fill.length) - base
        self._read_ahead(fill.number)
        if self._receipt.cache != "MISS":
            self._receipt.cache = "MISS"
            metrics.fills_joined.inc()
        while self._position - base < stop:
            offset = self._position - base
            await fill.wait_beyond(offset)
            if fill.buffer is None or fill.received <= offset:
                if fill.failure is not None and not self._is_anothers(fill):
                    raise fill.failure
                return
            upto = min(fill.received, stop, offset + _PIECE_BYTES_MAX)
            piece = bytes(memoryview(fill.buffer)[offset:upto])
            self._position += len(piece)
            yield piece

    def _is_anothers(self, fill: ChunkFill) -> bool:
        """Return whether the origin refused another voice: what this one may is not said by it."""
        return isinstance(fill.failure, OriginRefused) and fill.voice != self._voice

    async def _arrange(self, number: int) -> None:
        """See to it that chunk `number`, which is neither on flash nor on its way here, comes."""
        parts, body = self._parts, self._row.body
        self._receipt.cache = "MISS"
        if self._refusal is not None:
            metrics.reads_not_admitted.inc()
            raise FlashTrouble(self._refusal)
        self._ahead = min(self._ahead, number)
        self._read_ahead(number)
        pause = _ELSEWHERE_SECONDS
        while parts.filling.find(body, number) is None:
            if not parts.flash.is_healthy:
                raise FlashTrouble("flash is out of order")
            if parts.flash.extents(body, range(number, number + 1)):
                return
            # Another worker fills it: its claim ends with its fill or with its life.
            if parts.filling.start(self._row, range(number, self._run_stop(number)), self._voice):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _ELSEWHERE_SECONDS_MAX)

    def _read_ahead(self, number: int) -> None:
        """Start fills for the runs from `number` up to the window's end, once each."""
        parts = self._parts
        last = (self._wanted.stop - 1) // parts.chunk_bytes
        # The window ends where a run does, so that it moves on by whole runs.
        stop = min(last + 1, (number // parts.run_chunks + parts.ahead_runs_max) * parts.run_chunks)
        at = max(self._ahead, number)
        held = parts.flash.extents(self._row.body, range(at, stop)) if at < stop else {}
        while at < stop:
            fill = parts.filling.find(self._row.body, at)
            if at in held or fill is not None:
                self._expect(fill)
                at += 1
                continue
            run = range(at, min(stop, self._run_stop(at)))
            if self._refusal is not None:
                break
            started = parts.filling.start(self._row, run, self._voice)
            self._receipt.origin_requests += bool(started)
            for begun in run[:started]:
                self._expect(parts.filling.find(self._row.body, begun))
            at += max(started, 1)
        self._ahead = max(self._ahead, stop)

    @cached_property
    def _refusal(self) -> str | None:
        """Return why flash does not take the object, in words; asked once, at the first miss."""
        return self._parts.flash.refusal(self._row.name, self._row.version.size)

    def _expect(self, fill: ChunkFill | None) -> None:
        """Note that this reader will come to the chunk, so that its run is carried to the end."""
        if fill is not None and self._expected.get(fill.number) is not fill:
            self._leave(fill.number)
            fill.join()
            self._expected[fill.number] = fill

    def _leave(self, number: int) -> None:
        """Take back what `_expect` noted of chunk `number`, if it did."""
        fill = self._expected.pop(number, None)
        if fill is not None:
            fill.leave()

    def _run_stop(self, number: int) -> int:
        """Return where the run of `number` ends: aligned, so that readers agree on runs."""
        parts = self._parts
        last = (self._wanted.stop - 1) // parts.chunk_bytes
        return min(last + 1, (number // parts.run_chunks + 1) * parts.run_chunks)

    async def _direct(self, reason: str) -> AsyncGenerator[Piece]:
        """Yield the rest straight from the origin: flash does not take part, for that reason."""
        self._receipt.cache = "MISS"
        self._receipt.reason = reason or "flash is out of order"
        self._receipt.origin_requests += 1
        rest = ByteRange(self._position, self._wanted.stop)
        async for piece in pinned_pieces(
            self._parts.origin,
            self._row,
            rest,
            self._voice,
            resumes_max=self._parts.resumes_max,
        ):
            self._position += len(piece)
            yield piece


def _stop_of(stretch: list[FromFlash], chunk_bytes: int) -> int:
    """Return where in the body a stretch ends."""
    last = stretch[-1]
    return last.number * chunk_bytes + last.skip + last.length
