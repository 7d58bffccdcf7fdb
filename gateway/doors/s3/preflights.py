"""CORS preflights: what a browser asks before it sends a request of another site's page.

Browsers do not sign them, so that the question goes to the origin unsigned, whoever would ask
afterwards; the bucket's CORS configuration is the origin's, and so is the answer. Nothing of the
client's but what CORS defines goes there, and nothing else comes back.
https://fetch.spec.whatwg.org/#cors-preflight-request
"""

from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.doors.s3.exchange import S3Exchange
from gateway.model.failures import InvalidRequest, OriginUnreachable
from gateway.model.voices import UNSIGNED
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.cors import REQUEST_HEADERS, cors_headers
from gateway.protocol.s3.operations import Level, Operation

_REFUSED_FROM: Final = 400
_ERROR_BYTES_MAX: Final = 64 * 1024


class PreflightDoor:
    """Asks the origin what its CORS configurations allow."""

    def __init__(self, origin: Origin) -> None:
        """Ask `origin`."""
        self._origin = origin

    async def answer(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer an OPTIONS request, which S3 knows as a preflight only."""
        target, headers = exchange.target, exchange.head.headers
        assert target is not None  # noqa: S101 - located by the pipeline
        level: Level = "object" if target.key is not None else "bucket"
        exchange.operation = Operation("Preflight", "s3:GetBucketCORS", level)
        for name, words in _NEEDED.items():
            if name not in headers:
                raise InvalidRequest(words, code="BadRequest")
        exchange.receipt.origin_requests += 1
        asked = {name: headers[name] for name in REQUEST_HEADERS if name in headers}
        answer = await self._ask(target, asked)
        answered = CIMultiDict(cors_headers(answer.headers))
        body = await answer.read(_ERROR_BYTES_MAX)
        if answer.status < _REFUSED_FROM:
            return await exchange.send_whole(answer.status, answered, b"")
        if body:
            answered["Content-Type"] = "application/xml"
        return await exchange.send_whole(answer.status, answered, body)

    async def shown(self, exchange: S3Exchange, method: str) -> list[tuple[str, str]]:
        """Return the CORS headers of an answer to `method` that the origin did not see as such.

        None where it cannot be asked: what was asked before has been done.
        """
        site, target = exchange.head.headers.get("Origin"), exchange.target
        if not site or target is None:
            return []
        exchange.receipt.origin_requests += 1
        asked = {"Origin": site, "Access-Control-Request-Method": method}
        try:
            answer = await self._ask(target, asked)
        except OriginUnreachable:
            return []
        await answer.read(_ERROR_BYTES_MAX)
        return cors_headers(answer.headers) if answer.status < _REFUSED_FROM else []

    async def _ask(self, target: Target, headers: dict[str, str]) -> OriginAnswer:
        return await self._origin.ask(
            OriginRequest("OPTIONS", target.bucket, target.raw_key, headers=headers, voice=UNSIGNED)
        )


_NEEDED: Final = {
    "Origin": "Insufficient information. Origin request header needed.",
    "Access-Control-Request-Method": "Invalid Access-Control-Request-Method: null",
}
"""What makes a preflight, and AWS's words where it is missing."""
