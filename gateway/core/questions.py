"""One question to the origin about one object: a HEAD, or a GET whose body opens the fill."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.described import content_range, described_version
from gateway.core.listable import dated_early
from gateway.flash.rows import Row
from gateway.model.failures import OriginRefused
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.telemetry import metrics

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


def confirmed_in(row: Row, voice: Voice) -> Confirmed:
    """Return what was confirmed last, as a row keeps it."""
    return Confirmed(
        row.version, CIMultiDictProxy(CIMultiDict(row.headers)), row.confirmed_ns, voice
    )


Adopt = Callable[[ObjectName, Confirmed, OriginAnswer, int], None]
"""Takes over an opening GET's body: name, what it confirmed, the answer, its first byte."""


class Questions:
    """Asks the origin about one object at a time."""

    def __init__(self, origin: Origin, now_ns: Callable[[], int], adopt: Adopt) -> None:
        """Ask `origin`; `adopt` gets the bodies that a question brought."""
        self._origin = origin
        self._now_ns = now_ns
        self._adopt = adopt

    async def ask(self, name: ObjectName, opening: Opening | None, voice: Voice) -> Confirmed:
        """Return what the origin says now, by the opening GET or by HEAD.

        Raises OriginUnreachable, and OriginRefused with the origin's own error answer.
        """
        if opening is not None:
            return await self._open(name, opening, voice)
        return await self._head(name, voice)

    async def _head(self, name: ObjectName, voice: Voice) -> Confirmed:
        """Ask by HEAD; full-object checksums are asked for, since they prove a same body."""
        sent_ns = self._now_ns()
        metrics.validations_sent.inc()
        answer, headers = await self._answer(_question("HEAD", name, {}, voice))
        answer.close()
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        return Confirmed(described_version(headers), headers, sent_ns, voice)

    async def _open(self, name: ObjectName, opening: Opening, voice: Voice) -> Confirmed:
        """Ask by GET; a cacheable body is adopted before anyone learns of the version."""
        sent_ns = self._now_ns()
        extra = {"Range": opening.wanted.header()} if opening.wanted is not None else {}
        metrics.validations_sent.inc()
        answer, headers = await self._answer(_question("GET", name, extra, voice))
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
        version = described_version(headers, size)
        confirmed = Confirmed(version, headers, sent_ns, voice, is_opening=opening.keeps_body)
        if not opening.keeps_body and answer.status == _PARTIAL:
            await answer.read(_ERROR_BYTES_MAX)
        elif version is None or not opening.keeps_body:
            answer.close()
        else:
            self._adopt(name, confirmed, answer, start)
        return confirmed

    async def _answer(self, request: OriginRequest) -> tuple[OriginAnswer, CIMultiDictProxy[str]]:
        """Return the answer, and its headers with the earliest Date that may be true."""
        now = asyncio.get_running_loop().time
        begun = now()
        answer = await self._origin.ask(request)
        return answer, dated_early(answer.headers, now() - begun)


def _question(method: str, name: ObjectName, extra: dict[str, str], voice: Voice) -> OriginRequest:
    """Return the question about `name`; identity encoding, since S3 bodies are stored bytes."""
    return OriginRequest(
        method,
        name.bucket,
        encode_key(name.key),
        headers={"Accept-Encoding": "identity", "x-amz-checksum-mode": "ENABLED", **extra},
        voice=voice,
    )
