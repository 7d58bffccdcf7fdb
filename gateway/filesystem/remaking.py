"""An object made under another name: by one copy, by its bytes, or by copied parts.

Where nothing may stand at the target but what is named, the origin has to judge that in the step
that makes the object. S3 does so for CopyObject too; versitygw and MinIO look there at the source
alone and copy over whatever is at the target, but judge a PutObject and the end of an upload. So
until a copy was seen to be refused for its target, a small object is made of its bytes and a large
one of copied parts, which may change its ETag. What was just made is asked to be copied over once:
the answer tells which kind of origin this is.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.bodies import BytesBody
from gateway.core.changing import COPY_BYTES_MAX, Changing, CopySource
from gateway.core.latest import tags_of
from gateway.core.preserving import kept_by_copy, kept_by_rewrite
from gateway.core.receipt import Receipt
from gateway.core.said import ABSENT, ANYTHING, Condition
from gateway.model.failures import (
    Failure,
    OriginRefused,
    PreconditionFailed,
    VersionChanged,
)
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.origin.interface import Origin
from gateway.protocol.s3.listings import ListedObject

SMALL_BYTES_MAX: Final = 1024**2
"""Up to here a body is read and written: two requests, where copied parts are three."""
_PART_BYTES: Final = 1024**3
"""Of a body that one CopyObject does not take: 5 TiB are 5,120 parts."""
_BAD: Final = 400
_NOT_IMPLEMENTED: Final = 501

Pieces = Callable[[ObjectName, str, Voice], AsyncGenerator[bytes]]


@dataclass(frozen=True, slots=True)
class Original:
    """The version that another object is made of, and what a HEAD said of it."""

    name: ObjectName
    version: ListedObject
    head: Mapping[str, str]


@dataclass(slots=True)
class Remaking:
    """Makes objects of objects; `patient` asks again where that is safe."""

    changing: Changing
    patient: Origin
    pieces: Pieces
    """Yields the body of a version."""
    copy_bytes_max: int = COPY_BYTES_MAX
    part_bytes: int = _PART_BYTES
    _judges_copies: bool | None = field(default=None, init=False)
    """Whether the origin judges the target of a CopyObject; None: nobody knows yet."""
    _finding_out: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def make(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        """Return the ETag of what was made, where `condition` held.

        A condition is left out where the origin would ignore it on every write. Raises
        PreconditionFailed, VersionChanged and NotFound for the source, and what the origin refuses.
        """
        if not self.changing.judges_conditions:
            condition = ANYTHING
        if original.version.size > self.copy_bytes_max:
            return await self._in_parts(original, target, voice, condition)
        is_small = original.version.size <= SMALL_BYTES_MAX
        if condition != ANYTHING and self._judges_copies is None and is_small:
            async with self._finding_out:
                if self._judges_copies is None:
                    return await self._make_and_find_out(original, target, voice, condition)
        if condition == ANYTHING or self._judges_copies:
            return await self._copied(original, target, voice, condition)
        make = self._of_bytes if is_small else self._in_parts
        return await make(original, target, voice, condition)

    async def _make_and_find_out(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        """Make it of its bytes, and ask for a copy over it: nothing else is risked by that."""
        made = await self._of_bytes(original, target, voice, condition)
        try:
            made = await self._copy(original, target, voice, ABSENT)
            self._judges_copies = False
        except PreconditionFailed:
            self._judges_copies = True
        except OriginRefused as refused:
            self._judges_copies = False if refused.status == _NOT_IMPLEMENTED else None
        return made

    async def _copied(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        try:
            return await self._copy(original, target, voice, condition)
        except OriginRefused as refused:
            is_marker = target.key.endswith("/") and not original.version.size
            if refused.status != _BAD or not is_marker:
                raise
        # versitygw does not copy a directory's marker.
        return await self._of_bytes(original, target, voice, condition)

    async def _copy(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        source = CopySource(original.name, original.version.etag)
        kept = kept_by_copy(original.head)
        made = await self.changing.copy(source, target, kept, voice, Receipt(), condition=condition)
        return made.etag

    async def _of_bytes(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        """Write the same bytes with the same headers."""
        etag, body = original.version.etag, b""
        if original.head.get("ETag") != etag:
            raise VersionChanged(f"{original.name} was written to meanwhile")
        if original.version.size:
            pieces = self.pieces(original.name, etag, voice)
            body = b"".join([piece async for piece in pieces])
        headers = await self._kept(original, voice)
        made = await self.changing.put(
            target, BytesBody(body), headers, voice, Receipt(), condition=condition
        )
        return made.etag

    async def _in_parts(
        self, original: Original, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        """Copy part by part; nothing of it is seen before the end."""
        source, etag = original.name, original.version.etag
        headers = await self._kept(original, voice)
        upload = await self.changing.begin(target, headers, voice, Receipt(), has_copies=True)
        try:
            parts = [
                await upload.copy(number, source, span, etag, None)
                for number, span in enumerate(self._spans(original.version.size), 1)
            ]
            return (await upload.complete(parts, condition)).etag
        except BaseException:
            with contextlib.suppress(Failure):
                await upload.abort()
            raise

    def _spans(self, size: int) -> list[ByteRange]:
        starts = range(0, size, self.part_bytes)
        return [ByteRange(start, min(start + self.part_bytes, size)) for start in starts]

    async def _kept(self, original: Original, voice: Voice) -> dict[str, str]:
        """Return the headers that give a new body all that the object has, its tags too."""
        name, head = original.name, original.head
        tags = await tags_of(self.patient, name, head, voice, Receipt())
        return {**kept_by_rewrite(head), **tags}
