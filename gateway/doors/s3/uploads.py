"""PutObject, UploadPart, their copies, and CompleteMultipartUpload with its retries."""

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.authorization import Authorization
from gateway.core.writing import Write, Writing
from gateway.doors.exchange import Exchange
from gateway.doors.s3.passthrough import Passthrough
from gateway.doors.s3.refusals import is_absence
from gateway.doors.s3.request_bodies import RequestBody
from gateway.model.failures import AccessDenied, NotSupported, OriginRefused
from gateway.origin.interface import UNSIGNED_PAYLOAD, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import Target, encode_key
from gateway.protocol.s3.completion import complete_result, multipart_etag, part_etags
from gateway.protocol.s3.headers import request_headers_onward
from gateway.protocol.s3.onward_query import onward_query
from gateway.protocol.s3.requests import copy_source, copy_source_header
from gateway.protocol.s3.responses import find_error

_ERROR_BYTES_MAX = 64 * 1024
_OK, _NOT_FOUND = 200, 404
_SHA256_DIGITS = 64


class UploadDoor:
    """Everything that makes an object."""

    def __init__(
        self, writing: Writing, passthrough: Passthrough, authorization: Authorization
    ) -> None:
        """Write through `writing`; copies have no body and are passed through."""
        self._writing = writing
        self._passthrough = passthrough
        self._authorization = authorization

    async def put(self, exchange: Exchange) -> web.StreamResponse:
        """Answer PutObject and UploadPart."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        declared = head.headers.get("x-amz-content-sha256", "")
        exchange.receipt.origin_requests += 1
        answer = await self._writing.put(
            Write(
                OriginRequest(
                    "PUT",
                    target.bucket,
                    target.raw_key,
                    onward_query(head.query),
                    CIMultiDict(request_headers_onward(head.headers)),
                    # A hash that the client signed is checked by the origin once more.
                    payload_hash=declared if len(declared) == _SHA256_DIGITS else UNSIGNED_PAYLOAD,
                ),
                target.name,
                RequestBody(exchange),
                is_whole_object="uploadId" not in head.query_names(),
            )
        )
        return await self._passthrough.relay(exchange, answer)

    async def copy(self, exchange: Exchange) -> web.StreamResponse:
        """Answer CopyObject and UploadPartCopy: the right to the source is judged as well."""
        name, version_id = copy_source(exchange.head.headers["x-amz-copy-source"])
        action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
        assert exchange.principal is not None  # noqa: S101 - identified by the pipeline
        source = Target(name.bucket, name.key, encode_key(name.key))
        context = exchange.context.elsewhere(version_id)
        self._authorization.require(exchange.principal, action, source, context)
        # The origin is told the source that was judged, in one spelling: a server that reads the
        # client's '+' or '%' otherwise would copy an object that nobody authorised.
        exact = {"x-amz-copy-source": copy_source_header(name, version_id)}
        body = await self._passthrough.whole_body(exchange)
        answer = await self._passthrough.ask(exchange, body, exact)
        try:
            return await self._passthrough.relay(exchange, answer)
        except OriginRefused as refused:
            # Whether the source is there may be told to who may list its bucket.
            if is_absence(refused) and not self._authorization.may_list(
                exchange.principal, source, exchange.context
            ):
                raise AccessDenied("Access Denied") from refused
            raise

    async def post_form(self, exchange: Exchange) -> web.StreamResponse:
        """Refuse a PostObject that is signed as other requests are: a form is in its fields."""
        bucket = exchange.target.bucket if exchange.target is not None else ""
        raise NotSupported(
            f"A POST to {bucket} is a form upload, which is signed in its fields: send no "
            "Authorization, or use PUT"
        )

    async def complete(self, exchange: Exchange) -> web.StreamResponse:
        """Answer CompleteMultipartUpload; a retry after success gets the same answer."""
        body = await self._passthrough.whole_body(exchange)
        answer = await self._passthrough.ask(exchange, body)
        if answer.status != _NOT_FOUND:
            return await self._passthrough.relay(exchange, answer)
        refusal = await answer.read(_ERROR_BYTES_MAX)
        repeated, error = None, find_error(refusal)
        if error is not None and error.code == "NoSuchUpload":
            repeated = await self._answer_again(exchange, body)
        if repeated is None:
            headers = {"Content-Type": answer.headers.get("Content-Type", "application/xml")}
            exchange.error_code = error.code if error is not None else ""
            return await exchange.send_whole(answer.status, headers, refusal)
        return repeated

    async def _answer_again(self, exchange: Exchange, body: bytes) -> web.StreamResponse | None:
        """Return the success that the client missed, if the object is what its parts make.

        The ETag of a multipart object is the MD5 of its parts' MD5s and their number; the object
        there now has exactly these parts, so the upload was completed, by this worker or another.
        """
        target = exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        expected = multipart_etag(part_etags(body))
        if expected is None:
            return None
        there: OriginAnswer = await self._writing.origin.ask(
            OriginRequest("HEAD", target.bucket, target.raw_key)
        )
        there.close()
        if there.status != _OK or there.headers.get("ETag", "").strip('"') != expected:
            return None
        headers = {"Content-Type": "application/xml"}
        version_id = there.headers.get("x-amz-version-id")
        if version_id is not None:
            headers["x-amz-version-id"] = version_id
        scheme = "https" if exchange.head.secure else "http"
        location = f"{scheme}://{exchange.head.host}{exchange.head.path}"
        result = complete_result(target.name, f'"{expected}"', location)
        return await exchange.send_whole(_OK, headers, result)
