"""Hits answered where their head was parsed: no task, no turn of the loop, one write.

Most of what a small warm read costs is the machinery around it: a task for each request, the
objects that stand for request and answer, three turns of the event loop. What is as plain as a
model file's tensor or a training image (GetObject, whole, unconditional, small, in the page cache)
goes through the very steps of the pipeline here, in its order. Where its rule wants the origin
asked, it joins the question and leaves a promise: kept when the answer has come and says that what
is at hand is current, else handed to the pipeline with that answer. Everything else, every refusal
included, is left to the pipeline: None says nothing of why.

A head that comes again and again, to the last byte, is not even parsed: what was judged of it is
remembered. What that judgement hangs on is asked each time: that the time it was signed for is not
over, that its key is still the very identity that proved it, which carries secret, policy and rates
(so whatever is revoked, renewed or reloaded is judged anew), and that its bucket is the same
snapshot still, or none. Not remembered is what hangs on more: sessions, policies that ask anything
of the request, who has rates. Row and bytes are always looked up. A table of whole heads tells a
guesser nothing: it is searched by a keyed hash, never by letter.
"""

from collections.abc import Callable
from datetime import datetime
from random import getrandbits
from time import perf_counter
from typing import Final, NamedTuple, Protocol

from aiohttp.http import RawRequestMessage

from gateway.access.authentication import Authentication, Principal, Proof
from gateway.access.authorization import Authorization, resource_of
from gateway.access.policy import Decision
from gateway.core.hits import Hit, Hits
from gateway.core.objects import Question
from gateway.core.snapshots import RULE
from gateway.doors.room import Room
from gateway.doors.s3.contexts import context_in
from gateway.doors.s3.hit_answers import HitAnswers
from gateway.doors.s3.plain_gets import is_plain
from gateway.doors.s3.virtual_buckets import VirtualBuckets, source_target
from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.protocol.http.head import RequestHead, split_target
from gateway.protocol.s3.addressing import locate
from gateway.protocol.s3.headers import wants_checksums
from gateway.protocol.s3.operations import name_operation
from gateway.state.snapshots import Held
from gateway.telemetry import metrics
from gateway.telemetry.logs import AccessLog, AccessRecord

_KNOWN_MAX: Final = 2048
"""Heads that are remembered; beyond it all are forgotten and judged anew."""
_KNOWN_BYTES_MAX: Final = 4096
_SEEN_MAX: Final = 4096
"""Hashes of heads that came once; beyond it all are forgotten."""


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
    held: Held | None
    """The snapshot that the name is in, whose source was judged."""
    place: ObjectName
    """Under which name its row is kept."""
    proof: Proof | None
    """What the judgement hangs on, where the same head need not be judged again."""


class _Outcome(NamedTuple):
    """What became of a request, as far as the access log tells it."""

    request_id: str
    status: int
    error: str
    cache: str
    origin_requests: int
    bytes_out: int


class AtOnce:
    """Answers hits; it shares the pipeline's rooms, so that what is revoked there is so here."""

    def __init__(
        self,
        authentication: Authentication,
        authorization: Authorization,
        hits: Hits,
        *,
        room: Room,
        access_log: AccessLog,
        domains: tuple[str, ...],
        virtual: VirtualBuckets,
        now: Callable[[], datetime],
    ) -> None:
        """Stand on the same rooms as the pipeline; `now` is the UTC moment of policies."""
        self._authentication = authentication
        self._authorization = authorization
        self._hits = hits
        self._room = room
        self._answers = HitAnswers()
        self._access_log = access_log
        self._domains = domains
        self._virtual = virtual
        self._now = now
        self._seen: set[int] = set()
        self._known: dict[bytes, _Judged] = {}
        self._requests = metrics.requests.labels(door="s3", operation="GetObject", status="200")
        self._seconds = metrics.request_seconds.labels(door="s3")

    def answer(
        self, message: RawRequestMessage, raw: bytes, peer: Peer
    ) -> "bytes | Promise | None":
        """Return the answer to a GET without a body, or the promise of one; None: ask the pipeline.

        `raw` are the bytes that the message was parsed from, b"" where it is not sure which.
        """
        started = perf_counter()
        path, query = split_target(message.path)
        head = RequestHead("GET", path, query, message.headers, peer.is_secure)
        if not is_plain(head):
            return None
        try:
            judged = self._judge(head, peer)
            if judged is None:
                return None
            answer = self._answer(judged, peer, started)
        except (Failure, ValueError):
            return None  # a refusal is the pipeline's to tell
        if answer is not None and judged.proof is not None and 0 < len(raw) <= _KNOWN_BYTES_MAX:
            self._remember(raw, judged)
        return answer

    def _remember(self, raw: bytes, judged: _Judged) -> None:
        """Keep the judgement of a head that came before: most that SDKs sign never come again."""
        seen = hash(raw)
        if seen not in self._seen:
            if len(self._seen) >= _SEEN_MAX:
                self._seen.clear()
            self._seen.add(seen)
            return
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[raw] = judged

    def answer_again(self, raw: bytes, peer: Peer) -> "bytes | Promise | None":
        """Return the same for a head that was answered before; None: have it parsed."""
        judged = self._known.get(raw)
        if judged is None or judged.proof is None:
            return None
        started = perf_counter()
        try:
            is_same = self._virtual.find(judged.name.bucket) is judged.held
            if is_same and self._authentication.holds(judged.proof):
                return self._answer(judged, peer, started)
        except (Failure, ValueError):
            return None
        del self._known[raw]
        return None

    def _judge(self, head: RequestHead, peer: Peer) -> _Judged | None:
        """Locate, identify, name, require: as the pipeline does; None where it must."""
        target = locate(head.host, head.path, self._domains)
        if target.key is None:
            return None
        name, held = target.name, self._virtual.find(target.bucket)
        # Known by its name alone: else who asks would be proven twice wherever there is no hit.
        place = name if held is None else held.snapshot.kept_name(name.key)
        if not self._hits.may_hit(place):
            return None
        if held is not None:
            target = source_target(held.snapshot, target)
        principal, proof = self._authentication.prove(head)
        if not principal.allowance.is_unlimited:
            return None
        action = name_operation("GET", target, (), head.headers).action
        context = context_in(head, peer.remote, principal, self._now)
        resource = resource_of(target)
        decision = principal.policy.decide(action, resource, context)
        if not decision.is_allowed:
            return None
        return _Judged(
            head,
            name,
            principal,
            action,
            resource,
            decision,
            wants_checksums(head.headers),
            held,
            place,
            None if principal.policy.keys else proof,
        )

    def _answer(self, judged: _Judged, peer: Peer, started: float) -> "bytes | Promise | None":
        """Answer a hit, or ask whether it is one."""
        voice = judged.principal.voice
        if judged.held is not None:
            hit = self._find_recorded(judged.held, judged.place, voice)
            return None if hit is None else self.told(judged, hit, peer.remote, started)
        hit = self._hits.find_unasked(judged.name, voice)
        if hit is not None:
            return self.told(judged, hit, peer.remote, started)
        # Each judgement is told to the audit log once, before anything is done for it.
        if self._room.is_full or self._authorization.is_heard(judged.action, is_allowed=True):
            return None
        question = self._hits.ask(judged.name, voice)
        if question is None:
            return None
        self._room.enter()
        return Promise(self, judged, peer.remote, started, question)

    def _find_recorded(self, held: Held, place: ObjectName, voice: Voice) -> Hit | None:
        """Return the hit in a snapshot, which nobody asks the origin about from here."""
        if self._virtual.is_over(held) or self._hits.is_bypassed(
            held.snapshot.source_of(place.key)
        ):
            return None
        return self._hits.find_unasked(place, voice, RULE)

    def told(
        self, judged: _Judged, hit: Hit, remote: str, started: float, origin_requests: int = 0
    ) -> bytes:
        """Return the answer, written down: logs and counts are those of the pipeline.

        Raises ValueError for a header that cannot be sent, OriginUnreachable where the audit log
        cannot be told.
        """
        # Sixteen characters like S3's own; random, since clients quote it to several operators.
        request_id = f"{getrandbits(64):016X}"
        answer = self._answers.written(hit, request_id, has_checksums=judged.has_checksums)
        # Told only now: of what is left to the pipeline the audit log is to hear once.
        if self._authorization.is_heard(judged.action, is_allowed=True):
            principal = judged.principal
            self._authorization.note(
                judged.decision,
                judged.resource,
                (principal.name, principal.access_key),
                judged.action,
                _Asked(request_id, judged.head, remote),
            )
        seconds = perf_counter() - started
        self._requests.inc()
        self._seconds.observe(seconds)
        if not self._access_log.is_off:
            outcome = _Outcome(request_id, 200, "", hit.cache, origin_requests, len(hit.body))
            self._log(judged, outcome, remote, seconds)
        return answer

    def find_confirmed(self, question: Question) -> Hit | None:
        """Return the hit that was promised, if it is one."""
        self._room.leave()
        return self._hits.find_confirmed(question)

    def left(self, judged: _Judged, remote: str, started: float, origin_requests: int) -> None:
        """Write down that the client left before the answer."""
        self._room.leave()
        seconds = perf_counter() - started
        metrics.requests.labels(door="s3", operation="GetObject", status="499").inc()
        self._seconds.observe(seconds)
        if not self._access_log.is_off:
            request_id = f"{getrandbits(64):016X}"
            outcome = _Outcome(request_id, 499, "ClientDisconnected", "", origin_requests, 0)
            self._log(judged, outcome, remote, seconds)

    def _log(self, judged: _Judged, outcome: _Outcome, remote: str, seconds: float) -> None:
        """Leave the line that the pipeline would."""
        self._access_log.write(
            AccessRecord(
                request_id=outcome.request_id,
                remote=remote,
                principal=judged.principal.name,
                method="GET",
                operation="GetObject",
                bucket=judged.name.bucket,
                key=judged.name.key,
                query=judged.head.query,
                status=outcome.status,
                error=outcome.error,
                cache=outcome.cache,
                origin_requests=outcome.origin_requests,
                bytes_in=0,
                bytes_out=outcome.bytes_out,
                seconds=seconds,
                user_agent=judged.head.headers.get("User-Agent", ""),
            )
        )


class Promise:
    """An answer that hangs on one from the origin: kept by `redeem`, or given up by `abandon`."""

    __slots__ = ("_at_once", "_judged", "_remote", "_started", "question")

    def __init__(
        self, at_once: AtOnce, judged: _Judged, remote: str, started: float, question: Question
    ) -> None:
        """Wait for the answer to `question`."""
        self._at_once = at_once
        self._judged = judged
        self._remote = remote
        self._started = started
        self.question = question

    def redeem(self) -> bytes | None:
        """Return the whole answer; None: the pipeline must give one, from what the origin said."""
        hit = self._at_once.find_confirmed(self.question)
        if hit is None:
            return None
        try:
            return self._at_once.told(
                self._judged, hit, self._remote, self._started, self._origin_requests
            )
        except (Failure, ValueError):
            return None

    def abandon(self) -> None:
        """Give up, for the client has left; the question goes on for those who joined it."""
        self.question.answer.cancel()
        self._at_once.left(self._judged, self._remote, self._started, self._origin_requests)

    @property
    def _origin_requests(self) -> int:
        return self.question.origin_requests
