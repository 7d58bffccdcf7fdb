"""Hits that need no waiting, answered where their head was parsed: no task, no turn of the loop.

Most of what a small warm read costs is the machinery around it: a task for each request, the
objects that stand for request and answer, three turns of the event loop. What is as plain as a
model file's tensor or a training image (GetObject, whole, unconditional, fresh by its rule, in the
page cache) goes through the very steps of the pipeline here, in its order, and leaves in one write.
Everything else, every refusal included, is left to the pipeline: None says nothing of why.

A head that comes again, to the last byte, is not even parsed: what was judged of it is remembered.
What that judgement hangs on is asked each time: that the time it was signed for is not over, and
that its key is still the very identity that proved it, which carries secret, policy and rates (so
whatever is revoked, renewed or reloaded is judged anew). Not remembered is what hangs on more:
sessions, policies that ask anything of the request, who has rates. Row and bytes are always looked
up. A table of whole heads tells a guesser nothing: it is searched by a keyed hash, never by letter.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from random import getrandbits
from time import perf_counter
from typing import Final, NamedTuple, Protocol

from aiohttp.http import RawRequestMessage

from gateway.access.authentication import Authentication, Principal, Proof
from gateway.access.authorization import Authorization
from gateway.access.policy import Decision
from gateway.core.objects import Hit, Objects
from gateway.doors.s3.contexts import context_in
from gateway.doors.whole_answer import date_line, whole_head
from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.model.rates import UNLIMITED
from gateway.protocol.http.head import RequestHead, parse_query, split_target
from gateway.protocol.s3.addressing import locate
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
_KNOWN_MAX: Final = 2048
"""Heads that are remembered; beyond it all are forgotten and judged anew."""
_KNOWN_BYTES_MAX: Final = 4096
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


class _Asked(NamedTuple):
    """A request, as far as the audit log looks at it."""

    id: str
    head: RequestHead
    remote: str


class _Judged(NamedTuple):
    """A request that may be answered, if the bytes are at hand."""

    head: RequestHead
    name: ObjectName
    principal: Principal
    action: str
    resource: str
    decision: Decision
    has_checksums: bool
    proof: Proof | None
    """What the judgement hangs on, where the same head need not be judged again."""


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
        self._known: dict[bytes, _Judged] = {}
        self._requests = metrics.requests.labels(door="s3", operation="GetObject", status="200")
        self._seconds = metrics.request_seconds.labels(door="s3")

    def answer(self, message: RawRequestMessage, raw: bytes, peer: Peer) -> bytes | None:
        """Return the whole answer to a GET without a body, or None: ask the pipeline.

        `raw` are the bytes that the message was parsed from, b"" where it is not sure which.
        """
        started = perf_counter()
        path, query = split_target(message.path)
        head = RequestHead("GET", path, query, message.headers, peer.is_secure)
        if not _is_plain(head):
            return None
        try:
            judged = self._judge(head, peer)
            if judged is None:
                return None
            answer = self._answer(judged, peer, started)
        except (Failure, ValueError):
            return None  # a refusal is the pipeline's to tell
        if answer is not None and judged.proof is not None and 0 < len(raw) <= _KNOWN_BYTES_MAX:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[raw] = judged
        return answer

    def answer_again(self, raw: bytes, peer: Peer) -> bytes | None:
        """Return the whole answer to a head that was answered before, or None: have it parsed."""
        judged = self._known.get(raw)
        if judged is None or judged.proof is None:
            return None
        started = perf_counter()
        try:
            if self._authentication.holds(judged.proof):
                return self._answer(judged, peer, started)
        except (Failure, ValueError):
            return None
        del self._known[raw]
        return None

    def _judge(self, head: RequestHead, peer: Peer) -> _Judged | None:
        """Locate, identify, name, require: as the pipeline does; None where it must."""
        target = locate(head.host, head.path, self._domains)
        # Known by its name alone: else who asks would be proven twice wherever the origin is asked.
        if target.key is None or not self._objects.may_hit(target.name):
            return None
        principal, proof = self._authentication.prove(head)
        if principal.allowance != UNLIMITED:
            return None
        action = name_operation("GET", target, (), head.headers).action
        context = context_in(head, peer.remote, principal, self._now)
        decision = principal.policy.decide(action, target.resource, context)
        if not decision.is_allowed:
            return None
        return _Judged(
            head,
            target.name,
            principal,
            action,
            target.resource,
            decision,
            wants_checksums(head.headers),
            None if principal.policy.keys else proof,
        )

    def _answer(self, judged: _Judged, peer: Peer, started: float) -> bytes | None:
        """Look, and answer where there is a hit; logs and counts are those of the pipeline."""
        principal = judged.principal
        hit = self._objects.find_hit(judged.name, principal.voice)
        if hit is None:
            return None
        # Sixteen characters like S3's own; random, since clients quote it to several operators.
        request_id = f"{getrandbits(64):016X}"
        answer = _written(hit, request_id, has_checksums=judged.has_checksums)
        # Told only now: of what is left to the pipeline the audit log is to hear once.
        if self._authorization.is_heard(judged.action, is_allowed=True):
            self._authorization.note(
                judged.decision,
                judged.resource,
                (principal.name, principal.access_key),
                judged.action,
                _Asked(request_id, judged.head, peer.remote),
            )
        seconds = perf_counter() - started
        self._requests.inc()
        self._seconds.observe(seconds)
        if not self._access_log.is_off:
            self._log(judged, request_id, peer.remote, len(hit.body), seconds)
        return answer

    def _log(
        self, judged: _Judged, request_id: str, remote: str, length: int, seconds: float
    ) -> None:
        """Leave the line that the pipeline would."""
        self._access_log.write(
            AccessRecord(
                request_id=request_id,
                remote=remote,
                principal=judged.principal.name,
                method="GET",
                operation="GetObject",
                bucket=judged.name.bucket,
                key=judged.name.key,
                query=judged.head.query,
                status=200,
                error="",
                cache="HIT",
                origin_requests=0,
                bytes_in=0,
                bytes_out=length,
                seconds=seconds,
                user_agent=judged.head.headers.get("User-Agent", ""),
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
    ours = (
        f"Age: {hit.age_seconds}\r\nx-amz-request-id: {request_id}\r\n"
        f"x-forebay-request-id: {request_id}\r\n{date_line()}\r\n"
    )
    fixed = _fixed_head(hit.row.headers, len(hit.body), has_checksums=has_checksums)
    return b"".join((fixed, ours.encode(), hit.body))


@lru_cache(maxsize=_HEADS_MAX)
def _fixed_head(headers: tuple[tuple[str, str], ...], length: int, *, has_checksums: bool) -> bytes:
    """Return what is the same in every answer from one row, without the empty line at the end."""
    shown = shown_headers(headers, has_checksums=has_checksums).copy()
    shown["Accept-Ranges"] = "bytes"
    shown["Server"] = "Forebay"
    shown["X-Cache"] = "HIT"
    return whole_head(200, shown, length).removesuffix(b"\r\n")
