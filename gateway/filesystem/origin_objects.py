"""What a move asks of the origin, asked; of what was changed no worker is left in ignorance."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.bodies import BytesBody
from gateway.core.changing import COPY_BYTES_MAX, Changing, CopySource
from gateway.core.deleting import ask_deletion
from gateway.core.latest import tags_of
from gateway.core.preserving import kept_by_copy, kept_by_rewrite
from gateway.core.receipt import Receipt
from gateway.filesystem.move_objects import Undeleted
from gateway.model.failures import (
    Failure,
    NotFound,
    OriginRefused,
    PreconditionFailed,
    VersionChanged,
)
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.listings import (
    LISTING_BYTES_MAX,
    PAGE_KEYS_MAX,
    ListedObject,
    ListedPage,
    listing_query,
    read_listing,
)
from gateway.protocol.s3.requests import DeleteEntry, DeleteRequest
from gateway.protocol.s3.responses import read_delete_errors

_OK: Final = 200
_BAD: Final = 400
_NOT_FOUND: Final = 404
_CHANGED: Final = 412
_PART_BYTES: Final = 1024**3
"""Of a body that one CopyObject does not take: 5 TiB are 5,120 parts."""
_PLAIN: Final = {"Accept-Encoding": "identity"}


@dataclass(slots=True)
class OriginObjects:
    """Objects of one origin; `patient` asks again where that is safe."""

    changing: Changing
    patient: Origin
    copy_bytes_max: int = COPY_BYTES_MAX
    part_bytes: int = _PART_BYTES

    async def page(
        self, place: ObjectName, token: str | None, voice: Voice
    ) -> tuple[ListedPage, str]:
        """As `MoveObjects`."""
        is_prefix = place.key.endswith("/") or not place.key
        count_max = PAGE_KEYS_MAX if is_prefix else 1
        query = listing_query(prefix=place.key, token=token, count_max=count_max)
        answer = await self._ask("GET", ObjectName(place.bucket, ""), voice, query)
        body = await answer.read(LISTING_BYTES_MAX + 1)
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, body)
        page, date = read_listing(body), answer.headers.get("Date", "")
        if is_prefix:
            return page, date
        # The key itself comes before all that it is a prefix of.
        return ListedPage(tuple(one for one in page.objects if one.key == place.key), None), date

    async def copy(
        self, source: ObjectName, version: ListedObject, target: ObjectName, voice: Voice
    ) -> str:
        """As `MoveObjects`."""
        head = await self.find(source, voice)
        if head is None:
            raise NotFound(f"{source} is not there any more")
        try:
            if version.size > self.copy_bytes_max:
                return await self._copy_in_parts(source, version, target, head, voice)
            made = await self.changing.copy(
                CopySource(source, version.etag), target, kept_by_copy(head), voice, Receipt()
            )
        except PreconditionFailed:
            raise VersionChanged(f"{source} was written to meanwhile") from None
        except OriginRefused as refused:
            if refused.status == _NOT_FOUND:
                raise NotFound(f"{source} is not there any more") from None
            if refused.status == _BAD and target.key.endswith("/") and not version.size:
                return await self._put_anew(source, version, target, head, voice)
            raise
        return made.etag

    async def delete(
        self, bucket: str, versions: Sequence[tuple[str, str]], voice: Voice
    ) -> list[Undeleted]:
        """As `MoveObjects`."""
        if not versions:
            return []
        is_judged = self.changing.judges_conditions
        entries = [
            DeleteEntry(key, None, (("ETag", etag),) if is_judged else ()) for key, etag in versions
        ]
        writing = self.changing.writing
        wanted = DeleteRequest(entries, quiet=True)
        said = await ask_deletion(writing.origin, writing.flash, bucket, wanted, voice)
        if not said.is_done:
            raise said.failure()
        errors = read_delete_errors(said.body)
        return [Undeleted(error.key, error.code, error.message) for error in errors]

    async def find(self, name: ObjectName, voice: Voice) -> Mapping[str, str] | None:
        """As `MoveObjects`."""
        answer = await self._ask("HEAD", name, voice, "", {"x-amz-checksum-mode": "ENABLED"})
        answer.close()
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        return answer.headers

    async def pieces(self, name: ObjectName, etag: str, voice: Voice) -> AsyncGenerator[bytes]:
        """As `MoveObjects`."""
        answer = await self._ask("GET", name, voice, "", {"If-Match": etag})
        try:
            if answer.status == _NOT_FOUND:
                raise NotFound(f"{name} is not there any more")
            if answer.status == _CHANGED:
                raise VersionChanged(f"{name} was written to meanwhile")
            if answer.status != _OK:
                raise OriginRefused(answer.status, answer.headers, b"")
            async for piece in answer.pieces():
                yield piece
        finally:
            answer.close()

    async def forget(self, name: ObjectName) -> None:
        """As `MoveObjects`."""
        await self.changing.writing.flash.forgotten(name)

    async def put_marker(self, name: ObjectName, headers: Mapping[str, str], voice: Voice) -> None:
        """As `MoveObjects`."""
        await self.changing.put(name, BytesBody(b""), headers, voice, Receipt())

    async def _put_anew(
        self,
        source: ObjectName,
        version: ListedObject,
        target: ObjectName,
        head: Mapping[str, str],
        voice: Voice,
    ) -> str:
        """Write a directory's marker as it is, which versitygw does not copy (400)."""
        if head.get("ETag") != version.etag:
            raise VersionChanged(f"{source} was written to meanwhile")
        headers = await self._kept(source, head, voice)
        made = await self.changing.put(target, BytesBody(b""), headers, voice, Receipt())
        return made.etag

    async def _copy_in_parts(
        self,
        source: ObjectName,
        version: ListedObject,
        target: ObjectName,
        head: Mapping[str, str],
        voice: Voice,
    ) -> str:
        """Copy what is larger than one copy may be; nothing of it is seen before the end."""
        headers = await self._kept(source, head, voice)
        upload = await self.changing.begin(target, headers, voice, Receipt(), has_copies=True)
        try:
            parts = [
                await upload.copy(number, source, span, version.etag, None)
                for number, span in enumerate(self._spans(version.size), 1)
            ]
            return (await upload.complete(parts)).etag
        except BaseException:
            with contextlib.suppress(Failure):
                await upload.abort()
            raise

    def _spans(self, size: int) -> list[ByteRange]:
        starts = range(0, size, self.part_bytes)
        return [ByteRange(start, min(start + self.part_bytes, size)) for start in starts]

    async def _kept(
        self, name: ObjectName, head: Mapping[str, str], voice: Voice
    ) -> dict[str, str]:
        """Return the headers that give a new body all that the object has, its tags too."""
        return {
            **kept_by_rewrite(head),
            **await tags_of(self.patient, name, head, voice, Receipt()),
        }

    async def _ask(
        self,
        method: str,
        name: ObjectName,
        voice: Voice,
        query: str,
        headers: Mapping[str, str] | None = None,
    ) -> OriginAnswer:
        raw_key = encode_key(name.key) if name.key else ""
        asked = {**_PLAIN, **(headers or {})}
        return await self.patient.ask(
            OriginRequest(method, name.bucket, raw_key, query, asked, voice=voice)
        )
