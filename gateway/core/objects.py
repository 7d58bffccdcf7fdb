"""Reading an object: which version, confirmed how, and a walk over its bytes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.core.at_hand import find_bytes, has_all
from gateway.core.freshness import (
    NO_DEMAND,
    Demand,
    age_seconds,
    find_listable,
    is_worth_noting,
    may_serve_stale,
    may_serve_unasked,
)
from gateway.core.listable import is_worth_showing
from gateway.core.questions import HEADERS_OF_GET, Adopt, Confirmed, Opening, confirmed_in
from gateway.core.reading import Piece, Reading, ReadParts
from gateway.core.receipt import Receipt
from gateway.core.sources import note_sources
from gateway.core.validation import Listed, Told, Validation
from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.model.failures import NotAtHand, OriginUnreachable, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Mode, Rule, Rules
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.origin.interface import OriginAnswer
from gateway.telemetry import metrics

_RESTARTS_MAX = 3
NOT_AT_HAND = "It is not at hand, and the request forbids asking for it (only-if-cached)."

Select = Callable[[Row], ByteRange]
"""Judges conditions and the range on what was confirmed; raises what the client must be told."""


@dataclass(frozen=True, slots=True)
class Read:
    """An answer ready to be sent: its headers' source and its bytes, the first already at hand."""

    version: Version
    headers: tuple[tuple[str, str], ...]
    """As the origin sent them with the confirmation."""
    wanted: ByteRange
    pieces: AsyncGenerator[Piece]
    at_hand: bytes | None = None
    """All the bytes, where they are few and in memory: what `pieces` would give."""


class Question(NamedTuple):
    """A question to the origin that somebody waits for without a task."""

    name: ObjectName
    voice: Voice
    answer: "asyncio.Future[Told]"
    was_joined: bool

    @property
    def origin_requests(self) -> int:
        """Return how many requests to the origin are put down to whoever asked this."""
        answer = self.answer
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            return answer.result().origin_requests
        return int(not self.was_joined)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a read wants the origin asked: by whom, how fresh, and perhaps by its own GET."""

    voice: Voice
    opening: Opening | None = None
    """The GET to ask by where the name is unknown."""
    demand: Demand = NO_DEMAND
    """What the request asks beyond the rule."""
    question: Question | None = None
    """What was asked for this very request already, and is answered."""


class NotCacheable(Exception):  # noqa: N818 - a decision, not an error
    """The object must be streamed through; `reason` says why in the receipt."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class Objects:
    """The objects of the origin as this process sees them."""

    def __init__(
        self,
        parts: ReadParts,
        make_validation: Callable[[Adopt], Validation],
        rules: Rules,
        now_ns: Callable[[], int],
    ) -> None:
        """Join the parts; `rules` may be replaced while requests run."""
        self._parts = parts
        self._flash: Flash = parts.flash
        self._validation = make_validation(self._adopt)
        self._now_ns = now_ns
        self.rules = rules

    @property
    def parts(self) -> ReadParts:
        """Return what bodies are read with."""
        return self._parts

    def now_ns(self) -> int:
        """Return the wall clock that confirmations are stamped by."""
        return self._now_ns()

    def ask(self, name: ObjectName, voice: Voice) -> Question:
        """Ask the origin, for who waits without a task; a `read` may be given the question."""
        row = self._flash.find_row(name)
        known = find_listable(self.rules.find(name), row, voice, NO_DEMAND)
        return self._question(name, None, voice, known)

    def row_told(self, name: ObjectName, answer: Confirmed | Listed) -> Row | None:
        """Return the row of what was confirmed, noted; None where it must not be kept."""
        rule = self.rules.find(name)
        if isinstance(answer, Listed):
            return self._noted(answer, rule)
        return None if answer.version is None else self._row_for(name, answer, rule)

    async def confirm(self, name: ObjectName, voice: Voice, receipt: Receipt) -> Confirmed:
        """Return what the origin tells `voice` of `name`, asked after this call (a HEAD's answer).

        Raises NotCacheable where the rule wants everything past us, OriginRefused,
        OriginUnreachable.
        """
        rule = self._rule_of(name, receipt)
        confirmed = await self._told(self._question(name, None, voice), receipt)
        assert isinstance(confirmed, Confirmed)  # noqa: S101 - no row was given
        if confirmed.version is not None:
            self._row_for(name, confirmed, rule)
        return confirmed

    async def show(
        self, name: ObjectName, wish: Wish, receipt: Receipt, *, has_checksums: bool
    ) -> Confirmed:
        """Return what a HEAD shows: what is at hand where the name's rule lets that be served.

        With `has_checksums` that must know the object's checksums, which a ranged GET told nobody.
        Raises NotAtHand, and as `confirm` does.
        """
        rule = self._rule_of(name, receipt)
        row = self._flash.find_row(name)
        if row is not None and (row.version.checksums or not has_checksums):
            now_ns = self._now_ns()
            if may_serve_unasked(rule, row, wish.voice, now_ns, wish.demand):
                receipt.cache, receipt.age_seconds = "HIT", age_seconds(row, now_ns)
                return confirmed_in(row, wish.voice)
        if wish.demand.is_only_at_hand:
            raise NotAtHand(NOT_AT_HAND)
        return await self.confirm(name, wish.voice, receipt)

    async def read(
        self,
        name: ObjectName,
        select: Select,
        wish: Wish,
        receipt: Receipt,
    ) -> Read:
        """Return the bytes that `select` chooses, of a version fresh by the name's rule.

        The origin let the voice read that version, as that rule wants it asked. A version that
        changes before the first byte is found restarts the read. Raises NotCacheable, NotAtHand,
        what `select` raises, OriginRefused, OriginUnreachable.
        """
        rule = self._rule_of(name, receipt)
        self._flash.note_sighting(name)
        for _ in range(_RESTARTS_MAX):
            if not self._flash.is_healthy:
                raise NotCacheable("flash")
            row = await self._fresh(name, rule, wish, receipt)
            wanted = select(row)
            if wish.demand.is_only_at_hand and not has_all(
                self._flash, row, wanted, self._parts.chunk_bytes
            ):
                raise NotAtHand(NOT_AT_HAND)
            receipt.mark("decided")
            try:
                return await started_read(self._parts, row, wanted, wish.voice, receipt)
            except VersionChanged:
                self._flash.forget(name)
                receipt.restarts += 1
        raise OriginUnreachable(f"{name} changes faster than it can be read")

    async def current(self, name: ObjectName, wish: Wish, receipt: Receipt) -> Row:
        """Return the row of a version fresh by the name's rule; its body may be on its way.

        Raises NotCacheable, OriginRefused, OriginUnreachable.
        """
        rule = self._rule_of(name, receipt)
        if not self._flash.is_healthy:
            raise NotCacheable("flash")
        return await self._fresh(name, rule, wish, receipt)

    async def bring(self, row: Row, wanted: ByteRange, voice: Voice) -> None:
        """Return once the bytes `wanted` of that version lie on flash; no reader gets them.

        Raises VersionChanged, FlashTrouble, OriginRefused, OriginUnreachable.
        """
        try:
            await Reading(self._parts, row, wanted, voice, Receipt()).bring()
        except VersionChanged:
            self._flash.forget(row.name)
            raise

    def _rule_of(self, name: ObjectName, receipt: Receipt) -> Rule:
        """Return the rule of `name`, written down; raises NotCacheable where it is to bypass us."""
        rule = self.rules.find(name)
        receipt.rule, receipt.freshness = rule.match, str(rule.freshness)
        if rule.freshness.mode is Mode.BYPASS:
            raise NotCacheable("rule")
        return rule

    async def _fresh(self, name: ObjectName, rule: Rule, wish: Wish, receipt: Receipt) -> Row:
        """Return a row that may be served now, with the headers to serve."""
        voice, demand = wish.voice, wish.demand
        row = self._flash.find_row(name)
        if row is not None and may_serve_unasked(rule, row, voice, self._now_ns(), demand):
            receipt.cache, receipt.age_seconds = "HIT", age_seconds(row, self._now_ns())
            return row
        if demand.is_only_at_hand:
            raise NotAtHand(NOT_AT_HAND)
        if demand.version_id is not None:
            raise NotCacheable("versionId")
        # A restarted read asks again, by HEAD: what it was told, body and all, is overwritten.
        asked = None if receipt.restarts else wish.question
        if asked is None or (asked.name, asked.voice) != (name, voice):
            opening = _opening(wish, may_keep_body=row is None and not receipt.restarts)
            known = find_listable(rule, row, voice, demand)
            asked = self._question(name, opening, voice, known)
        try:
            answer = await self._told(asked, receipt)
        except OriginUnreachable:
            stale = self._find_stale(name, rule, voice, demand)
            if stale is None:
                raise
            receipt.cache, receipt.age_seconds = "STALE", age_seconds(stale, self._now_ns())
            return stale
        receipt.cache = "REVALIDATED"
        if isinstance(answer, Listed):
            return self._noted(answer, rule)
        if answer.version is None:
            raise NotCacheable("no strong validator")
        if answer.is_opening:
            receipt.validation = "opening"
        return self._row_for(name, answer, rule)

    def _find_stale(self, name: ObjectName, rule: Rule, voice: Voice, demand: Demand) -> Row | None:
        """Return the row that the rule lets stand in for an origin that cannot be asked."""
        # Looked up after the question failed: what was written meanwhile took the row away.
        row = self._flash.find_row(name)
        if row is None or not may_serve_stale(rule, row, voice, self._now_ns(), demand):
            return None
        metrics.reads_stale.inc()
        return row

    def _question(
        self, name: ObjectName, opening: Opening | None, voice: Voice, known: Row | None = None
    ) -> Question:
        """Ask the origin with others; `known` is the row that a listing may confirm."""
        answer, was_joined = self._validation.question(name, opening, voice, known)
        return Question(name, voice, answer, was_joined)

    async def _told(self, question: Question, receipt: Receipt) -> Confirmed | Listed:
        """Return what the origin said, and write down how it was asked."""
        told = await question.answer
        receipt.validation = told.validation
        receipt.origin_requests += told.origin_requests
        receipt.mark("validated")
        return told.answer

    def _noted(self, listed: Listed, rule: Rule) -> Row:
        """Return the row that a listing confirmed, its confirmation written down where it counts.

        Its headers are those of the last HEAD.
        """
        row = listed.row
        if is_worth_noting(rule, row, self._now_ns()):
            row = replace(row, confirmed_ns=listed.sent_ns)
            self._flash.put_row(row)
        return row

    def _row_for(self, name: ObjectName, confirmed: Confirmed, rule: Rule) -> Row:
        """Return the row of a confirmed version, with the body on flash where it is the same."""
        version = confirmed.version
        assert version is not None  # noqa: S101 - both callers looked
        row = self._flash.find_row(name)
        if row is not None and row.version.has_same_body(version):
            body = row.body
        else:
            body = self._flash.body_of(name, version)
        if not version.checksums and row is not None and row.version.is_same_tuple(version):
            version = row.version  # a ranged GET tells no checksums; what a HEAD told still holds
        fresh = Row(
            name,
            version,
            body,
            tuple(confirmed.headers.items()),
            confirmed.sent_ns,
            confirmed.voice.mark,
        )
        if self._is_worth_keeping(rule, row, fresh):
            self._flash.put_row(fresh)
        if row is not None and version.checksums and not row.version.checksums:
            # Learnt after the body was filled, by ranged GETs, which tell none.
            self._parts.filling.checks.judge(fresh)
        return fresh

    def _is_worth_keeping(self, rule: Rule, row: Row | None, fresh: Row) -> bool:
        if row is None:
            # Of what flash does not take each GET is its own question: one request, not two.
            return self._flash.refusal(fresh.name, fresh.version.size) is None
        if row.version != fresh.version or is_worth_noting(rule, row, self._now_ns()):
            return True
        return rule.batch_validation and is_worth_showing(row, fresh)

    def _adopt(
        self, name: ObjectName, confirmed: Confirmed, answer: OriginAnswer, start: int
    ) -> None:
        """Make an opening GET's body the fill of its first run, before anyone else asks for it."""
        row = self._row_for(name, confirmed, self.rules.find(name))
        length = int(answer.headers.get("Content-Length", "0"))
        if length == 0 or start % self._parts.chunk_bytes:
            answer.close()
            return
        wanted = ByteRange(start, start + length)
        if self._flash.refusal(name, row.version.size) is not None:
            self._parts.filling.pass_on(row, answer, wanted, confirmed.voice)
            return
        self._parts.filling.adopt(row, answer, wanted, confirmed.voice)


async def started_read(
    parts: ReadParts, row: Row, wanted: ByteRange, voice: Voice, receipt: Receipt
) -> Read:
    """Return the bytes `wanted` of the version in `row`, the first of them at hand.

    Raises VersionChanged, NotCacheable for a body that must not be on flash, OriginRefused,
    OriginUnreachable.
    """
    if parts.filling.checks.is_quarantined(row.body):
        raise NotCacheable("quarantine")
    if receipt.is_explained:
        await note_sources(parts.flash, row, wanted, parts.chunk_bytes, receipt)
    at_hand = find_bytes(parts.flash, row, wanted, parts.chunk_bytes)
    if at_hand is not None:
        metrics.reads_from_flash.inc()
        return Read(row.version, row.headers, wanted, _given(at_hand), at_hand)
    primed = await _primed(Reading(parts, row, wanted, voice, receipt).pieces())
    is_miss = receipt.cache == "MISS"
    (metrics.reads_from_origin if is_miss else metrics.reads_from_flash).inc()
    receipt.mark("first_byte")
    return Read(row.version, row.headers, wanted, primed)


def _opening(wish: Wish, *, may_keep_body: bool) -> Opening | None:
    """Return the GET to ask by, or None: by HEAD. A site is shown what a GET shows it."""
    opening = wish.opening if may_keep_body else None
    return HEADERS_OF_GET if opening is None and wish.voice.site else opening


async def _given(body: bytes) -> AsyncGenerator[Piece]:
    """Yield a body that is at hand."""
    if body:
        yield body


async def _primed(pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
    """Wait for the first piece, so that a failure before it can still become an error answer."""
    first = await anext(pieces, None)
    return _chained(first, pieces)


async def _chained(first: Piece | None, rest: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
    """Yield the first piece again, then the rest."""
    async with aclosing(rest):
        if first is not None:
            yield first
        async for piece in rest:
            yield piece
