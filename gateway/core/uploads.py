"""Multipart uploads that Forebay makes itself: begun, filled, and completed or aborted.

Nothing of one is seen before its end. What may be said twice is said again where the answer is
lost: a part replaces itself, and an upload that is completed already shows by the ETag of the
object, which its parts make.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from multidict import CIMultiDictProxy

from gateway.core.bodies import Body, OwnBody, md5_of
from gateway.core.receipt import Receipt
from gateway.core.said import ANYTHING, Condition, Said, say, whole
from gateway.core.writing import Write, Writing
from gateway.model.failures import (
    Failure,
    OriginRefused,
    OriginUnreachable,
    PreconditionFailed,
)
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginRequest
from gateway.origin.patience import backoff_seconds
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.checksums import base64_of
from gateway.protocol.s3.combining import combined
from gateway.protocol.s3.completion import multipart_etag
from gateway.protocol.s3.multipart import (
    CHECKSUM,
    Part,
    complete_document,
    read_copy_result,
    read_upload_id,
)
from gateway.protocol.s3.requests import copy_source_header
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD
from gateway.telemetry import metrics

ATTEMPTS_MAX: Final = 4
_OK: Final = 200
_NOT_FOUND: Final = 404
_NO_SUCH_RANGE: Final = frozenset({400, 416})
_FULL_OBJECT: Final = "FULL_OBJECT"
_ALGORITHM: Final = "CRC32C"
_WITH_CHECKSUMS: Final = {
    "x-amz-checksum-algorithm": _ALGORITHM,
    "x-amz-checksum-type": _FULL_OBJECT,
}
"""Not where parts are copied: MinIO refuses such parts (a copy brings the source's checksum, or
none), and versitygw takes them and stores a checksum that is not the body's."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a change left at its key."""

    etag: str
    """With its quotes; '' where the origin did not tell it."""
    version_id: str | None
    last_modified: str = ""
    """As listings show it, where a copy's answer tells it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One that is under way."""

    writing: Writing
    name: ObjectName
    id: str
    voice: Voice
    receipt: Receipt
    has_checksums: bool = False
    """Whether the origin keeps a CRC32C of the whole."""
    judges_conditions: bool = True

    async def put(self, number: int, body: Body) -> Part:
        """Send a part; raises OriginRefused, OriginUnreachable, and Overloaded for its spool."""
        checksum = body.checksum
        headers = {CHECKSUM: checksum}
        if not self.has_checksums:
            headers["Content-MD5"] = base64_of(await md5_of(body))
        request = self._request("PUT", f"partNumber={number}&{self._query}", headers)

        async def act() -> Said:
            write = Write(request, self.name, OwnBody(body), is_whole_object=False)
            return await whole(await self.writing.put(write))

        said = await self._repeated(act)
        etag = said.headers.get("ETag", "")
        return Part(number, etag, body.length, checksum if self.has_checksums else "")

    async def copy(
        self, number: int, source: ObjectName, wanted: ByteRange, etag: str, version: str | None
    ) -> Part:
        """Have a range of the version `etag` of another object copied as a part.

        Raises PreconditionFailed where that version is gone, OriginRefused, OriginUnreachable.
        """
        headers = {
            "x-amz-copy-source": copy_source_header(source, version),
            "x-amz-copy-source-if-match": etag,
            "x-amz-copy-source-range": wanted.header(),
        }
        query = f"partNumber={number}&{self._query}"
        request = self._request("PUT", query, headers, may_be_slow=True)
        try:
            said = await self._repeated(lambda: say(self.writing.origin, request), source_etag=etag)
        except OriginRefused as refused:
            if refused.status in _NO_SUCH_RANGE and not await self._is_there(source, etag):
                raise PreconditionFailed("x-amz-copy-source-if-match") from None
            raise
        told = read_copy_result(said.body, "CopyPartResult")
        return Part(number, told.etag, wanted.length, told.checksum if self.has_checksums else "")

    async def complete(self, parts: Sequence[Part], condition: Condition = ANYTHING) -> Made:
        """Make the object of these parts, in order, if `condition` holds for its key.

        Raises PreconditionFailed, NotSupported where the origin would ignore the condition,
        OriginRefused, and OriginUnreachable where it is not known whether it was made.
        """
        try:
            return await self._completed(parts, condition)
        finally:
            await self.writing.flash.forgotten(self.name)

    async def abort(self) -> None:
        """Leave nothing of it; harmless where it has ended. Raises as `put` does."""
        request = self._request("DELETE", self._query, {})
        await self._repeated(
            lambda: say(self.writing.origin, request), passed=frozenset({_NOT_FOUND})
        )

    async def _completed(self, parts: Sequence[Part], condition: Condition) -> Made:
        document = complete_document(parts)
        headers = {
            **condition.headers_if(is_judged=self.judges_conditions),
            **self._proof(parts),
            "Content-Type": "application/xml",
        }
        request = self._request("POST", self._query, headers, document, may_be_slow=True)
        is_unsure = False
        attempt = 0
        while True:
            attempt += 1
            self.receipt.origin_requests += 1
            failure: Failure
            try:
                said = await say(self.writing.origin, request)
            except OriginUnreachable as unreachable:
                failure = unreachable
            else:
                if said.is_done:
                    return self._made(said, parts)
                failure = said.failure(condition)
                if not said.is_passing:
                    return await self._made_before(parts, failure, is_unsure=is_unsure)
            is_unsure = True
            if attempt == ATTEMPTS_MAX:
                return await self._made_before(parts, failure, is_unsure=True)
            metrics.origin_retries.inc()
            await asyncio.sleep(backoff_seconds(attempt))

    def _made(self, said: Said, parts: Sequence[Part]) -> Made:
        """Return what was made; RGW tells no ETag, which is then what the parts make."""
        told = read_copy_result(said.body, "CompleteMultipartUploadResult")
        etag = multipart_etag([part.etag for part in parts])
        version_id = said.headers.get("x-amz-version-id")
        return Made(told.etag or (f'"{etag}"' if etag else ""), version_id)

    async def _made_before(
        self, parts: Sequence[Part], failure: Failure, *, is_unsure: bool
    ) -> Made:
        """Return what an earlier try of ours made, whose answer was lost; else raise `failure`."""
        if is_unsure:
            etags = [part.etag for part in parts]
            self.receipt.origin_requests += 1
            headers = await find_completed(self.writing.origin, self.name, etags, self.voice)
            if headers is not None:
                return Made(headers["ETag"], headers.get("x-amz-version-id"))
        raise failure

    async def _is_there(self, source: ObjectName, etag: str) -> bool:
        """Return whether an object is the version still that a range was asked of.

        versitygw looks at the range before the condition, and finds it too long for what came.
        """
        self.receipt.origin_requests += 1
        there = await self.writing.origin.ask(
            OriginRequest("HEAD", source.bucket, encode_key(source.key), voice=self.voice)
        )
        there.close()
        return there.headers.get("ETag") == etag

    def _proof(self, parts: Sequence[Part]) -> dict[str, str]:
        """Return the size of the whole, and its checksum where that of each part is known."""
        headers = {"x-amz-mp-object-size": str(sum(part.size for part in parts))}
        if self.has_checksums:
            headers["x-amz-checksum-type"] = _FULL_OBJECT
            if all(part.checksum for part in parts):
                crcs = [int.from_bytes(b64decode(part.checksum), "big") for part in parts]
                digest = combined(CHECKSUM, crcs, [part.size for part in parts])
                headers[CHECKSUM] = base64_of(digest)
        return headers

    @property
    def _query(self) -> str:
        return f"uploadId={encode(self.id)}"

    def _request(
        self,
        method: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        may_be_slow: bool = False,
    ) -> OriginRequest:
        return OriginRequest(
            method,
            self.name.bucket,
            encode_key(self.name.key),
            query,
            headers,
            body,
            len(body),
            sha256(body).hexdigest() if body or method != "PUT" else UNSIGNED_PAYLOAD,
            may_be_slow=may_be_slow,
            keeps_answer=True,
            voice=self.voice,
        )

    async def _repeated(
        self,
        act: Callable[[], Awaitable[Said]],
        *,
        source_etag: str = "",
        passed: frozenset[int] = frozenset(),
    ) -> Said:
        """Return the answer to what may be said twice; raises what it tells of."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            self.receipt.origin_requests += 1
            is_last = attempt == ATTEMPTS_MAX
            try:
                said = await act()
            except OriginUnreachable:
                if is_last:
                    raise
            else:
                if said.is_done or said.status in passed:
                    return said
                if is_last or not said.is_passing:
                    raise said.failure(source_etag=source_etag)
            metrics.origin_retries.inc()
            await asyncio.sleep(backoff_seconds(attempt))
        raise AssertionError


async def begin_upload(
    writing: Writing,
    name: ObjectName,
    headers: Mapping[str, str],
    voice: Voice,
    receipt: Receipt,
    *,
    has_copies: bool,
) -> Upload:
    """Begin an upload of an object with these headers; raises OriginRefused, OriginUnreachable."""
    asked = {**headers, **({} if has_copies else _WITH_CHECKSUMS)}
    receipt.origin_requests += 1
    said = await say(
        writing.origin,
        OriginRequest(
            "POST",
            name.bucket,
            encode_key(name.key),
            "uploads=",
            asked,
            keeps_answer=True,
            voice=voice,
        ),
    )
    if not said.is_done:
        raise said.failure()
    # Who does not say so keeps no checksum of the whole, whatever was asked.
    has_checksums = (
        not has_copies
        and said.headers.get("x-amz-checksum-algorithm", "").upper() == _ALGORITHM
        and said.headers.get("x-amz-checksum-type", "").upper() == _FULL_OBJECT
    )
    return Upload(writing, name, read_upload_id(said.body), voice, receipt, has_checksums)


async def find_completed(
    origin: Origin, name: ObjectName, etags: Sequence[str], voice: Voice
) -> CIMultiDictProxy[str] | None:
    """Return the headers of the object at `name` if it is what parts with these ETags make.

    The ETag of a multipart object is the MD5 of its parts' MD5s and their number; the object there
    now has exactly these parts, so the upload was completed, by this process or another. None also
    where ETags are no MD5s: then nobody knows. Raises OriginUnreachable.
    """
    expected = multipart_etag(list(etags))
    if expected is None:
        return None
    there = await origin.ask(OriginRequest("HEAD", name.bucket, encode_key(name.key), voice=voice))
    there.close()
    if there.status != _OK or there.headers.get("ETag", "").strip('"') != expected:
        return None
    return there.headers
