"""Write-through: the client's 200 is the origin's 200, and nothing unproven becomes visible.

A small body is proven before the origin hears of it. A large one streams, but its last piece is
held back until everything that can be verified was verified: an origin discards a body that ends
before its Content-Length. A body whose checksum comes in a trailer is spooled first, so that the
origin gets it with a Content-Length and a checksum header that it can store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gateway.core.admission import Admission
from gateway.core.budget import ByteBudget
from gateway.core.spool import Spool
from gateway.flash.store import Flash
from gateway.model.failures import (
    AuthenticationFailed,
    BodyMismatch,
    InvalidRequest,
    OriginUnreachable,
)
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.telemetry import metrics

BUFFERED_BYTES_MAX = 1024 * 1024
_MULTIPLE = 300
_SERVER_ERROR = 500


def may_have_changed(status: int) -> bool:
    """Return whether a write so answered may have taken place: after a 5xx nobody knows."""
    return status < _MULTIPLE or status >= _SERVER_ERROR


class ProvenBody(Protocol):
    """A request's body as the door decodes it."""

    @property
    def length(self) -> int:
        """Return the bytes of the plain body."""
        ...

    @property
    def is_proven_by_trailer(self) -> bool:
        """Return whether the proof comes behind it."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the plain bytes."""
        ...

    def finish(self) -> Mapping[str, str]:
        """Return the checksum headers proven; raises BodyMismatch where any proof fails."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One PutObject or UploadPart, ready but for its body."""

    request: OriginRequest
    name: ObjectName
    body: ProvenBody
    is_whole_object: bool


@dataclass(frozen=True, slots=True)
class WriteParameters:
    """The bounds of writing."""

    spool_directories: tuple[Path, ...]
    spool_memory: ByteBudget
    is_spool_sealed: bool = False


@dataclass(slots=True)
class Writing:
    """Sends verified bodies to the origin."""

    origin: Origin
    flash: Flash
    admission: Admission
    tasks: asyncio.TaskGroup
    rules: Rules
    parameters: WriteParameters

    async def put(self, write: Write) -> OriginAnswer:
        """Send the write and return the origin's answer; raises BodyMismatch, OriginUnreachable.

        After a success, and where the outcome is not known, no worker serves the name unasked from
        what was there before.
        """
        async with AsyncExitStack() as keeping:
            spool: Spool | None = None
            if write.is_whole_object and self.rules.find(write.name).admit_on_write:
                spool = self.new_spool(write.body.length)
                keeping.push_async_exit(spool)
            try:
                answer = await self._send(write, spool)
            except (BodyMismatch, InvalidRequest, AuthenticationFailed):
                metrics.writes_refused.inc()
                raise
            except (OriginUnreachable, asyncio.CancelledError):
                await self._forget(write)
                raise
            if may_have_changed(answer.status):
                await self._forget(write)
            if answer.status < _MULTIPLE:
                metrics.writes_verified.inc()
                if spool is not None:
                    etag = answer.headers.get("ETag", "")
                    version_id = answer.headers.get("x-amz-version-id")
                    kept = keeping.pop_all()
                    self.tasks.create_task(self._admit(kept, spool, write, etag, version_id))
            return answer

    async def _forget(self, write: Write) -> None:
        if write.is_whole_object:
            await self.flash.forgotten(write.name)

    async def _send(self, write: Write, copy: Spool | None) -> OriginAnswer:
        """Choose how the body travels, by its length and by where its proof stands."""
        body = write.body
        if body.length <= BUFFERED_BYTES_MAX:
            return await self._send_buffered(write, copy)
        if body.is_proven_by_trailer:
            return await self._send_spooled(write, copy)
        pieces = held_back(body.pieces(), body.finish)
        if copy is not None:
            pieces = copy.tee(pieces)
        return await self.origin.ask(replace(write.request, body=pieces, body_bytes=body.length))

    async def _send_buffered(self, write: Write, copy: Spool | None) -> OriginAnswer:
        """Prove the body in memory, then send it."""
        collected = b"".join([piece async for piece in write.body.pieces()])
        proven = write.body.finish()
        if copy is not None:
            await copy.fill(_once(collected))
        return await self.origin.ask(
            replace(
                write.request,
                headers={**write.request.headers, **proven},
                body=collected,
                body_bytes=len(collected),
            )
        )

    async def _send_spooled(self, write: Write, copy: Spool | None) -> OriginAnswer:
        """Prove the body in a spool, then send it from there with its checksum as a header."""
        body_bytes = write.body.length
        async with AsyncExitStack() as stack:
            spool = (
                copy
                if copy is not None
                else await stack.enter_async_context(self.new_spool(body_bytes))
            )
            await spool.fill(write.body.pieces())
            proven = write.body.finish()
            return await self.origin.ask(
                replace(
                    write.request,
                    headers={**write.request.headers, **proven},
                    body=spool.pieces(),
                    body_bytes=spool.length,
                )
            )

    async def _admit(
        self,
        keeping: AsyncExitStack,
        spool: Spool,
        write: Write,
        etag: str,
        version_id: str | None,
    ) -> None:
        """Keep the written body on flash; the client has its answer already."""
        async with keeping:
            voice = write.request.voice
            await self.admission.admit(write.name, spool, voice, etag, version_id)

    def new_spool(self, length: int) -> Spool:
        """Return a place to set a body of that length aside."""
        chosen = self.parameters
        return Spool(
            chosen.spool_directories, chosen.spool_memory, length, is_sealed=chosen.is_spool_sealed
        )


async def held_back(
    pieces: AsyncIterator[bytes], finish: Callable[[], Mapping[str, str]]
) -> AsyncIterator[bytes]:
    """Yield the pieces one behind, the last only after `finish` found no fault."""
    held = b""
    async for piece in pieces:
        if held:
            yield held
        held = piece
    finish()
    if held:
        yield held


async def _once(piece: bytes) -> AsyncIterator[bytes]:
    if piece:
        yield piece
