"""What a move asks of the origin, asked; of what was changed no worker is left in ignorance."""

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import Final

from gateway.core.writing import may_have_changed
from gateway.filesystem.move_objects import Undeleted
from gateway.flash.store import Flash
from gateway.model.failures import NotFound, OriginRefused, OriginUnreachable, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.listings import (
    LISTING_BYTES_MAX,
    PAGE_KEYS_MAX,
    ListedObject,
    ListedPage,
    listing_query,
    read_listing,
)
from gateway.protocol.s3.requests import DeleteEntry, copy_source_header, delete_objects_xml
from gateway.protocol.s3.responses import is_error

_OK: Final = 200
_NOT_FOUND: Final = 404
_CHANGED: Final = 412
_MULTIPLE: Final = 300
_ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_PLAIN: Final = {"Accept-Encoding": "identity"}


@dataclass(slots=True)
class OriginObjects:
    """Objects of one origin; `patient` asks again where that is safe."""

    patient: Origin
    flash: Flash
    judges_conditions: bool
    """Whether the origin leaves an object whose ETag is not the one that a deletion names."""

    async def page(
        self, place: ObjectName, token: str | None, voice: Voice
    ) -> tuple[ListedPage, str]:
        """As `MoveObjects`."""
        is_prefix = place.key.endswith("/") or not place.key
        count_max = PAGE_KEYS_MAX if is_prefix else 1
        query = listing_query(prefix=place.key, token=token, count_max=count_max)
        answer = await self._ask("GET", ObjectName(place.bucket, ""), voice, query, _PLAIN)
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
        headers = {
            "x-amz-copy-source": copy_source_header(source, None),
            "x-amz-copy-source-if-match": version.etag,
        }
        if version.storage_class != "STANDARD":
            headers["x-amz-storage-class"] = version.storage_class
        body = await self._change("PUT", target, voice, "", headers)
        root = find_document(body)
        etag = root.findtext("ETag") if root is not None else None
        if is_error(body) or not etag:
            raise OriginUnreachable(f"the origin did not say what became of the copy of {source}")
        return etag

    async def delete(
        self, bucket: str, versions: Sequence[tuple[str, str]], voice: Voice
    ) -> list[Undeleted]:
        """As `MoveObjects`."""
        if not versions:
            return []
        entries = [
            DeleteEntry(key, None, (("ETag", etag),) if self.judges_conditions else ())
            for key, etag in versions
        ]
        body = delete_objects_xml(entries, quiet=True)
        digest = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
        request = OriginRequest(
            "POST",
            bucket,
            "",
            "delete=",
            {"Content-MD5": digest, "Content-Type": "application/xml"},
            body,
            len(body),
            sha256(body).hexdigest(),
            voice=voice,
        )
        try:
            answer = await self.patient.ask(request)
            told = await answer.read(_ANSWER_BYTES_MAX)
        finally:
            for key, _ in versions:
                await self.flash.forgotten(ObjectName(bucket, key))
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, told)
        return _undeleted(told)

    async def find(self, name: ObjectName, voice: Voice) -> Mapping[str, str] | None:
        """As `MoveObjects`."""
        headers = {**_PLAIN, "x-amz-checksum-mode": "ENABLED"}
        answer = await self._ask("HEAD", name, voice, "", headers)
        answer.close()
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        return answer.headers

    async def pieces(self, name: ObjectName, etag: str, voice: Voice) -> AsyncGenerator[bytes]:
        """As `MoveObjects`."""
        answer = await self._ask("GET", name, voice, "", {**_PLAIN, "If-Match": etag})
        try:
            if answer.status != _OK:
                raise _refusal(answer.status, answer, b"")
            async for piece in answer.pieces():
                yield piece
        finally:
            answer.close()

    async def forget(self, name: ObjectName) -> None:
        """As `MoveObjects`."""
        await self.flash.forgotten(name)

    async def put_marker(self, name: ObjectName, headers: Mapping[str, str], voice: Voice) -> None:
        """As `MoveObjects`."""
        await self._change("PUT", name, voice, "", headers)

    async def _ask(
        self, method: str, name: ObjectName, voice: Voice, query: str, headers: Mapping[str, str]
    ) -> OriginAnswer:
        raw_key = encode_key(name.key) if name.key else ""
        return await self.patient.ask(
            OriginRequest(method, name.bucket, raw_key, query, headers, voice=voice)
        )

    async def _change(
        self, method: str, name: ObjectName, voice: Voice, query: str, headers: Mapping[str, str]
    ) -> bytes:
        status = _MULTIPLE - 1
        try:
            answer = await self._ask(method, name, voice, query, headers)
            status = answer.status
            body = await answer.read(_ANSWER_BYTES_MAX)
        finally:
            if may_have_changed(status):
                await self.flash.forgotten(name)
        if answer.status >= _MULTIPLE:
            raise _refusal(answer.status, answer, body)
        return body


def _refusal(status: int, answer: OriginAnswer, body: bytes) -> Exception:
    if status == _CHANGED:
        return VersionChanged()
    if status == _NOT_FOUND:
        return NotFound()
    return OriginRefused(status, answer.headers, body)


def _undeleted(body: bytes) -> list[Undeleted]:
    root = find_document(body)
    if root is None or root.tag != "DeleteResult":
        raise OriginUnreachable("The origin's answer to DeleteObjects cannot be read.")
    return [
        Undeleted(
            error.findtext("Key") or "",
            error.findtext("Code") or "InternalError",
            error.findtext("Message") or "",
        )
        for error in root.iter("Error")
    ]
