"""Changes that Forebay makes itself at the origin, for doors that are not S3's.

Each is one S3 operation in the voice of who asked for it. Before it returns, and also where nobody
knows its outcome, no worker serves the name unasked from what was there before. Bodies carry a
CRC32C, and an MD5 where the origin keeps no checksums, so that what arrives is what was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.core.bodies import Body, OwnBody, md5_of
from gateway.core.deleting import ask_deletion
from gateway.core.receipt import Receipt
from gateway.core.said import ANYTHING, Condition, say, whole
from gateway.core.uploads import Made, Upload, begin_upload
from gateway.core.writing import Write, Writing
from gateway.model.failures import BodyMismatch, PreconditionFailed
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.checksums import base64_of
from gateway.protocol.s3.multipart import CHECKSUM, read_copy_result
from gateway.protocol.s3.requests import (
    KEYS_MAX,
    DeleteEntry,
    DeleteRequest,
    copy_source_header,
)
from gateway.protocol.s3.responses import DeleteError, read_delete_errors
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD

COPY_BYTES_MAX: Final = 5 * 1024**3
"""CopyObject takes no more; beyond it parts are copied."""
_MD5_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class CopySource:
    """The version that is copied."""

    name: ObjectName
    etag: str
    """Where it is not that any more, nothing is copied."""
    version_id: str | None = None


@dataclass(slots=True)
class Changing:
    """Changes objects; every failure of the origin's comes as a Failure."""

    writing: Writing
    judges_conditions: bool = True
    """Whether the origin judges conditions on writes (`origin.conditional_writes`)."""
    _wants_md5: bool = field(default=False, init=False)
    """Whether the origin was seen to keep no checksums."""

    async def put(
        self,
        name: ObjectName,
        body: Body,
        headers: Mapping[str, str],
        voice: Voice,
        receipt: Receipt,
        *,
        condition: Condition = ANYTHING,
    ) -> Made:
        """Write an object if `condition` holds for its key.

        Raises PreconditionFailed, NotSupported where the origin would ignore the condition,
        BodyMismatch, OriginRefused, and OriginUnreachable, after which nobody knows.
        """
        checksum = body.checksum
        asked = {**headers, **self._condition(condition), CHECKSUM: checksum}
        if self._wants_md5:
            asked["Content-MD5"] = base64_of(await md5_of(body))
        request = _request("PUT", name, voice, asked, payload_hash=UNSIGNED_PAYLOAD)
        receipt.origin_requests += 1
        answer = await self.writing.put(Write(request, name, OwnBody(body), is_whole_object=True))
        said = await whole(answer)
        if not said.is_done:
            failure = said.failure(condition)
            if isinstance(failure, PreconditionFailed):  # who asked may have it from a row of ours
                await self.writing.flash.forgotten(name)
            raise failure
        etag = said.headers.get("ETag", "")
        if said.headers.get(CHECKSUM) != checksum and not self._wants_md5:
            self._wants_md5 = True
            await _check_md5(name, body, etag)
        return Made(etag, said.headers.get("x-amz-version-id"))

    async def copy(
        self,
        source: CopySource,
        target: ObjectName,
        headers: Mapping[str, str],
        voice: Voice,
        receipt: Receipt,
        *,
        condition: Condition = ANYTHING,
    ) -> Made:
        """Copy a version of up to COPY_BYTES_MAX to a key for which `condition` holds.

        `headers` say what is not to be as at the source (`core/preserving`). Raises
        PreconditionFailed also where that version is gone, NotSupported, OriginRefused, and
        OriginUnreachable, after which nobody knows.
        """
        asked = {
            **headers,
            **self._condition(condition),
            "x-amz-copy-source": copy_source_header(source.name, source.version_id),
            "x-amz-copy-source-if-match": source.etag,
        }
        request = _request("PUT", target, voice, asked, may_be_slow=True)
        receipt.origin_requests += 1
        try:
            said = await say(self.writing.origin, request)
        finally:
            # The origin may say 200 before it has done it: rows made meanwhile are of before.
            await self.writing.flash.forgotten(target)
        if not said.is_done:
            raise said.failure(condition, source.etag)
        told = read_copy_result(said.body, "CopyObjectResult")
        return Made(told.etag, said.headers.get("x-amz-version-id"), told.last_modified)

    async def delete(
        self,
        name: ObjectName,
        voice: Voice,
        receipt: Receipt,
        *,
        condition: Condition = ANYTHING,
    ) -> None:
        """Delete an object for which `condition` holds; what is not there is deleted already.

        Raises PreconditionFailed, NotSupported, OriginRefused, and OriginUnreachable, after which
        nobody knows.
        """
        request = _request("DELETE", name, voice, self._condition(condition))
        receipt.origin_requests += 1
        try:
            said = await say(self.writing.origin, request)
        finally:
            await self.writing.flash.forgotten(name)
        if not said.is_done:
            raise said.failure(condition)

    async def delete_many(
        self, bucket: str, keys: Sequence[str], voice: Voice, receipt: Receipt
    ) -> list[DeleteError]:
        """Delete up to 1,000 objects; return what the origin did not delete, and why.

        Raises OriginRefused, and OriginUnreachable, after which nobody knows.
        """
        if len(keys) > KEYS_MAX:
            raise ValueError(f"{len(keys)} keys are more than one request takes")
        entries = [DeleteEntry(key, None) for key in keys]
        receipt.origin_requests += 1
        wanted = DeleteRequest(entries, quiet=True)
        said = await ask_deletion(self.writing.origin, self.writing.flash, bucket, wanted, voice)
        if not said.is_done:
            raise said.failure()
        return read_delete_errors(said.body)

    async def begin(
        self,
        name: ObjectName,
        headers: Mapping[str, str],
        voice: Voice,
        receipt: Receipt,
        *,
        has_copies: bool = False,
    ) -> Upload:
        """Begin a multipart upload, also of copied parts; raises OriginRefused, OriginUnreachable.

        Without copies the object gets a checksum of the whole, where the origin keeps them.
        """
        upload = await begin_upload(
            self.writing, name, headers, voice, receipt, has_copies=has_copies
        )
        return replace(upload, judges_conditions=self.judges_conditions)

    def _condition(self, condition: Condition) -> dict[str, str]:
        return condition.headers_if(is_judged=self.judges_conditions)


async def _check_md5(name: ObjectName, body: Body, etag: str) -> None:
    """Compare an ETag that is an MD5 with the body's, for want of another proof."""
    told = etag.strip('"')
    if len(told) == _MD5_DIGITS and told != (await md5_of(body)).hex():
        raise BodyMismatch(f"What the origin has of {name} is not what was sent.")


def _request(
    method: str,
    name: ObjectName,
    voice: Voice,
    headers: Mapping[str, str],
    *,
    may_be_slow: bool = False,
    payload_hash: str | None = None,
) -> OriginRequest:
    request = OriginRequest(
        method,
        name.bucket,
        encode_key(name.key),
        headers=headers,
        may_be_slow=may_be_slow,
        keeps_answer=True,
        voice=voice,
    )
    return request if payload_hash is None else replace(request, payload_hash=payload_hash)
