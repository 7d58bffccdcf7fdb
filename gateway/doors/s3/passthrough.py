"""What Forebay does not model: authenticated, authorised, re-signed, streamed, unchanged."""

import re
from contextlib import aclosing
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.doors.exchange import Exchange
from gateway.model.failures import InvalidRequest
from gateway.model.names import ObjectName
from gateway.origin.interface import EMPTY_SHA256, Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.checksums import BodyProof
from gateway.protocol.s3.headers import request_headers_onward, response_headers_onward
from gateway.protocol.s3.onward_query import onward_query

if TYPE_CHECKING:
    from gateway.flash.store import Flash

SMALL_BODY_BYTES_MAX = 2 * 1024 * 1024
"""Policies, lifecycles, part lists (10,000 parts are about 1.2 MB): all that is not an object."""

_OK, _MULTIPLE, _NO_CONTENT, _NOT_MODIFIED = 200, 300, 204, 304
_SLOW = frozenset(
    {"CompleteMultipartUpload", "CopyObject", "UploadPartCopy", "SelectObjectContent"}
)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Passthrough:
    """Sends a request on in Forebay's own name and streams the answer back."""

    def __init__(self, origin: Origin, flash: "Flash") -> None:
        """Ask `origin`; a row in `flash` whose object may have changed is forgotten."""
        self._origin = origin
        self._flash = flash

    async def handle(self, exchange: Exchange) -> web.StreamResponse:
        """Answer any operation as the origin does."""
        answer = await self.ask(exchange, await self.whole_body(exchange))
        return await self.relay(exchange, answer)

    async def bypass(self, exchange: Exchange, reason: str) -> web.StreamResponse:
        """Answer a read of an object past the flash, and say why."""
        exchange.receipt.cache, exchange.receipt.reason = "BYPASS", reason
        return await self.handle(exchange)

    async def ask(self, exchange: Exchange, body: bytes) -> OriginAnswer:
        """Send the request on with `body` and return the origin's answer."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        exchange.receipt.origin_requests += 1
        answer = await self._origin.ask(
            OriginRequest(
                head.method,
                target.bucket,
                target.raw_key,
                onward_query(head.query),
                CIMultiDict(request_headers_onward(head.headers)),
                body,
                len(body),
                sha256(body).hexdigest() if body else EMPTY_SHA256,
                may_be_slow=exchange.operation is not None and exchange.operation.name in _SLOW,
            )
        )
        if head.method not in _READS and answer.status < _MULTIPLE and target.key is not None:
            await self.forget(target.name)
        return answer

    async def forget(self, name: ObjectName) -> None:
        """Make sure that no worker serves `name` unasked after this returns."""
        await self._flash.forgotten(name)

    async def whole_body(self, exchange: Exchange) -> bytes:
        """Return a small body, verified; raises InvalidRequest beyond SMALL_BODY_BYTES_MAX."""
        if not exchange.request.body_exists:
            return b""
        principal, operation = exchange.principal, exchange.operation
        assert principal is not None  # noqa: S101 - identified by the pipeline
        # The checksum headers of CompleteMultipartUpload are of the object, not of its XML.
        proof = BodyProof.of(
            exchange.head.headers,
            principal.claim.payload_hash,
            checksums=operation is None or operation.name != "CompleteMultipartUpload",
        )
        collected = bytearray()
        async with aclosing(exchange.body()) as pieces:
            async for piece in pieces:
                collected += piece
                if len(collected) > SMALL_BODY_BYTES_MAX:
                    raise InvalidRequest(
                        f"The body of this operation may have {SMALL_BODY_BYTES_MAX} bytes",
                        code="MaxMessageLengthExceeded",
                    )
        body = bytes(collected)
        proof.update(body)
        proof.finish()
        return body

    async def relay(self, exchange: Exchange, answer: OriginAnswer) -> web.StreamResponse:
        """Stream an answer back as it comes; its length is kept where it has one."""
        headers = CIMultiDict(response_headers_onward(answer.headers))
        length = _length(answer.headers)
        try:
            response = await exchange.start(answer.status, headers, length)
            if exchange.head.method == "HEAD" or answer.status in {_NO_CONTENT, _NOT_MODIFIED}:
                return response
            async with aclosing(answer.pieces()) as pieces:
                async for piece in pieces:
                    await response.write(piece)
                    exchange.bytes_out += len(piece)
        finally:
            answer.close()
        return response


def _length(headers: CIMultiDictProxy[str]) -> int | None:
    """Return the announced length; None where the body is chunked."""
    value = headers.get("Content-Length", "")
    return int(value) if re.fullmatch(r"[0-9]{1,19}", value) else None
