"""Conditional writes where the origin would ignore them: refused in words, never pretended.

An origin that takes `If-None-Match: *` and overwrites all the same gives two writers of a lock file
the lock each. `forebay doctor` finds such an origin; the setting is origin.conditional_writes.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from gateway.doors.s3.exchange import S3Exchange
from gateway.model.failures import NotSupported
from gateway.protocol.http.conditions import CONDITION_HEADERS

Handler = Callable[[S3Exchange], Awaitable[web.StreamResponse]]

_CONDITIONS: Final = (
    *CONDITION_HEADERS,
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
)
CONDITIONAL_OPERATIONS: Final = (
    "PutObject",
    "CopyObject",
    "CompleteMultipartUpload",
    "DeleteObject",
)


def refusing_conditions(handler: Handler) -> Handler:
    """Return the handler of a write that refuses any condition on what it replaces."""

    async def answer(exchange: S3Exchange) -> web.StreamResponse:
        for name in _CONDITIONS:
            if name in exchange.head.headers:
                raise NotSupported(
                    f"The bucket's server would ignore {name} on a write, so that it is refused "
                    "(origin.conditional_writes)"
                )
        return await handler(exchange)

    return answer
