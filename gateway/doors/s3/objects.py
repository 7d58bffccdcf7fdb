"""GetObject and HeadObject: from flash where the version is fresh, else through."""

from contextlib import aclosing
from typing import Protocol

from aiohttp import web
from multidict import CIMultiDict

from gateway.core.freshness import Demand
from gateway.core.objects import NotCacheable, Read, Select, Wish
from gateway.core.questions import Confirmed, Opening
from gateway.core.receipt import Receipt
from gateway.doors.bodies import send_pieces
from gateway.doors.s3.exchange import S3Exchange
from gateway.flash.rows import Row
from gateway.model.failures import (
    NotModified,
    OriginRefused,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.versions import Version
from gateway.protocol.http.cache_control import CacheRequest, parse_cache_control
from gateway.protocol.http.conditions import (
    find_single_etag,
    has_conditions,
    judge,
    range_applies,
)
from gateway.protocol.http.head import RequestHead
from gateway.protocol.http.ranges import parse_range, resolve
from gateway.protocol.s3.cors import RESPONSE_PREFIX
from gateway.protocol.s3.headers import (
    response_overrides,
    shown_headers,
    wants_checksums,
)

_OK, _PARTIAL, _NOT_MODIFIED = 200, 206, 304
_NOT_MODIFIED_HEADERS = frozenset({"cache-control", "content-location", "expires", "vary"})
"""What a 304 repeats of the 200 beside its validators (RFC 9110 15.4.5) and CORS headers."""

# What these ask for is another body than the current version's whole one, or needs what only the
# client has; it neither answers from nor fills the object's row (traps.md).
_BYPASSING_QUERY = frozenset({"versionId", "partNumber"})
_BYPASSING_HEADERS = (
    "x-amz-expected-bucket-owner",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-request-payer",
)


class Objects(Protocol):
    """What reads go through: the origin's objects as they are now, or a snapshot's."""

    async def read(self, name: ObjectName, select: Select, wish: Wish, receipt: Receipt) -> Read:
        """Return the bytes that `select` chooses."""
        ...

    async def show(
        self, name: ObjectName, wish: Wish, receipt: Receipt, *, has_checksums: bool
    ) -> Confirmed:
        """Return what a HEAD shows."""
        ...


class Bypass(Protocol):
    """Where a read goes that flash has no part in."""

    async def bypass(self, exchange: S3Exchange, reason: str) -> web.StreamResponse:
        """Answer it, and say why."""
        ...


class ObjectDoor:
    """Reads of whole objects and byte ranges."""

    def __init__(
        self, objects: Objects, passthrough: Bypass, *, chunk_bytes: int, run_chunks: int
    ) -> None:
        """Read through `objects`; what cannot be cached goes to `passthrough`."""
        self._objects = objects
        self._passthrough = passthrough
        self._chunk_bytes = chunk_bytes
        self._run_bytes = chunk_bytes * run_chunks

    async def get(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer GetObject."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        asked = parse_cache_control(head.headers)
        reason = "no-store" if asked.is_no_store else _bypass_reason(head)
        if reason and not (reason == "versionId" and _names_version_only(head)):
            return await self._passthrough.bypass(exchange, reason)
        judged: list[Row] = []

        def select(row: Row) -> ByteRange:
            exchange.check_served(row.headers)
            judged.append(row)
            return _select(head, row.version)

        try:
            read = await self._objects.read(
                target.name,
                select,
                Wish(exchange.voice, self._opening(head), _demand(head, asked), exchange.question),
                exchange.receipt,
            )
        except NotCacheable as decision:
            return await self._passthrough.bypass(exchange, decision.reason)
        except OriginRefused as refused:
            if refused.body:
                raise
            # A HEAD's error has no body: the GET's own answer tells the code.
            return await self._passthrough.bypass(exchange, "the origin refused")
        except NotModified:
            return await self._not_modified(exchange, judged[-1].version, judged[-1].headers)
        except (PreconditionFailed, RangeNotSatisfiable):
            if not exchange.voice.site:
                raise
            return await self._passthrough.bypass(exchange, "CORS: the refusal is the origin's")
        return await self._send(exchange, read)

    async def head(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer HeadObject, as fresh as its rule wants a GET."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        asked = parse_cache_control(head.headers)
        reason = "no-store" if asked.is_no_store else _bypass_reason(head)
        if reason or "Range" in head.headers:
            return await self._passthrough.bypass(exchange, reason or "HEAD of a range")
        try:
            confirmed = await self._objects.show(
                target.name,
                Wish(exchange.voice, demand=_demand(head, asked)),
                exchange.receipt,
                has_checksums=wants_checksums(head.headers),
            )
        except NotCacheable as decision:
            return await self._passthrough.bypass(exchange, decision.reason)
        version = confirmed.version
        if version is None:
            return await self._passthrough.bypass(exchange, "no strong validator")
        exchange.check_served(confirmed.headers.items())
        try:
            judge(head.headers, version, "HEAD")
        except NotModified:
            described = tuple(confirmed.headers.items())
            return await self._not_modified(exchange, version, described)
        except PreconditionFailed:
            if not exchange.voice.site:
                raise
            return await self._passthrough.bypass(exchange, "CORS: the refusal is the origin's")
        exchange.receipt.cache = exchange.receipt.cache or "REVALIDATED"
        headers = _served_headers(head, tuple(confirmed.headers.items()), is_whole=True)
        return await exchange.start(_OK, headers, version.size)

    async def _send(self, exchange: S3Exchange, read: Read) -> web.StreamResponse:
        """Send a read: 206 where a range was asked and applies."""
        head = exchange.head
        is_partial = _asks_part(head, read.version)
        headers = _served_headers(head, read.headers, is_whole=not is_partial)
        if is_partial:
            headers["Content-Range"] = read.wanted.content_range(read.version.size)
        status = _PARTIAL if is_partial else _OK
        if read.at_hand is not None:
            return await exchange.send_whole(status, headers, read.at_hand)
        async with aclosing(read.pieces) as pieces:
            response = await exchange.start(status, headers, read.wanted.length)
            await send_pieces(exchange, response, pieces)
        return response

    async def _not_modified(
        self, exchange: S3Exchange, version: Version, described: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        """Answer 304 with the headers that RFC 9110 15.4.5 wants in it, of the version judged."""
        exchange.receipt.cache = exchange.receipt.cache or "REVALIDATED"
        headers = CIMultiDict(
            (name, value)
            for name, value in described
            if name.lower() in _NOT_MODIFIED_HEADERS or name.lower().startswith(RESPONSE_PREFIX)
        )
        headers["ETag"], headers["Last-Modified"] = version.etag, version.last_modified
        return await exchange.start(_NOT_MODIFIED, headers)

    def _opening(self, head: RequestHead) -> Opening | None:
        """Return the GET that a cold read may ask at once, aligned to chunks; None: ask by HEAD."""
        if has_conditions(head.headers) or "If-Range" in head.headers:
            return None
        spec = parse_range(head.headers.get("Range"))
        if spec is None:
            return Opening(None)
        if spec.first is None:
            return None  # the last n bytes: where they begin is not known
        start = spec.first - spec.first % self._chunk_bytes
        stop = start + self._run_bytes
        if spec.last is not None:
            stop = min(stop, spec.last + self._chunk_bytes - spec.last % self._chunk_bytes)
        return Opening(ByteRange(start, stop))


def _demand(head: RequestHead, asked: CacheRequest) -> Demand:
    """Return what the request asks of freshness, and the version that it names."""
    version_id = None
    if head.query:  # not searched for the name: a client may spell it `version%49d`
        named = [value for name, value in head.query_pairs() if name == "versionId"]
        version_id = named[0] if named else None
    etag = find_single_etag(head.headers.get("If-Match"))
    return Demand(asked.age_seconds_max, asked.is_only_if_cached, etag, version_id)


def _names_version_only(head: RequestHead) -> bool:
    """Return whether `versionId` is named, once, and no part of the object."""
    named = [name for name, _ in head.query_pairs() if name in _BYPASSING_QUERY]
    return named == ["versionId"]


def _select(head: RequestHead, version: Version) -> ByteRange:
    """Judge conditions, then the range: conditional headers beat Range (RFC 9110 13.2.2)."""
    judge(head.headers, version, "GET")
    spec = parse_range(head.headers.get("Range"))
    if spec is None or not range_applies(head.headers, version):
        return ByteRange(0, version.size)
    return resolve(spec, version.size)


def _asks_part(head: RequestHead, version: Version) -> bool:
    """Return whether the answer is a 206."""
    return parse_range(head.headers.get("Range")) is not None and range_applies(
        head.headers, version
    )


def _bypass_reason(head: RequestHead) -> str:
    """Return what in the request rules out the row of the current version, or ''."""
    for name in _BYPASSING_HEADERS:
        if name in head.headers:
            return name
    if head.query:
        for name in head.query_names() & _BYPASSING_QUERY:
            return name
    return ""


def _served_headers(
    head: RequestHead, headers: tuple[tuple[str, str], ...], *, is_whole: bool
) -> CIMultiDict[str]:
    """Return what an answer shows of the object, from the validation and never from the fill."""
    has_checksums = is_whole and wants_checksums(head.headers)
    served = shown_headers(headers, has_checksums=has_checksums).copy()
    served["Accept-Ranges"] = "bytes"
    if head.query:
        served.update(response_overrides(head.query_pairs()))
    return served
