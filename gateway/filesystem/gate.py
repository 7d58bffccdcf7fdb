"""The gate: the only way from files to objects, and nobody passes it unjudged.

Each call judges the caller's policy on the object or the listing that it is about, tells the audit
log, and then asks the core in the caller's voice. Conditions are asked of the request that S3 would
see for the same: a listing's prefix and delimiter, and of the real request only User-Agent and
Referer, so that no parameter of another protocol satisfies a condition that nobody obeys.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authorization import Authorization
from gateway.access.request_context import NOTHING_KNOWN, Facts, RequestContext, request_context
from gateway.core.listing import listed_page
from gateway.core.objects import Objects, Wish
from gateway.core.questions import Opening
from gateway.core.reading import Piece
from gateway.core.seen import (
    Seen,
    all_bytes,
    find_listed,
    find_unasked,
    see,
    seen_bytes,
    seen_pieces,
)
from gateway.filesystem.caller import Caller
from gateway.filesystem.recorded import RecordedBuckets, asked_page, refusal
from gateway.filesystem.veil import Veil
from gateway.model.failures import NotFound, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.origin.interface import OriginRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.listings import (
    LISTING_BYTES_MAX,
    PAGE_KEYS_MAX,
    ListedBucket,
    ListedObject,
    ListedPage,
    read_buckets,
)
from gateway.state.snapshots import Held
from gateway.telemetry.audit_log import is_read

READ: Final = "s3:GetObject"
LIST: Final = "s3:ListBucket"
LIST_BUCKETS: Final = "s3:ListAllMyBuckets"
SLASH: Final = "/"

NOTHING_HIDDEN: Final = Veil()

_OK, _NOT_FOUND = 200, 404
_OF_THE_CLIENT: Final = ("Referer", "User-Agent")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing is asked for, and judged by."""

    bucket: str
    prefix: str
    delimiter: str = SLASH
    count_max: int = PAGE_KEYS_MAX

    @property
    def query(self) -> str:
        """Return the query of the same request in S3, as far as policies ask for it."""
        delimiter = f"&delimiter={encode(self.delimiter)}" if self.delimiter else ""
        return f"prefix={encode(self.prefix)}{delimiter}&max-keys={self.count_max}"


@dataclass(frozen=True, slots=True)
class Sight:
    """An object that a caller may read, whether it is there or not."""

    objects: Objects
    caller: Caller
    name: ObjectName
    recorded: RecordedBuckets | None = None
    """Given for an object of a snapshot."""
    is_hidden: bool = False
    """Whether it is half moved: then it is as absent (`filesystem/veil`)."""

    def find_unasked(self) -> Seen | None:
        """Return it if it is at hand and its rule lets that be shown without asking."""
        if self.recorded is not None or self.is_hidden:
            return None
        return find_unasked(self.objects, self.name, self.caller.voice)

    def find_listed(self, listed: ListedObject) -> Seen | None:
        """Return it if it is at hand, and is what a listing of just now shows."""
        if self.recorded is not None or self.is_hidden:
            return None
        return find_listed(self.objects, self.name, listed, self.caller.voice)

    async def find(self, opening: Opening | None = None) -> Seen | None:
        """Return it as fresh as its rule wants it, or None where there is none.

        `opening` is the GET to ask by where nothing is known of it. Raises OriginRefused,
        OriginUnreachable.
        """
        if self.recorded is not None:
            return await self.recorded.see(self.caller, self.name)
        if self.is_hidden:
            return None
        wish = Wish(self.caller.voice, opening)
        try:
            return await see(self.objects, self.name, wish, self.caller.receipt)
        except OriginRefused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise

    async def open(self, opening: Opening | None) -> Seen | None:
        """Return it as `find` does, to be read: whoever counts how hot it is, counts this."""
        self.objects.parts.flash.note_sighting(self.name)
        return await self.find(opening)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the tree reads through."""

    objects: Objects
    authorization: Authorization
    recorded: RecordedBuckets | None = None
    """The snapshots among the buckets, where there can be any."""
    veil: Veil = NOTHING_HIDDEN

    def require(self, caller: Caller, action: str, name: ObjectName) -> None:
        """Judge an action on an object; raises AccessDenied, NotSupported to change a snapshot."""
        context = _context(caller)
        self._require(caller, action, str(self._judged(name)), context)
        if self._held(name.bucket) is not None and not is_read(action):
            raise refusal(name.bucket)

    def is_snapshot(self, bucket: str) -> bool:
        """Return whether a bucket is a snapshot."""
        return self._held(bucket) is not None

    def require_changeable(self, bucket: str) -> None:
        """Raise NotSupported for a snapshot."""
        if self.is_snapshot(bucket):
            raise refusal(bucket)

    def may(self, caller: Caller, action: str, name: ObjectName) -> bool:
        """Return whether it would be allowed; nobody is told."""
        return caller.principal.policy.allows(action, str(self._judged(name)), _context(caller))

    def require_list(self, caller: Caller, listing: Listing) -> None:
        """Judge a listing; raises AccessDenied."""
        self._require(caller, LIST, self._source(listing.bucket), _context(caller, listing.query))

    def may_list(self, caller: Caller, listing: Listing) -> bool:
        """Return whether it would be allowed; nobody is told."""
        context = _context(caller, listing.query)
        return caller.principal.policy.allows(LIST, self._source(listing.bucket), context)

    def sight(self, caller: Caller, name: ObjectName) -> "Sight":
        """Return the caller's sight of an object; raises AccessDenied."""
        self.require(caller, READ, name)
        return self._sight(caller, name)

    def find_sight(self, caller: Caller, name: ObjectName) -> Sight | None:
        """Return the caller's sight of an object that a listing names; None: they have none.

        Nothing is refused by it: what the listing shows they may see.
        """
        judged = str(self._judged(name))
        decision = caller.principal.policy.decide(READ, judged, _context(caller))
        if not decision.is_allowed:
            return None
        who = (caller.principal.name, caller.principal.access_key)
        self.authorization.note(decision, judged, who, READ, caller.asked)
        return self._sight(caller, name)

    def pieces(self, caller: Caller, seen: Seen, wanted: ByteRange) -> AsyncGenerator[Piece]:
        """Return the bytes of an object that this gate let the caller see."""
        if self.recorded is not None and self._held(seen.name.bucket) is not None:
            return self.recorded.pieces(caller, seen, wanted)
        return seen_pieces(self.objects, seen, wanted, caller.voice, caller.receipt)

    async def read(self, caller: Caller, seen: Seen, wanted: ByteRange) -> bytes:
        """Return the same as bytes; the receipt is told nothing, for such reads are many."""
        if self.recorded is not None and self._held(seen.name.bucket) is not None:
            return await all_bytes(self.recorded.pieces(caller, seen, wanted))
        return await seen_bytes(self.objects, seen, wanted, caller.voice)

    async def page(
        self, caller: Caller, listing: Listing, *, after: str = "", token: str | None = None
    ) -> ListedPage:
        """Return a page of a listing, behind the key `after`, or the one that `token` names.

        Raises AccessDenied, NotFound for a bucket that is none, OriginRefused, OriginUnreachable.
        """
        self.require_list(caller, listing)
        return await self._page(caller, listing, after=after, token=token)

    async def is_listed(self, caller: Caller, listing: Listing, prefix: str) -> bool:
        """Return whether anything begins with `prefix`, which lies in what a listing shows.

        It was judged as a whole: a page of it may leave this to be found out.
        """
        below = Listing(listing.bucket, prefix, listing.delimiter, 1)
        page = await self._page(caller, below)
        return bool(page.objects or page.prefixes)

    async def buckets(self, caller: Caller) -> tuple[ListedBucket, ...]:
        """Return the buckets that the origin shows the caller's voice, by name.

        Raises AccessDenied, OriginRefused, OriginUnreachable.
        """
        self._require(caller, LIST_BUCKETS, "*", _context(caller))
        caller.receipt.origin_requests += 1
        headers = {"Accept-Encoding": "identity"}
        request = OriginRequest("GET", None, headers=headers, voice=caller.voice)
        answer = await self.objects.parts.origin.ask(request)
        body = await answer.read(LISTING_BYTES_MAX + 1)
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, body)
        found = {bucket.name: bucket for bucket in read_buckets(body)}
        for bucket, source in self.recorded.all() if self.recorded is not None else ():
            if caller.principal.policy.allows(LIST, source, _context(caller).elsewhere()):
                found[bucket.name] = bucket
        return tuple(found[name] for name in sorted(found))

    async def _page(
        self, caller: Caller, listing: Listing, *, after: str = "", token: str | None = None
    ) -> ListedPage:
        """Return the next page that shows anything, or the last."""
        held = self._held(listing.bucket)
        if held is not None and self.recorded is not None:
            asked = asked_page(listing.prefix, listing.delimiter, token or after, listing.count_max)
            return await self.recorded.page(caller, held, asked)
        while True:
            page = await self._asked_page(caller, listing, after=after, token=token)
            shown, token = self.veil.shown(listing.bucket, page), page.next_token
            if shown is page or shown.objects or shown.prefixes or token is None:
                return shown

    async def _asked_page(
        self, caller: Caller, listing: Listing, *, after: str, token: str | None
    ) -> ListedPage:
        caller.receipt.origin_requests += 1
        try:
            return await listed_page(
                self.objects.parts.origin,
                listing.bucket,
                caller.voice,
                prefix=listing.prefix,
                delimiter=listing.delimiter,
                start_after=after,
                token=token,
                count_max=listing.count_max,
            )
        except OriginRefused as refused:
            if refused.status == _NOT_FOUND:
                raise NotFound(f"There is no bucket {listing.bucket}") from None
            raise

    def _held(self, bucket: str) -> Held | None:
        return self.recorded.find(bucket) if self.recorded is not None else None

    def _source(self, bucket: str) -> str:
        """Return the bucket that policies judge: a snapshot is judged as its source."""
        held = self._held(bucket)
        return bucket if held is None else held.snapshot.bucket

    def _judged(self, name: ObjectName) -> ObjectName:
        return ObjectName(self._source(name.bucket), name.key)

    def _sight(self, caller: Caller, name: ObjectName) -> Sight:
        is_recorded = self._held(name.bucket) is not None
        recorded = self.recorded if is_recorded else None
        return Sight(self.objects, caller, name, recorded, self.veil.hides(name))

    def _require(self, caller: Caller, action: str, resource: str, context: RequestContext) -> None:
        self.authorization.require_on(resource, caller.principal, action, context, caller.asked)


def _context(caller: Caller, query: str = "") -> RequestContext:
    """Return what the caller's policy asks of the request that S3 would see in place of this."""
    principal = caller.principal
    keys = principal.policy.keys
    if not keys:
        return NOTHING_KNOWN
    given = caller.asked.head
    headers: CIMultiDict[str] = CIMultiDict()
    for name in _OF_THE_CLIENT:
        headers.extend((name, value) for value in given.headers.getall(name, ()))
    head = RequestHead("GET", "/", query, CIMultiDictProxy(headers), given.secure)
    facts = Facts(head, principal.username, caller.asked.remote, caller.now, principal.userid)
    return request_context(keys, facts)
