"""Reading what a snapshot recorded: that version or none, and unasked once it was confirmed.

What the record says of an object never changes, so its row is kept on flash under a name of the
snapshot's own and is then served as an `immutable` one is. The first touch finds the headers: in
the source's row where that still is the recorded version, else by a HEAD pinned to it. Chunks are
the source's: the same body, whoever asked for it first.

A version that the origin has no more is told in words; other bytes are never served for it.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from multidict import CIMultiDictProxy

from gateway.core.at_hand import has_all
from gateway.core.described import described_version, is_lasting_id
from gateway.core.freshness import age_seconds, may_serve_unasked
from gateway.core.objects import (
    NOT_AT_HAND,
    NotCacheable,
    Read,
    Select,
    Wish,
    started_read,
)
from gateway.core.pinned import PinnedRow
from gateway.core.questions import Confirmed, confirmed_in
from gateway.core.reading import ReadParts
from gateway.core.receipt import Receipt
from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.model.failures import (
    AccessDenied,
    Failure,
    NotAtHand,
    NotFound,
    OriginRefused,
    VersionChanged,
)
from gateway.model.names import ObjectName
from gateway.model.rules import Freshness, Mode, Rule, Rules
from gateway.model.snapshots import Recorded, Snapshot
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.origin.interface import OriginRequest
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.listings import http_date, listing_query
from gateway.state.snapshots import Held, Snapshots
from gateway.telemetry import metrics

RULE: Final = Rule("snapshot", Freshness(Mode.IMMUTABLE))
"""What a row kept under a snapshot is served by, whatever the rules say of the source."""
GONE_STATUSES: Final = frozenset({404, 405, 412})
"""How an origin says that it has that version no more; 405 is a delete marker's."""
_OK: Final = 200
_ERROR_BYTES_MAX: Final = 64 * 1024
_RESTARTS_MAX: Final = 3
_NULL_VERSION: Final = "null"


class SnapshotObjects:
    """The objects of all snapshots; asked by the names under which they appear."""

    def __init__(
        self,
        parts: ReadParts,
        snapshots: Snapshots,
        rules_now: Callable[[], Rules],
        now_ns: Callable[[], int],
    ) -> None:
        """Read through the parts that all reads share; `rules_now` are the sources'."""
        self._parts = parts
        self._flash = parts.flash
        self._snapshots = snapshots
        self._rules_now = rules_now
        self._now_ns = now_ns

    async def read(self, name: ObjectName, select: Select, wish: Wish, receipt: Receipt) -> Read:
        """Return the bytes that `select` chooses of the recorded version.

        Raises NotFound for what was not recorded, NotCacheable for what must be asked for each
        time, Failure (PreconditionFailed) where the origin has that version no more, what `select`
        raises, NotAtHand, OriginRefused, OriginUnreachable.
        """
        snapshot, held = self._held(name.bucket)
        only_at_hand = wish.demand.is_only_at_hand
        row = await self._row(held, name.key, wish.voice, receipt, only_at_hand=only_at_hand)
        named = wish.demand.version_id
        if named is not None and not _is_same_id(named, row.version.version_id):
            raise NotFound("The specified version does not exist.", code="NoSuchVersion")
        wanted = select(row)
        if only_at_hand and not has_all(self._flash, row, wanted, self._parts.chunk_bytes):
            raise NotAtHand(NOT_AT_HAND)
        receipt.mark("decided")
        for _ in range(_RESTARTS_MAX):
            try:
                return await started_read(self._parts, row, wanted, wish.voice, receipt)
            except VersionChanged:
                # Perhaps only a fill that was not pinned by the version's id: begun anew, ours is.
                receipt.restarts += 1
        raise gone(snapshot, name.key, row.version.etag)

    async def show(
        self,
        name: ObjectName,
        wish: Wish,
        receipt: Receipt,
        *,
        has_checksums: bool = False,  # noqa: ARG002 - a recorded version has those that there are
    ) -> Confirmed:
        """Return what a HEAD shows of the recorded version; raises as `read` does."""
        _, held = self._held(name.bucket)
        only_at_hand = wish.demand.is_only_at_hand
        row = await self._row(held, name.key, wish.voice, receipt, only_at_hand=only_at_hand)
        return confirmed_in(row, wish.voice)

    async def recorded(self, name: ObjectName, voice: Voice) -> tuple[Snapshot, Recorded]:
        """Return what was recorded under a name; raises NotFound, as it may be told `voice`."""
        snapshot, held = self._held(name.bucket)
        return snapshot, await self._found(held, name.key, voice)

    async def ask_listing(
        self, snapshot: Snapshot, prefix: str, voice: Voice
    ) -> CIMultiDictProxy[str]:
        """Return the headers of an answer to `voice` that lists the source.

        The record was told to Forebay: whoever has keys of their own at the origin is asked for
        there. Raises OriginRefused where they may not list, OriginUnreachable.
        """
        answer = await self._parts.origin.ask(
            OriginRequest(
                "GET",
                snapshot.bucket,
                query=listing_query(prefix=prefix, count_max=1),
                headers={"Accept-Encoding": "identity"},
                voice=voice,
            )
        )
        body = await answer.read(_ERROR_BYTES_MAX)
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, body)
        return answer.headers

    def _held(self, bucket: str) -> tuple[Snapshot, Held]:
        """Return the snapshot; raises NotFound where it went while the request was on its way."""
        held = self._snapshots.find(bucket)
        if held is None:
            raise NotFound("The specified bucket does not exist", code="NoSuchBucket")
        return held.snapshot, held

    async def _row(
        self, held: Held, key: str, voice: Voice, receipt: Receipt, *, only_at_hand: bool
    ) -> PinnedRow:
        """Return the recorded version's row, with the headers that `voice` was told."""
        snapshot = held.snapshot
        receipt.rule, receipt.freshness = RULE.match, str(RULE.freshness)
        if voice.site:
            raise NotCacheable("CORS of a snapshot")
        if self._rules_now().find(snapshot.source_of(key)).freshness.mode is Mode.BYPASS:
            raise NotCacheable("rule")
        if not self._flash.is_healthy:
            raise NotCacheable("flash")
        kept = self._flash.find_row(snapshot.kept_name(key))
        if kept is None or not may_serve_unasked(RULE, kept, voice, self._now_ns()):
            recorded = await self._found(held, key, voice)
            kept = self._adopted(snapshot, recorded, voice)
            if kept is None and only_at_hand:
                raise NotAtHand(NOT_AT_HAND)
            if kept is None:
                kept = await self._asked(snapshot, recorded, voice, receipt)
            else:
                receipt.cache = "HIT"
        else:
            receipt.cache = "HIT"
        receipt.age_seconds = age_seconds(kept, self._now_ns())
        return _pinned(kept, snapshot)

    async def _found(self, held: Held, key: str, voice: Voice) -> Recorded:
        # In a thread: a record is larger than memory, and its pages may be on the disk only.
        recorded = await asyncio.to_thread(held.record.find, key)
        if recorded is not None:
            return recorded
        if not voice.is_forebay:
            try:
                await self.ask_listing(held.snapshot, key, voice)
            except OriginRefused:
                raise AccessDenied("Access Denied") from None
        raise NotFound("The specified key does not exist.")

    def _adopted(self, snapshot: Snapshot, recorded: Recorded, voice: Voice) -> Row | None:
        """Return the row made of the source's, where that is the recorded version still."""
        row = self._flash.find_row(snapshot.source_of(recorded.key))
        if row is None or not may_serve_unasked(RULE, row, voice, self._now_ns()):
            return None
        if not is_recorded(row.version, recorded):
            return None
        return _kept(self._flash, snapshot, row)

    async def _asked(
        self, snapshot: Snapshot, recorded: Recorded, voice: Voice, receipt: Receipt
    ) -> Row:
        """Ask the origin for the headers of the recorded version, and keep them."""
        source, sent_ns = snapshot.source_of(recorded.key), self._now_ns()
        receipt.origin_requests += 1
        receipt.validation, receipt.cache = "own", "REVALIDATED"
        metrics.validations_sent.inc()
        answer = await self._parts.origin.ask(
            OriginRequest(
                "HEAD",
                source.bucket,
                encode_key(source.key),
                version_query(recorded.version_id),
                headers={
                    "Accept-Encoding": "identity",
                    "If-Match": recorded.etag,
                    "x-amz-checksum-mode": "ENABLED",
                },
                voice=voice,
            )
        )
        answer.close()
        receipt.mark("validated")
        if answer.status in GONE_STATUSES:
            raise gone(snapshot, recorded.key, recorded.etag)
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        version = described_version(answer.headers)
        if version is None:
            raise NotCacheable("no strong validator")
        if not is_recorded(version, recorded):
            raise gone(snapshot, recorded.key, recorded.etag)
        body = self._flash.body_of(source, version)
        headers = tuple(answer.headers.items())
        row = Row(source, version, body, headers, sent_ns, voice.mark)
        return _kept(self._flash, snapshot, row)


async def keep_at_hand(
    flash: Flash, snapshot: Snapshot, find: Callable[[str], Recorded | None]
) -> int:
    """Keep the rows of recorded versions that are on flash now; return how many.

    So they are read as they were though nobody read them through the snapshot before they were
    overwritten. `find` looks into the record. Raises FlashTrouble.
    """
    count = 0
    prefix = f"{snapshot.bucket}/{snapshot.prefix}"
    async with aclosing(flash.holdings.groups(prefix)) as groups:
        async for group in groups:
            for row in (holding.row for holding in group if holding.bytes_held):
                recorded = find(row.name.key)
                if recorded is None or not is_recorded(row.version, recorded):
                    continue
                if row.confirmed_ns > 0:
                    _kept(flash, snapshot, row)
                    count += 1
    return count


def _kept(flash: Flash, snapshot: Snapshot, row: Row) -> Row:
    """Keep a source's row under the snapshot's own name, and return it."""
    kept = Row(
        snapshot.kept_name(row.name.key),
        row.version,
        row.body,
        row.headers,
        row.confirmed_ns,
        row.confirmed_to,
    )
    flash.put_row(kept)
    return kept


def is_recorded(version: Version, recorded: Recorded) -> bool:
    """Return whether the origin shows the very version that was recorded."""
    return (
        version.etag == recorded.etag
        and version.size == recorded.size
        and (
            is_lasting_id(recorded.version_id)
            or version.last_modified == http_date(recorded.modified)
        )
        and (recorded.version_id is None or _is_same_id(recorded.version_id, version.version_id))
    )


def gone(snapshot: Snapshot, key: str, etag: str) -> Failure:
    """Return the failure of a version that the origin has no more, in words.

    It is no absence: the snapshot lists the key, and who takes a 404 for "not there" must not.
    """
    metrics.snapshot_versions_gone.inc()
    return Failure(
        f'The snapshot "{snapshot.name}" recorded {key} with ETag {etag}, and '
        f"s3://{snapshot.bucket} has that version no more: it was overwritten or deleted after "
        f"{snapshot.created}",
        code="PreconditionFailed",
    )


def version_query(version_id: str | None) -> str:
    """Return the query that names a version; '' where none was recorded."""
    return "" if version_id is None else f"versionId={encode(version_id)}"


def _pinned(kept: Row, snapshot: Snapshot) -> PinnedRow:
    """Return the row as the source's, to be asked for by its version's id where one was kept."""
    query = version_query(kept.version.version_id) if snapshot.has_versions else ""
    return PinnedRow(
        snapshot.source_of(kept.name.key),
        kept.version,
        kept.body,
        kept.headers,
        kept.confirmed_ns,
        kept.confirmed_to,
        query,
    )


def _is_same_id(one: str | None, other: str | None) -> bool:
    """Return whether both name one version; what was never versioned is `null`."""
    return (one or _NULL_VERSION) == (other or _NULL_VERSION)
