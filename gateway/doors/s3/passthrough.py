"""What Forebay does not model: authenticated, authorised, re-signed, streamed, unchanged."""

import re
from collections.abc import Mapping
from contextlib import aclosing
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.writing import may_have_changed
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.request_bodies import RequestBody
from gateway.model.failures import AccessDenied, InvalidRequest, OriginRefused, OriginUnreachable
from gateway.model.names import ObjectName
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.http.conditions import find_single_etag
from gateway.protocol.s3.headers import request_headers_onward, response_headers_onward
from gateway.protocol.s3.onward_query import onward_query
from gateway.protocol.s3.signing import EMPTY_SHA256
from gateway.telemetry import metrics

if TYPE_CHECKING:
    from gateway.flash.store import Flash

SMALL_BODY_BYTES_MAX = 2 * 1024 * 1024
"""Policies, lifecycles, part lists (10,000 parts are about 1.2 MB): all that is not an object."""

_ERROR_BYTES_MAX = 64 * 1024
_NO_CONTENT, _NOT_MODIFIED, _NOT_FOUND = 204, 304, 404
_SHOWN = frozenset({200, 206})
_SLOW = frozenset(
    {"CompleteMultipartUpload", "CopyObject", "UploadPartCopy", "SelectObjectContent"}
)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Passthrough:
    """Sends a request on in the principal's voice and streams the answer back."""

    def __init__(self, origin: Origin, flash: "Flash") -> None:
        """Ask `origin`; a row in `flash` whose object may have changed is forgotten."""
        self._origin = origin
        self._flash = flash

    async def handle(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer any operation as the origin does."""
        answer = await self.ask(exchange, await self.whole_body(exchange))
        return await self.relay(exchange, answer)

    async def bypass(self, exchange: S3Exchange, reason: str) -> web.StreamResponse:
        """Answer a read of an object past the flash, and say why."""
        exchange.receipt.cache, exchange.receipt.reason = "BYPASS", reason
        metrics.reads_bypassed.inc()
        return await self.handle(exchange)

    async def ask(
        self, exchange: S3Exchange, body: bytes, more_headers: Mapping[str, str] | None = None
    ) -> OriginAnswer:
        """Send the request on with `body` and return the origin's answer.

        `more_headers` replace the client's.
        """
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        exchange.receipt.origin_requests += 1
        headers = CIMultiDict(request_headers_onward(head.headers))
        headers.update(exchange.stamp)
        headers.update(more_headers or {})
        question = OriginRequest(
            head.method,
            target.bucket,
            target.raw_key,
            onward_query(head.query),
            headers,
            body,
            len(body),
            sha256(body).hexdigest() if body else EMPTY_SHA256,
            may_be_slow=exchange.operation is not None and exchange.operation.name in _SLOW,
            keeps_answer=True,
            voice=exchange.voice,
        )
        is_write = head.method not in _READS and target.key is not None
        try:
            answer = await self._origin.ask(question)
        except OriginUnreachable:
            if is_write:
                await self.forget(target.name)
            raise
        exchange.receipt.mark("answered")
        if is_write and may_have_changed(answer.status):
            await self.forget(target.name)
        return answer

    async def forget(self, name: ObjectName) -> None:
        """Make sure that no worker serves `name` unasked after this returns."""
        await self._flash.forgotten(name)

    async def whole_body(self, exchange: S3Exchange) -> bytes:
        """Return a small body, verified; raises InvalidRequest beyond SMALL_BODY_BYTES_MAX."""
        # The checksum headers of CompleteMultipartUpload are of the object, not of its XML.
        operation = exchange.operation
        body = RequestBody(
            exchange,
            needs_length=False,
            proves_checksums=operation is None or operation.name != "CompleteMultipartUpload",
        )
        if body.length > SMALL_BODY_BYTES_MAX:
            raise InvalidRequest(
                f"The body of this operation may have {SMALL_BODY_BYTES_MAX} bytes",
                code="MaxMessageLengthExceeded",
            )
        async with aclosing(body.pieces()) as pieces:
            collected = b"".join([piece async for piece in pieces])
        body.finish()
        return collected

    async def relay(self, exchange: S3Exchange, answer: OriginAnswer) -> web.StreamResponse:
        """Stream an answer back as it comes; its length is kept where it has one.

        Raises OriginRefused for the 404 of an object: who may learn of it is judged elsewhere.
        """
        if answer.status == _NOT_FOUND and exchange.target is not None and exchange.target.key:
            body = await answer.read(_ERROR_BYTES_MAX)
            raise OriginRefused(answer.status, answer.headers, body)
        if answer.status in _SHOWN:
            try:
                exchange.check_served(answer.headers.items())
            except AccessDenied:
                answer.close()
                raise
        headers = CIMultiDict(response_headers_onward(answer.headers))
        if answer.status == _NOT_MODIFIED and "ETag" not in headers:
            etag = find_single_etag(exchange.head.headers.get("If-None-Match"))
            if etag is not None:
                headers["ETag"] = etag
        length = _length(answer.headers)
        try:
            response = await exchange.start(answer.status, headers, length)
            if exchange.head.method == "HEAD" or answer.status in {_NO_CONTENT, _NOT_MODIFIED}:
                return response
            async with aclosing(answer.pieces()) as pieces:
                async for piece in pieces:
                    await exchange.write(response, piece)
        finally:
            answer.close()
        return response


def _length(headers: CIMultiDictProxy[str]) -> int | None:
    """Return the announced length; None where the body is chunked."""
    value = headers.get("Content-Length", "")
    return int(value) if re.fullmatch(r"[0-9]{1,19}", value) else None
