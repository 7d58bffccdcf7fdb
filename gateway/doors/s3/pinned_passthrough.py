"""Reads of a snapshot that go past flash: streamed from the source, pinned to what was recorded."""

from typing import Final

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.described import content_range
from gateway.core.snapshots import GONE_STATUSES, SnapshotObjects, gone, is_recorded, version_query
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.passthrough import Passthrough
from gateway.model.failures import NotFound
from gateway.model.snapshots import Recorded
from gateway.model.versions import Version
from gateway.origin.interface import Origin, OriginRequest
from gateway.protocol.http.conditions import judge
from gateway.protocol.http.percent import decode_query
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.headers import request_headers_onward
from gateway.protocol.s3.listings import http_date
from gateway.protocol.s3.onward_query import onward_query
from gateway.telemetry import metrics

_CONDITIONS: Final = (
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
)
_OK: Final = 200
_BODIED: Final = frozenset({_OK, 206})


class PinnedPassthrough:
    """Stands in for the pass-through where what is read is a snapshot's."""

    def __init__(self, origin: Origin, objects: SnapshotObjects, passthrough: Passthrough) -> None:
        """Ask `origin`; answers go out as `passthrough` relays them."""
        self._origin = origin
        self._objects = objects
        self._passthrough = passthrough

    async def bypass(self, exchange: S3Exchange, reason: str) -> web.StreamResponse:
        """Answer a read past flash, and say why; raises Failure where the version is gone."""
        head, target = exchange.head, exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        exchange.receipt.cache, exchange.receipt.reason = "BYPASS", reason
        metrics.reads_bypassed.inc()
        snapshot, recorded = await self._objects.recorded(target.name, exchange.voice)
        # Conditions are judged here, on what was recorded: the origin is asked to pin.
        judge(head.headers, _version(recorded), head.method)
        headers = CIMultiDict(request_headers_onward(head.headers))
        for name in _CONDITIONS:
            headers.popall(name, None)
        headers["If-Match"] = recorded.etag
        source = snapshot.source_of(recorded.key)
        exchange.receipt.origin_requests += 1
        answer = await self._origin.ask(
            OriginRequest(
                head.method,
                source.bucket,
                encode_key(source.key),
                _query(exchange, recorded),
                headers,
                voice=exchange.voice,
            )
        )
        if answer.status in GONE_STATUSES or (
            answer.status in _BODIED and not _shows(answer.status, answer.headers, recorded)
        ):
            answer.close()
            raise gone(snapshot, recorded.key, recorded.etag)
        return await self._passthrough.relay(exchange, answer)


def _version(recorded: Recorded) -> Version:
    return Version(recorded.etag, recorded.size, http_date(recorded.modified), recorded.version_id)


def _shows(status: int, headers: CIMultiDictProxy[str], recorded: Recorded) -> bool:
    """Return whether an answer's headers are those of the recorded version."""
    placed = content_range(headers)
    if placed is not None:
        size = placed[2]
    else:  # part of a body and no range: the size says nothing
        length = headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() and status == _OK else recorded.size
    shown = Version(
        headers.get("ETag", ""),
        size,
        headers.get("Last-Modified", ""),
        headers.get("x-amz-version-id"),
    )
    return is_recorded(shown, recorded)


def _query(exchange: S3Exchange, recorded: Recorded) -> str:
    """Return the client's query with the recorded version in place of the one that it names."""
    meant = recorded.version_id or "null"
    if any(value != meant for name, value in exchange.head.query_pairs() if name == "versionId"):
        raise NotFound("The specified version does not exist.", code="NoSuchVersion")
    kept = "&".join(
        pair
        for pair in onward_query(exchange.head.query).split("&")
        if pair and decode_query(pair.partition("=")[0]) != "versionId"
    )
    return "&".join(filter(None, (version_query(recorded.version_id), kept)))
