"""An object written from front to back by who does not say how long it will be.

While it is small it is held, and written by one PutObject at its end. Beyond that its parts go to
the origin as they fill up, several at a time, each set aside until the origin has it (a part must
say its length, and may have to be said again). Parts grow with their number, so that 10,000 of them
hold 5 TiB and the first does not wait long. Nothing is seen before the end, and without an end
nothing stays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from gateway.core.bodies import GatheredBody
from gateway.core.changing import Changing, CopySource
from gateway.core.receipt import Receipt
from gateway.core.said import ANYTHING, Condition
from gateway.core.uninterrupted import uninterrupted
from gateway.core.uploads import Made, Upload
from gateway.model.failures import Failure, InvalidRequest
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.protocol.s3.completion import PARTS_MAX
from gateway.protocol.s3.multipart import Part

MIB: Final = 1024**2
_log = logging.getLogger(__name__)


class _Size(NamedTuple):
    number_max: int
    """Up to which part of an upload it holds."""
    part_bytes: int
    at_once: int
    """How many parts one writer sends at a time."""


SIZES: Final = (
    _Size(1000, 8 * MIB, 4),
    _Size(4000, 64 * MIB, 3),
    _Size(PARTS_MAX, 900 * MIB, 2),
)
"""7.8 GiB, then 188 GiB more, then 5.1 TiB more."""


def size_of(number: int) -> _Size:
    """Return how long the part with that number is; raises InvalidRequest (EntityTooLarge)."""
    for size in SIZES:
        if number <= size.number_max:
            return size
    raise InvalidRequest("No object can be that large.", code="EntityTooLarge")


class UploadLedger(Protocol):
    """Where uploads are written down, so that one of a killed process is aborted later."""

    async def note(self, upload: Upload, making: "Making") -> None:
        """Write down that it was begun; on the disk before this returns."""
        ...

    async def strike(self, upload: Upload) -> None:
        """Take note that it has ended."""
        ...

    async def leave(self, upload: Upload) -> None:
        """Take note that it could not be ended now."""
        ...


@dataclass(slots=True)
class Senders:
    """What all writers of a process share: their bounds, and where their uploads are noted."""

    changing: Changing
    tasks: asyncio.TaskGroup
    turns: asyncio.Semaphore
    """Parts on their way to the origin."""
    ledger: UploadLedger | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """What is to be made, and by whom."""

    name: ObjectName
    headers: Mapping[str, str]
    voice: Voice
    receipt: Receipt
    condition: Condition = ANYTHING
    has_copies: bool = False
    """Whether parts will be copied."""
    speaker: str = ""
    """Who speaks, as the ledger keeps it; '' is Forebay itself."""


@dataclass(slots=True, eq=False)
class GrowingObject:
    """One object on its way; its calls come one after the other."""

    senders: Senders
    making: Making
    _upload: Upload | None = None
    _parts: dict[int, Part] = field(default_factory=dict)
    _sending: set["asyncio.Task[None]"] = field(default_factory=set)
    _sent_bodies: set[GatheredBody] = field(default_factory=set)
    _failure: Exception | None = None
    _body: GatheredBody | None = None
    _number: int = 1
    """Of the part that is gathered."""
    _expected_bytes: int = 0
    """How long that part is to be; 0: as its number says."""
    _is_over: bool = False

    async def write(self, piece: bytes | memoryview) -> None:
        """Take the next bytes; waits while too many parts are on their way.

        Raises what went wrong with an earlier part, after which only `abort` is of use.
        """
        self._check()
        left = memoryview(piece)
        while left:
            body = self._body or self._begin_body()
            room = self._part_bytes - body.length
            if not room:
                await self._send()
                continue
            await body.write(bytes(left[:room]))
            left = left[room:]

    async def copy(self, source: CopySource, wanted: ByteRange) -> None:
        """Take a range of an object, at most PART_BYTES_MAX long, without moving its bytes.

        What is shorter than a part must be the last. Raises as `write`, and PreconditionFailed
        where that version is gone.
        """
        self._check()
        await self.flush()
        upload = await self._begun()
        number = self._number
        await self._turn(number)
        self._next()

        async def copied() -> Part:
            return await upload.copy(number, source.name, wanted, source.etag, source.version_id)

        self._start(copied)

    def expect(self, part_bytes: int) -> None:
        """Have the part that begins now be so long, whatever its number."""
        self._expected_bytes = part_bytes

    async def flush(self) -> None:
        """Send what is gathered as a part, which is long enough or the last."""
        if self._body is not None:
            await self._send()

    async def close(self) -> Made:
        """Make the object; where that fails nothing stays. Who leaves meanwhile changes nothing.

        Raises PreconditionFailed, OriginRefused, OriginUnreachable, Overloaded, NotSupported.
        """
        if self._failure is not None:
            await self.abort()
        self._check()
        self._is_over = True
        return await uninterrupted(self.senders.tasks, self._closed())

    async def abort(self) -> None:
        """Leave nothing; harmless after `close`."""
        if not self._is_over:
            self._is_over = True
            await uninterrupted(self.senders.tasks, self._aborted())

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_over:
            raise InvalidRequest("What is written to is closed")

    @property
    def _part_bytes(self) -> int:
        return self._expected_bytes or size_of(self._number).part_bytes

    def _next(self) -> None:
        self._number, self._expected_bytes = self._number + 1, 0

    def _begin_body(self) -> GatheredBody:
        part_bytes = self._part_bytes
        writing = self.senders.changing.writing
        self._body = GatheredBody(lambda: writing.new_spool(part_bytes))
        return self._body

    async def _begun(self) -> Upload:
        """Return the upload, begun where it was not."""
        if self._upload is None:
            making, senders = self.making, self.senders
            self._upload = await senders.changing.begin(
                making.name,
                making.headers,
                making.voice,
                making.receipt,
                has_copies=making.has_copies,
            )
            if senders.ledger is not None:
                await senders.ledger.note(self._upload, making)
        return self._upload

    async def _send(self) -> None:
        """Have the gathered bytes sent as a part, once it is this writer's turn."""
        upload = await self._begun()
        number = self._number
        await self._turn(number)
        body, self._body = self._body, None
        assert body is not None  # noqa: S101 - looked at by who calls
        self._next()
        self._sent_bodies.add(body)

        async def sent() -> Part:
            try:
                return await upload.put(number, body)
            finally:
                self._sent_bodies.discard(body)
                await body.close()

        self._start(sent)

    async def _turn(self, number: int) -> None:
        """Wait until a part may be sent; raises what went wrong meanwhile."""
        while len(self._sending) >= size_of(number).at_once:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        self._check_parts()
        await self.senders.turns.acquire()

    def _start(self, work: Callable[[], Awaitable[Part]]) -> None:
        """Send a part beside what comes; its turn is given back at its end."""

        async def run() -> None:
            try:
                part = await work()
                self._parts[part.number] = part
            except Exception as error:  # noqa: BLE001 - it is who writes that gets it
                self._failure = self._failure or error

        def ended(task: "asyncio.Task[None]") -> None:
            self._sending.discard(task)
            self.senders.turns.release()

        task = self.senders.tasks.create_task(run())
        self._sending.add(task)
        task.add_done_callback(ended)

    def _check_parts(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _closed(self) -> Made:
        """Make the object, or leave nothing and raise."""
        try:
            return await self._made()
        except BaseException:
            await self._aborted()
            raise
        finally:
            await self._let_go()

    async def _made(self) -> Made:
        changing, making = self.senders.changing, self.making
        if self._upload is None:
            body = self._body or self._begin_body()
            return await changing.put(
                making.name,
                body,
                making.headers,
                making.voice,
                making.receipt,
                condition=making.condition,
            )
        if self._body is not None:
            await self._send()
        if self._sending:
            await asyncio.wait(self._sending)
        self._check_parts()
        parts = [self._parts[number] for number in sorted(self._parts)]
        made = await self._upload.complete(parts, making.condition)
        if self.senders.ledger is not None:
            await self.senders.ledger.strike(self._upload)
        return made

    async def _aborted(self) -> None:
        """Abort the upload; one that cannot be aborted now stays in the ledger."""
        for task in tuple(self._sending):
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)
        await self._let_go()
        upload, self._upload = self._upload, None
        if upload is None:
            return
        ledger = self.senders.ledger
        try:
            await upload.abort()
        except Failure as failure:
            _log.warning("an upload of %s could not be aborted: %s", upload.name, failure)
            if ledger is not None:
                await ledger.leave(upload)
        else:
            if ledger is not None:
                await ledger.strike(upload)

    async def _let_go(self) -> None:
        body, self._body = self._body, None
        for one in (body, *self._sent_bodies):
            if one is not None:
                await one.close()
        self._sent_bodies.clear()
