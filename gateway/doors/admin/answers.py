"""How the admin API answers: JSON, and failures as a code and one sentence, by one table."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    Failure,
    InvalidRequest,
    NotFound,
    NotSupported,
    OriginUnreachable,
)
from gateway.state.store import StateError

_BY_CODE: Final = {"EntityAlreadyExists": 409}
_BY_KIND: Final[tuple[tuple[type[Failure], int], ...]] = (
    (AccessDenied, 403),
    (AuthenticationFailed, 403),
    (NotFound, 404),
    (InvalidRequest, 400),
    (NotSupported, 501),
    (StateError, 503),
    (OriginUnreachable, 503),  # the audit log could not be told
)
_INTERNAL: Final = 500
_TOO_SLOW: Final = 408
_ABOUT_PATHS: Final = {
    404: ("NotFound", "there is nothing of that name"),
    405: ("MethodNotAllowed", "this is not asked with that method"),
    413: ("EntityTooLarge", "the body is too large"),
}
_log = logging.getLogger(__name__)


def json_response(tree: object, status: int = 200) -> web.Response:
    """Return an answer that nobody keeps: it may hold a secret."""
    return web.Response(
        status=status,
        body=json.dumps(tree, indent=2).encode() + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def answered(act: Callable[[], web.Response], request_id: str) -> web.Response:
    """Return what `act` answers, or its failure in words."""
    try:
        return act()
    except Failure as failure:
        return refused(status_of(failure), failure.code, failure.message, request_id)
    except Exception:  # noqa: BLE001 - the last resort of a door: say so, and keep serving
        _log.exception("a request to the admin API failed inside: %s", request_id)
        return refused(_INTERNAL, "InternalError", "We encountered an internal error.", request_id)


def status_of(failure: Failure) -> int:
    """Return the HTTP status of a failure."""
    for kind, status in _BY_KIND:
        if isinstance(failure, kind):
            return _BY_CODE.get(failure.code, status)
    return _INTERNAL


def refused(
    status: int, code: str, message: str, request_id: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a refusal: its code and one sentence."""
    told = {"code": code, "message": message, "request_id": request_id}
    response = json_response(told, status)
    response.headers.update(headers or {})
    return response


@web.middleware
async def in_words(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what aiohttp refuses by itself under /v1 as this API does."""
    try:
        return await handler(request)
    except TimeoutError:
        return refused(_TOO_SLOW, "RequestTimeout", "the body did not come in time", "-")
    except web.HTTPException as refusal:
        words = _ABOUT_PATHS.get(refusal.status)
        if words is None or not request.path.startswith("/v1/"):
            raise
        allowed = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
        return refused(refusal.status, *words, "-", allowed)
