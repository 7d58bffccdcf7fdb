"""From a failure to what the client is told: status, headers, S3 XML. The door's one such place."""

from dataclasses import dataclass
from math import ceil

from multidict import CIMultiDict

from gateway.doors.s3.exchange import S3Exchange
from gateway.model.failures import (
    AccessDenied,
    Failure,
    NotFound,
    NotModified,
    OriginRefused,
    OriginUnreachable,
    Overloaded,
    PreconditionFailed,
    RangeNotSatisfiable,
    VersionChanged,
)
from gateway.protocol.s3.errors import error_xml, failure_answer
from gateway.protocol.s3.headers import response_headers_onward
from gateway.protocol.s3.responses import find_error

_XML = "application/xml"
_NOT_FOUND = 404
_RETRY_SECONDS = "2"
_ABSENCES = frozenset({"NoSuchKey", "NoSuchVersion"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, complete."""

    status: int
    code: str
    headers: CIMultiDict[str]
    body: bytes


def refusal(failure: Failure, exchange: S3Exchange, *, may_list: bool) -> Refusal:
    """Return the answer for a failure.

    A principal that may not list the bucket must not tell absent from forbidden: 404 becomes 403
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, *Permissions*).
    """
    if _tells_absence(failure, exchange) and not may_list:
        failure = AccessDenied("Access Denied")
    if isinstance(failure, OriginRefused):
        return _as_the_origin_said(failure, exchange)
    return _in_our_words(failure, exchange)


def _tells_absence(failure: Failure, exchange: S3Exchange) -> bool:
    """Return whether the failure says that an object is not there."""
    if exchange.operation is None or exchange.operation.level != "object":
        return False
    if isinstance(failure, OriginRefused):
        return is_absence(failure)
    return isinstance(failure, NotFound)


def is_absence(refused: OriginRefused) -> bool:
    """Return whether the origin says that there is no such object; a HEAD's 404 has no words."""
    if refused.status != _NOT_FOUND:
        return False
    error = find_error(refused.body)
    return error is None or error.code in _ABSENCES


def _as_the_origin_said(failure: OriginRefused, exchange: S3Exchange) -> Refusal:
    """Return the origin's own error, unchanged but for what belongs to its connection."""
    headers = CIMultiDict(response_headers_onward(failure.headers))
    if exchange.head.method != "HEAD":
        # To a HEAD it says how long the words would be (RFC 9110 8.6), which no body tells.
        headers.pop("Content-Length", None)
    code = f"Origin{failure.status}"
    return Refusal(failure.status, code, headers, failure.body)


def _in_our_words(failure: Failure, exchange: S3Exchange) -> Refusal:
    """Return S3's XML for a failure found here."""
    status, code, message = failure_answer(failure)
    headers: CIMultiDict[str] = CIMultiDict()
    if isinstance(failure, NotModified):
        return Refusal(status, code, headers, b"")
    extra: dict[str, str] = {}
    if isinstance(failure, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{failure.size}"
        extra["RangeRequested"] = exchange.head.headers.get("Range", "")
        extra["ActualObjectSize"] = str(failure.size)
    if isinstance(failure, PreconditionFailed):
        extra["Condition"] = failure.condition
    if isinstance(failure, (OriginUnreachable, VersionChanged)):
        headers["Retry-After"] = _RETRY_SECONDS
    if isinstance(failure, Overloaded):
        headers["Retry-After"] = str(ceil(failure.retry_seconds))
    resource = failure.resource
    if not resource and exchange.target is not None:
        resource = exchange.target.resource
    headers["Content-Type"] = _XML
    body = error_xml(code, message, resource, exchange.id, extra or None)
    return Refusal(status, code, headers, body)
