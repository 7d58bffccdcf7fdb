"""From a failure to what the client is told: status, headers, JSON. The door's one such place."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from multidict import CIMultiDict

from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.model.failures import Failure, Overloaded
from gateway.protocol.webhdfs.errors import remote_exception, wire_of
from gateway.protocol.webhdfs.operations import METHODS

_UNAUTHORIZED: Final = 401
_NOT_ALLOWED: Final = 405
_UNAVAILABLE: Final = 503
_RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, complete."""

    status: int
    code: str
    headers: CIMultiDict[str]
    body: bytes


def refusal(failure: Failure, exchange: WebHdfsExchange, challenges: Sequence[str]) -> Refusal:
    """Return the answer for a failure; `challenges` are what a 401 says that would be taken."""
    operation = exchange.operation.name if exchange.operation is not None else ""
    wire = wire_of(failure, operation)
    headers = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})
    if wire.status == _UNAUTHORIZED:
        headers.extend(("WWW-Authenticate", challenge) for challenge in challenges)
    if wire.status == _NOT_ALLOWED:
        headers["Allow"] = ", ".join(METHODS)
    if wire.status == _UNAVAILABLE:
        seconds = failure.retry_seconds if isinstance(failure, Overloaded) else _RETRY_SECONDS
        headers["Retry-After"] = str(ceil(seconds))
    return Refusal(
        wire.status, failure.code, headers, remote_exception(failure, operation, exchange.path)
    )
