"""Hits that need no waiting, answered where their head was parsed: no task, no turn of the loop.

Most of what a small warm read costs is the machinery around it: a task for each request, the
objects that stand for request and answer, three turns of the event loop. What is as plain as a
model file's tensor or a training image (GetObject, whole, unconditional, fresh by its rule, in the
page cache) goes through the very steps of the pipeline here, in its order, and leaves in one write.
Everything else, every refusal included, is left to the pipeline: None says nothing of why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import getrandbits
from time import perf_counter
from typing import Final, Protocol

from aiohttp.http import RawRequestMessage

from gateway.access.authentication import Authentication, Principal
from gateway.access.authorization import Authorization
from gateway.core.objects import Hit, Objects
from gateway.doors.s3.contexts import context_in
from gateway.doors.whole_answer import date_now, whole_head
from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.model.rates import UNLIMITED
from gateway.protocol.http.head import RequestHead, parse_query, split_target
from gateway.protocol.s3.addressing import Target, locate
from gateway.protocol.s3.headers import shown_headers, wants_checksums
from gateway.protocol.s3.operations import name_operation
from gateway.telemetry import metrics
from gateway.telemetry.logs import AccessLog, AccessRecord

_NOT_PLAIN: Final = (
    "Range",
    "Cache-Control",
    "Pragma",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Expect",
    "Origin",
    "x-forebay-explain",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-server-side-encryption-customer-algorithm",
)
"""What makes a GET more than a request for the whole current version."""
_OF_SIGNATURE: Final = frozenset(
    f"X-Amz-{name}"
    for name in (
        "Algorithm",
        "Content-Sha256",
        "Credential",
        "Date",
        "Expires",
        "Security-Token",
        "Signature",
        "SignedHeaders",
    )
)
_HEADS_MAX: Final = 1024
_QUERIES_MAX: Final = 1024
_QUERY_LETTERS_MAX: Final = 4096


class Peer(Protocol):
    """Who is at the other end of the connection."""

    @property
    def remote(self) -> str:
        """Return its address."""
        ...

    @property
    def is_secure(self) -> bool:
        """Return whether it is spoken to over TLS."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, as far as a judgement looks at it."""

    id: str
    head: RequestHead
    remote: str


class AtOnce:
    """Answers hits; it shares the pipeline's rooms, so that what is revoked there is so here."""

    def __init__(
        self,
        authentication: Authentication,
        authorization: Authorization,
        objects: Objects,
        *,
        access_log: AccessLog,
        domains: tuple[str, ...],
        now: Callable[[], datetime],
    ) -> None:
        """Stand on the same rooms as the pipeline; `now` is the UTC moment of policies."""
        self._authentication = authentication
        self._authorization = authorization
        self._objects = objects
        self._access_log = access_log
        self._domains = domains
        self._now = now
        self._requests = metrics.requests.labels(door="s3", operation="GetObject", status="200")
        self._seconds = metrics.request_seconds.labels(door="s3")

    def answer(self, message: RawRequestMessage, peer: Peer) -> bytes | None:
        """Return the whole answer to a GET without a body, or None: ask the pipeline."""
        started = perf_counter()
        path, query = split_target(message.path)
        head = RequestHead("GET", path, query, message.headers, peer.is_secure)
        if not _is_plain(head):
            return None
        asked = _Asked(f"{getrandbits(64):016X}", head, peer.remote)
        try:
            found = self._find(asked)
            if found is None:
                return None
            principal, target, hit = found
            answer = _written(hit, asked.id, has_checksums=wants_checksums(head.headers))
        except (Failure, ValueError):
            return None  # a refusal is the pipeline's to tell
        seconds = perf_counter() - started
        self._requests.inc()
        self._seconds.observe(seconds)
        if not self._access_log.is_off:
            self._log(asked, principal, target.name, len(hit.body), seconds)
        return answer

    def _find(self, asked: _Asked) -> tuple[Principal, Target, Hit] | None:
        """Locate, identify, name, require, look: as the pipeline does; None where it must."""
        head = asked.head
        target = locate(head.host, head.path, self._domains)
        # Known by its name alone: else who asks would be proven twice wherever the origin is asked.
        if target.key is None or not self._objects.may_hit(target.name):
            return None
        principal = self._authentication.identify(head)
        if principal.allowance != UNLIMITED:
            return None
        action = name_operation("GET", target, (), head.headers).action
        context = context_in(head, asked.remote, principal, self._now)
        # Looked at before it is required: the audit log is to hear of a request once.
        if not principal.policy.allows(action, target.resource, context):
            return None
        hit = self._objects.find_hit(target.name, principal.voice)
        if hit is None:
            return None
        self._authorization.require(principal, action, target, context, asked)
        return principal, target, hit

    def _log(
        self, asked: _Asked, principal: Principal, name: ObjectName, length: int, seconds: float
    ) -> None:
        """Leave the line that the pipeline would."""
        self._access_log.write(
            AccessRecord(
                request_id=asked.id,
                remote=asked.remote,
                principal=principal.name,
                method="GET",
                operation="GetObject",
                bucket=name.bucket,
                key=name.key,
                query=asked.head.query,
                status=200,
                error="",
                cache="HIT",
                origin_requests=0,
                bytes_in=0,
                bytes_out=length,
                seconds=seconds,
                user_agent=asked.head.headers.get("User-Agent", ""),
            )
        )


def _is_plain(head: RequestHead) -> bool:
    """Return whether a GET asks for nothing but a whole current version."""
    if head.query and not (
        len(head.query) <= _QUERY_LETTERS_MAX and _is_presigned_only(head.query)
    ):
        return False
    headers = head.headers
    return not any([name in headers for name in _NOT_PLAIN])  # noqa: C419 - a generator costs more


@lru_cache(maxsize=_QUERIES_MAX)  # a presigned URL is made to be used often
def _is_presigned_only(query: str) -> bool:
    """Return whether a query holds a signature and nothing else."""
    try:
        return {name for name, _ in parse_query(query)} <= _OF_SIGNATURE
    except Failure:
        return False


def _written(hit: Hit, request_id: str, *, has_checksums: bool) -> bytes:
    """Return the answer as it stands on the wire; raises ValueError for a header that cannot."""
    return b"".join(
        (
            _fixed_head(hit.row.headers, len(hit.body), has_checksums=has_checksums),
            f"Age: {hit.age_seconds}\r\nx-amz-request-id: {request_id}\r\n"
            f"x-forebay-request-id: {request_id}\r\nDate: {date_now()}\r\n\r\n".encode(),
            hit.body,
        )
    )


@lru_cache(maxsize=_HEADS_MAX)
def _fixed_head(headers: tuple[tuple[str, str], ...], length: int, *, has_checksums: bool) -> bytes:
    """Return what is the same in every answer from one row, without the empty line at the end."""
    shown = shown_headers(headers, has_checksums=has_checksums).copy()
    shown["Accept-Ranges"] = "bytes"
    shown["Server"] = "Forebay"
    shown["X-Cache"] = "HIT"
    return whole_head(200, shown, length).removesuffix(b"\r\n")
