"""PutObject, UploadPart, their copies, and CompleteMultipartUpload with its retries."""

from collections.abc import Coroutine, Mapping
from dataclasses import replace

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.authorization import Authorization
from gateway.core.uploads import find_completed
from gateway.core.writing import Write, Writing
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.long_answers import LongAnswers, Outcome
from gateway.doors.s3.passthrough import Passthrough
from gateway.doors.s3.refusals import is_absence
from gateway.doors.s3.request_bodies import RequestBody
from gateway.model.failures import AccessDenied, Failure, NotSupported, OriginRefused
from gateway.origin.interface import OriginRequest
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.addressing import Target, encode_key
from gateway.protocol.s3.completion import (
    check_parts,
    complete_result,
    has_etag,
    multipart_etag,
    part_etags,
    with_etag,
    with_location,
)
from gateway.protocol.s3.headers import request_headers_onward, response_headers_onward
from gateway.protocol.s3.onward_query import onward_query
from gateway.protocol.s3.requests import copy_source, copy_source_header
from gateway.protocol.s3.responses import find_error
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD

_RESULT_BYTES_MAX = 1024 * 1024
_OK, _NOT_FOUND = 200, 404
_SHA256_DIGITS = 64


class UploadDoor:
    """Everything that makes an object."""

    def __init__(
        self,
        writing: Writing,
        passthrough: Passthrough,
        authorization: Authorization,
        long_answers: LongAnswers,
    ) -> None:
        """Write through `writing`; copies have no body and are passed through."""
        self._long_answers = long_answers
        self._writing = writing
        self._passthrough = passthrough
        self._authorization = authorization

    async def put(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer PutObject and UploadPart."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        declared = head.headers.get("x-amz-content-sha256", "")
        headers = CIMultiDict(request_headers_onward(head.headers))
        headers.update(exchange.stamp)
        exchange.receipt.origin_requests += 1
        answer = await self._writing.put(
            Write(
                OriginRequest(
                    "PUT",
                    target.bucket,
                    target.raw_key,
                    onward_query(head.query),
                    headers,
                    # A hash that the client signed is checked by the origin once more.
                    payload_hash=declared if len(declared) == _SHA256_DIGITS else UNSIGNED_PAYLOAD,
                    voice=exchange.voice,
                ),
                target.name,
                RequestBody(exchange),
                is_whole_object="uploadId" not in head.query_names(),
            )
        )
        return await self._passthrough.relay(exchange, answer)

    async def copy(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer CopyObject and UploadPartCopy: the right to the source is judged as well."""
        name, version_id = copy_source(exchange.head.headers["x-amz-copy-source"])
        action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
        assert exchange.principal is not None  # noqa: S101 - identified by the pipeline
        source = Target(name.bucket, name.key, encode_key(name.key))
        context = exchange.context.elsewhere(version_id)
        self._authorization.require(exchange.principal, action, source, context, exchange)
        # The origin is told the source that was judged, in one spelling: a server that reads the
        # client's '+' or '%' otherwise would copy an object that nobody authorised.
        exact = {"x-amz-copy-source": copy_source_header(name, version_id)}
        body = await self._passthrough.whole_body(exchange)

        async def work() -> Outcome:
            outcome = await self._carried_out(exchange, body, exact)
            if outcome.status == _NOT_FOUND:
                raise self._as_may_be_told(exchange, outcome, source)
            return outcome

        return await self._long_answer(exchange, work())

    def _as_may_be_told(self, exchange: S3Exchange, outcome: Outcome, source: Target) -> Failure:
        """Return the failure of a 404: that the source is absent is told to who may list it."""
        refused = OriginRefused(outcome.status, outcome.headers, outcome.body)
        assert exchange.principal is not None  # noqa: S101 - identified by the pipeline
        if is_absence(refused) and not self._authorization.may_list(
            exchange.principal, source, exchange.context
        ):
            return AccessDenied("Access Denied")
        return refused

    async def post_form(self, exchange: S3Exchange) -> web.StreamResponse:
        """Refuse a PostObject that is signed as other requests are: a form is in its fields."""
        bucket = exchange.target.bucket if exchange.target is not None else ""
        raise NotSupported(
            f"A POST to {bucket} is a form upload, which is signed in its fields: send no "
            "Authorization, or use PUT"
        )

    async def complete(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer CompleteMultipartUpload; a retry after success gets the same answer."""
        body = await self._passthrough.whole_body(exchange)
        check_parts(body)
        return await self._long_answer(exchange, self._completed(exchange, body))

    async def _completed(self, exchange: S3Exchange, body: bytes) -> Outcome:
        """Complete an upload, or find it completed by a request before this one."""
        outcome = await self._carried_out(exchange, body)
        error = find_error(outcome.body)
        if error is None and outcome.status == _OK:
            outcome = await self._with_etag(exchange, body, outcome)
            return replace(outcome, body=with_location(outcome.body, _location(exchange)))
        if outcome.status == _NOT_FOUND and error is not None and error.code == "NoSuchUpload":
            return await self._answer_again(exchange, body) or outcome
        return outcome

    async def _carried_out(
        self, exchange: S3Exchange, body: bytes, more_headers: Mapping[str, str] | None = None
    ) -> Outcome:
        """Return the origin's whole answer to what may take minutes."""
        target = exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        answer = await self._passthrough.ask(exchange, body, more_headers)
        try:
            result = await answer.read(_RESULT_BYTES_MAX)
        finally:
            # The origin too may say 200 before it has done it: rows made meanwhile are of before.
            await self._passthrough.forget(target.name)
        headers = CIMultiDict(response_headers_onward(answer.headers))
        headers.popall("Content-Length", None)
        return Outcome(answer.status, headers, result)

    async def _long_answer(
        self, exchange: S3Exchange, work: Coroutine[None, None, Outcome]
    ) -> web.StreamResponse:
        principal, target = exchange.principal, exchange.target
        assert principal is not None  # noqa: S101 - identified by the pipeline
        assert target is not None  # noqa: S101 - located by the pipeline
        may_list = self._authorization.may_list(principal, target, exchange.context)
        return await self._long_answers.answer(exchange, work, may_list=may_list)

    async def _with_etag(self, exchange: S3Exchange, body: bytes, outcome: Outcome) -> Outcome:
        """Return the outcome with the object's ETag where the origin left it out (RGW does).

        It is what the parts make: the object that a HEAD finds may be another's by now, unless the
        version's id says which one is meant.
        """
        if has_etag(outcome.body):
            return outcome
        target = exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        version_id = outcome.headers.get("x-amz-version-id")
        etag = multipart_etag(part_etags(body)) if version_id is None else None
        if etag is None:
            query = f"versionId={encode(version_id)}" if version_id else ""
            exchange.receipt.origin_requests += 1
            there = await self._writing.origin.ask(
                OriginRequest("HEAD", target.bucket, target.raw_key, query, voice=exchange.voice)
            )
            there.close()
            etag = there.headers.get("ETag", "").strip('"') if there.status == _OK else ""
        return replace(outcome, body=with_etag(outcome.body, f'"{etag}"')) if etag else outcome

    async def _answer_again(self, exchange: S3Exchange, body: bytes) -> Outcome | None:
        """Return the success that the client missed, if the object is what its parts make."""
        target = exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        there = await find_completed(
            self._writing.origin, target.name, part_etags(body), exchange.voice
        )
        if there is None:
            return None
        headers = CIMultiDict({"Content-Type": "application/xml"})
        version_id = there.get("x-amz-version-id")
        if version_id is not None:
            headers["x-amz-version-id"] = version_id
        result = complete_result(target.name, there["ETag"], _location(exchange))
        return Outcome(_OK, headers, result)


def _location(exchange: S3Exchange) -> str:
    """Return where the client, and who comes as it does, finds the object."""
    scheme = "https" if exchange.head.secure else "http"
    return f"{scheme}://{exchange.head.host}{exchange.head.path}"
