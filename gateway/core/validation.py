"""One question to the origin shared by everyone who arrived before it was sent.

Requests for a name join the *next* question, never one already in flight: nobody gets an answer
older than its question, and N clients cost one origin request per round trip. The question is a
HEAD (a 304 carries no headers with many origins), or, for a name that flash does not know, the
first waiter's GET, whose body opens the fill.

What the origin tells one voice it tells no other: each voice has groups of its own.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from multidict import CIMultiDictProxy

from gateway.core.described import content_range, described_version
from gateway.model.failures import Failure, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)

_ERROR_BYTES_MAX = 64 * 1024
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416


@dataclass(frozen=True, slots=True)
class Opening:
    """A wish that the question be a GET: of these bytes, or of the whole body when None."""

    wanted: ByteRange | None
    keeps_body: bool = True
    """Whether its body is to open the fill."""


HEADERS_OF_GET: Final = Opening(ByteRange(0, 1), keeps_body=False)
"""What a GET would show, where it is more than a HEAD shows: to a web site (CORS)."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the origin said; `version` is None where the object must not be cached."""

    version: Version | None
    headers: CIMultiDictProxy[str]
    sent_ns: int
    """Wall clock when the question was sent."""
    voice: Voice
    """Who asked, and whom alone it was told."""
    is_opening: bool = False


@dataclass(slots=True)
class _Waiter:
    future: "asyncio.Future[Confirmed]"
    opening: Opening | None


@dataclass(slots=True)
class _Group:
    voice: Voice
    waiting: list[_Waiter] = field(default_factory=list)


Adopt = Callable[[ObjectName, Confirmed, OriginAnswer, int], None]
"""Takes over an opening GET's body: name, what it confirmed, the answer, its first byte."""

_Asked = tuple[ObjectName, str]
"""What is asked about, and the mark of the voice that asks."""


class Validation:
    """Asks the origin about names, in groups."""

    def __init__(
        self,
        origin: Origin,
        tasks: asyncio.TaskGroup,
        now_ns: Callable[[], int],
        adopt: Adopt,
    ) -> None:
        """Ask `origin`; questions run in `tasks`, so that a client that leaves breaks none."""
        self._origin = origin
        self._tasks = tasks
        self._now_ns = now_ns
        self._adopt = adopt
        self._groups: dict[_Asked, _Group] = {}

    async def confirm(
        self, name: ObjectName, opening: Opening | None, voice: Voice
    ) -> tuple[Confirmed, bool]:
        """Return an answer to a question of `voice` sent after this call, and whether it joined.

        Raises OriginUnreachable, and OriginRefused with the origin's own error answer.
        """
        future, joined = self.question(name, opening, voice)
        return await future, joined

    def question(
        self, name: ObjectName, opening: Opening | None, voice: Voice
    ) -> "tuple[asyncio.Future[Confirmed], bool]":
        """Return where the answer that `confirm` waits for will be, and whether it joined.

        The future may be cancelled, or be given a callback; it holds what `confirm` raises.
        """
        future: asyncio.Future[Confirmed] = asyncio.get_running_loop().create_future()
        asked = (name, voice.mark)
        group = self._groups.get(asked)
        joined = group is not None and bool(group.waiting)
        if group is None:
            group = self._groups[asked] = _Group(voice)
            self._tasks.create_task(self._ask_until_nobody_waits(asked, group))
        group.waiting.append(_Waiter(future, opening))
        if joined:
            metrics.validations_joined.inc()
        return future, joined

    async def _ask_until_nobody_waits(self, asked: _Asked, group: _Group) -> None:
        """Serve round after round; between the last check and the removal nothing awaits."""
        while group.waiting:
            round_, group.waiting = group.waiting, []
            outcome = await self._outcome(asked[0], round_, group.voice)
            for waiter in round_:
                if waiter.future.done():
                    continue
                if isinstance(outcome, Failure):
                    waiter.future.set_exception(outcome)
                else:
                    waiter.future.set_result(outcome)
        del self._groups[asked]

    async def _outcome(
        self, name: ObjectName, round_: list[_Waiter], voice: Voice
    ) -> Confirmed | Failure:
        """Return what every waiter of this round shares: the answer, or the failure."""
        opening = next((w.opening for w in round_ if w.opening is not None), None)
        try:
            if opening is not None:
                return await self._open(name, opening, voice)
            return await self._head(name, voice)
        except Failure as failure:
            return failure
        except Exception:  # noqa: BLE001 - the waiters get it, and the log
            # A fault of ours: it must reach the waiters, not end every other request's task.
            _log.exception("the question about %s failed inside", name)
            return Failure("We encountered an internal error. Please try again.")

    async def _head(self, name: ObjectName, voice: Voice) -> Confirmed:
        """Ask by HEAD; full-object checksums are asked for, since they prove a same body."""
        sent_ns = self._now_ns()
        metrics.validations_sent.inc()
        answer = await self._origin.ask(_question("HEAD", name, {}, voice))
        answer.close()
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        return Confirmed(described_version(answer.headers), answer.headers, sent_ns, voice)

    async def _open(self, name: ObjectName, opening: Opening, voice: Voice) -> Confirmed:
        """Ask by GET; a cacheable body is adopted before anyone learns of the version."""
        sent_ns = self._now_ns()
        extra = {"Range": opening.wanted.header()} if opening.wanted is not None else {}
        metrics.validations_sent.inc()
        answer = await self._origin.ask(_question("GET", name, extra, voice))
        if answer.status == _UNSATISFIABLE:
            answer.close()
            if voice.site:
                return await self._open(name, Opening(None), voice)
            return await self._head(name, voice)
        if answer.status not in (_OK, _PARTIAL):
            body = await answer.read(_ERROR_BYTES_MAX)
            raise OriginRefused(answer.status, answer.headers, body)
        placed = content_range(answer.headers) if answer.status == _PARTIAL else (0, 0, None)
        if placed is None:
            answer.close()
            return await self._head(name, voice)
        start, _, size = placed
        version = described_version(answer.headers, size)
        confirmed = Confirmed(
            version, answer.headers, sent_ns, voice, is_opening=opening.keeps_body
        )
        if not opening.keeps_body and answer.status == _PARTIAL:
            await answer.read(_ERROR_BYTES_MAX)
        elif version is None or not opening.keeps_body:
            answer.close()
        else:
            self._adopt(name, confirmed, answer, start)
        return confirmed


def _question(method: str, name: ObjectName, extra: dict[str, str], voice: Voice) -> OriginRequest:
    """Return the question about `name`; identity encoding, since S3 bodies are stored bytes."""
    return OriginRequest(
        method,
        name.bucket,
        encode_key(name.key),
        headers={"Accept-Encoding": "identity", "x-amz-checksum-mode": "ENABLED", **extra},
        voice=voice,
    )
