"""What a move asks of the origin, asked; of what was changed no worker is left in ignorance."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.core.bodies import BytesBody
from gateway.core.changing import Changing
from gateway.core.deleting import ask_deletion
from gateway.core.receipt import Receipt
from gateway.core.said import ANYTHING, Condition
from gateway.filesystem.move_objects import Undeleted
from gateway.filesystem.proving import is_copy
from gateway.filesystem.remaking import Original, Remaking
from gateway.model.failures import (
    FileConflict,
    NotFound,
    OriginRefused,
    PreconditionFailed,
    VersionChanged,
)
from gateway.model.names import ObjectName
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
_NOT_FOUND: Final = 404
_CHANGED: Final = 412
_PLAIN: Final = {"Accept-Encoding": "identity"}


@dataclass(slots=True)
class OriginObjects:
    """Objects of one origin; `patient` asks again where that is safe."""

    changing: Changing
    patient: Origin
    remaking: Remaking = field(init=False)

    def __post_init__(self) -> None:
        """Make copies by what is here."""
        self.remaking = Remaking(self.changing, self.patient, self.pieces)

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
        self,
        source: ObjectName,
        version: ListedObject,
        target: ObjectName,
        voice: Voice,
        condition: Condition = ANYTHING,
    ) -> str:
        """As `MoveObjects`."""
        head = await self.find(source, voice)
        if head is None:
            raise NotFound(f"{source} is not there any more")
        original = Original(source, version, head)
        try:
            return await self.remaking.make(original, target, voice, condition)
        except PreconditionFailed:
            return await self._made_before(source, target, voice, condition)
        except OriginRefused as refused:
            if refused.status == _NOT_FOUND:
                raise NotFound(f"{source} is not there any more") from None
            raise

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

    async def _made_before(
        self, source: ObjectName, target: ObjectName, voice: Voice, condition: Condition
    ) -> str:
        """Return the ETag of a copy whose answer was lost; else raise which condition failed."""
        there = await self.find(target, voice) if condition != ANYTHING else None
        if there is None or there.get("ETag") == condition.etag:
            raise VersionChanged(f"{source} was written to meanwhile")
        if await is_copy(self, source, target, voice):
            return there.get("ETag", "")
        raise FileConflict(f"{target.key} was written to meanwhile", code="FileExists")

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
