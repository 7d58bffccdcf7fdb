"""DeleteObjects: the right to each key is judged, the allowed rest goes to the origin."""

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.authorization import Authorization
from gateway.core.deleting import ask_deletion
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.modes import ModeGuard
from gateway.doors.s3.passthrough import Passthrough
from gateway.flash.store import Flash
from gateway.model.failures import AccessDenied
from gateway.origin.interface import Origin
from gateway.protocol.s3.addressing import Target, encode_key
from gateway.protocol.s3.headers import request_headers_onward, response_headers_onward
from gateway.protocol.s3.onward_query import onward_query
from gateway.protocol.s3.requests import (
    DeleteEntry,
    DeleteRequest,
    parse_delete_objects,
)
from gateway.protocol.s3.responses import DeleteError, delete_result

_OK = 200


class DeletionDoor:
    """Deletes many keys by one request."""

    def __init__(
        self,
        origin: Origin,
        flash: Flash,
        passthrough: Passthrough,
        authorization: Authorization,
        *,
        judges_conditions: bool,
        modes: ModeGuard | None = None,
    ) -> None:
        """Ask `origin` and forget in `flash`; bodies are read through `passthrough`.

        Unless the origin `judges_conditions`, entries that name an ETag, size or date are refused.
        """
        self._modes = modes
        self._judges_conditions = judges_conditions
        self._origin = origin
        self._flash = flash
        self._passthrough = passthrough
        self._authorization = authorization

    async def delete_objects(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer DeleteObjects."""
        request = parse_delete_objects(await self._passthrough.whole_body(exchange))
        allowed, denied = self._judged(exchange, request)
        if self._modes is not None:
            may = await self._modes.may_remove(exchange, (entry.key for entry in allowed))
            denied += [_denied(entry) for entry in allowed if entry.key not in may]
            allowed = [entry for entry in allowed if entry.key in may]
        if not allowed:
            result = delete_result(None, denied)
            return await exchange.send_whole(_OK, {"Content-Type": "application/xml"}, result)
        target, head = exchange.target, exchange.head
        assert target is not None  # noqa: S101 - located by the pipeline
        exchange.receipt.origin_requests += 1
        headers = CIMultiDict(request_headers_onward(head.headers))
        # A checksum header of the client's proves the client's bytes, which were proven, not ours.
        for name in [name for name in headers if name.lower().startswith("x-amz-checksum-")]:
            del headers[name]
        headers.pop("x-amz-sdk-checksum-algorithm", None)
        answer = await ask_deletion(
            self._origin,
            self._flash,
            target.bucket or "",
            DeleteRequest(allowed, request.quiet),
            exchange.voice,
            headers=headers,
            query=onward_query(head.query),
        )
        result = answer.body
        if answer.status == _OK and denied:
            result = delete_result(result, denied)
        answered = CIMultiDict(response_headers_onward(answer.headers))
        answered.pop("Content-Length", None)
        return await exchange.send_whole(answer.status, answered, result)

    def _judged(
        self, exchange: S3Exchange, request: DeleteRequest
    ) -> tuple[list[DeleteEntry], list[DeleteError]]:
        """Return the entries that the principal may delete, and the errors for the others."""
        principal, target = exchange.principal, exchange.target
        assert principal is not None  # noqa: S101 - identified by the pipeline
        assert target is not None  # noqa: S101 - located by the pipeline
        allowed: list[DeleteEntry] = []
        denied: list[DeleteError] = []
        for entry in request.keys:
            action = "s3:DeleteObject" if entry.version_id is None else "s3:DeleteObjectVersion"
            try:
                self._authorization.require(
                    principal,
                    action,
                    Target(target.bucket, entry.key, encode_key(entry.key)),
                    exchange.context.elsewhere(entry.version_id),
                    exchange,
                )
            except AccessDenied:
                denied.append(_denied(entry))
            else:
                if entry.others and not self._judges_conditions:
                    denied.append(_unjudged(entry))
                else:
                    allowed.append(entry)
        return allowed, denied


def _denied(entry: DeleteEntry) -> DeleteError:
    return DeleteError(entry.key, entry.version_id, "AccessDenied", "Access Denied")


def _unjudged(entry: DeleteEntry) -> DeleteError:
    """Return the error of an entry whose conditions the origin would ignore."""
    words = "The bucket's server would ignore the entry's conditions (origin.conditional_writes)"
    return DeleteError(entry.key, entry.version_id, "NotImplemented", words)
