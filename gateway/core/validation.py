"""One question to the origin shared by everyone who arrived before it was sent.

Requests for a name join the *next* question, never one already in flight: nobody gets an answer
older than its question, and N clients cost one origin request per round trip. The question is a
HEAD (a 304 carries no headers with many origins), or, for a name that flash does not know, the
first waiter's GET, whose body opens the fill. Those who know a row that a listing may confirm say
so, and one LIST page may then answer for many names (`core/batching` decides when).

What the origin tells one voice it tells no other: each voice has groups of its own.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from gateway.core.batching import Batch, PagePlan
from gateway.core.listable import has_same_class
from gateway.core.paging import PageAnswer, Word, ask_page
from gateway.core.questions import Adopt, Confirmed, Opening, Questions
from gateway.flash.rows import Row
from gateway.model.failures import Failure, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import Origin
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)

_REFUSED_SECONDS: Final = 60.0
_AWAY_SECONDS: Final = 30.0
_UNTRUE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A row that a page of the bucket's listing confirmed, headers and all."""

    row: Row
    sent_ns: int
    """Wall clock when the page was asked for."""


class Told(NamedTuple):
    """What one who waited is told."""

    answer: Confirmed | Listed
    """Listed only where a row was given that a listing may confirm."""
    validation: str
    """own, joined or batched."""
    origin_requests: int
    """What is put down to this one of those who share the answer."""


class _Waiter(NamedTuple):
    future: "asyncio.Future[Told]"
    opening: Opening | None
    known: Row | None
    is_first: bool


class _Place(Enum):
    IDLE = auto()
    WAITING = auto()  # for a page, in the bucket's batch
    ASKED = auto()


@dataclass(slots=True, eq=False)
class _Group:
    """Those who ask about one name with one voice."""

    name: ObjectName
    voice: Voice
    waiting: list[_Waiter] = field(default_factory=list)
    place: _Place = _Place.IDLE
    batch: "Batch[_Group] | None" = None
    """What counts the question that is about to be asked alone, where one does."""
    was_alone: bool = False
    doubted: Row | None = None
    """What a listing says is not there: the next HEAD tells whether that was true."""

    @property
    def key(self) -> str:
        """Return what a listing is asked for."""
        return self.name.key

    @property
    def known(self) -> Row | None:
        """Return the row that a listing may confirm to all who wait; None: it may not."""
        rows = [waiter.known for waiter in self.waiting]
        return rows[-1] if rows and None not in rows else None

    def take_round(self) -> list[_Waiter]:
        """Return all who wait: the question that is sent now is theirs."""
        round_, self.waiting = self.waiting, []
        return round_


_BATCHES_MAX: Final = 64
_Asked = tuple[ObjectName, str]
"""What is asked about, and the mark of the voice that asks."""


class Validation:
    """Asks the origin about names, in groups."""

    def __init__(
        self,
        origin: Origin,
        tasks: asyncio.TaskGroup,
        now_ns: Callable[[], int],
        adopt: Adopt,
    ) -> None:
        """Ask `origin`; questions run in `tasks`, so that a client that leaves breaks none."""
        self._origin = origin
        self._tasks = tasks
        self._now_ns = now_ns
        self._questions = Questions(origin, now_ns, adopt)
        self._groups: dict[_Asked, _Group] = {}
        self._batches: OrderedDict[str, Batch[_Group]] = OrderedDict()

    async def confirm(
        self, name: ObjectName, opening: Opening | None, voice: Voice
    ) -> tuple[Confirmed, bool]:
        """Return an answer to a question of `voice` sent after this call, and whether it joined.

        Raises OriginUnreachable, and OriginRefused with the origin's own error answer.
        """
        future, joined = self.question(name, opening, voice)
        told = await future
        assert isinstance(told.answer, Confirmed)  # noqa: S101 - no row was given
        return told.answer, joined

    def question(
        self,
        name: ObjectName,
        opening: Opening | None,
        voice: Voice,
        known: Row | None = None,
    ) -> "tuple[asyncio.Future[Told], bool]":
        """Return where the answer that `confirm` waits for will be, and whether it joined.

        `known` is the row that a listing may confirm (`core/listable`), of Forebay's own voice. The
        future may be cancelled, or be given a callback; it holds what `confirm` raises.
        """
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        asked = (name, voice.mark)
        group = self._groups.get(asked)
        if group is None:
            group = self._groups[asked] = _Group(name, voice)
        is_first = not group.waiting
        group.waiting.append(_Waiter(future, opening, known, is_first))
        if not is_first:
            metrics.validations_joined.inc()
        if group.place is _Place.IDLE:
            self._arrange(group)
        elif group.place is _Place.WAITING and known is None:
            self._ask_alone(self._batch_of(name.bucket).take(name.key))
        return future, not is_first

    def _arrange(self, group: _Group) -> None:
        """Have those who wait asked for now, or let them wait for a page."""
        if group.known is not None:
            batch = self._batch_of(group.name.bucket)
            if batch.keep(group, self._now()):
                group.place = _Place.WAITING
                return
        self._ask_alone(group)

    def _ask_alone(self, group: _Group) -> None:
        """Have the question about this one name asked."""
        group.place = _Place.ASKED
        self._count(group)
        self._tasks.create_task(self._ask_until_nobody_waits(group))

    def _count(self, group: _Group) -> None:
        """Count the question that is asked next, where pages might be asked in its place."""
        if group.known is not None:
            group.batch = self._batch_of(group.name.bucket)
            group.was_alone = group.batch.began()

    async def _ask_until_nobody_waits(self, group: _Group) -> None:
        """Serve round after round; between the last check and the removal nothing awaits."""
        while group.waiting:
            round_, begun = group.take_round(), self._now()
            outcome = await self._outcome(group.name, round_, group.voice)
            self._tell_alone(round_, outcome)
            self._check_doubt(group, outcome)
            batch, group.batch = group.batch, None
            if batch is not None:
                batch.head_ended(self._now() - begun, was_alone=group.was_alone)
                self._ask_who_waits(group.name.bucket, batch)
                if group.known is not None and batch.keep(group, self._now()):
                    group.place = _Place.WAITING
                    return
            self._count(group)
        group.place = _Place.IDLE
        del self._groups[group.name, group.voice.mark]

    def _tell_alone(self, round_: list[_Waiter], outcome: Confirmed | Failure) -> None:
        """Tell those who shared a question about one name."""
        for waiter in round_:
            if waiter.future.done():
                continue
            if isinstance(outcome, Failure):
                waiter.future.set_exception(outcome)
            else:
                how = "own" if waiter.is_first else "joined"
                waiter.future.set_result(Told(outcome, how, int(waiter.is_first)))

    def _ask_who_waits(self, bucket: str, batch: "Batch[_Group]") -> None:
        """Ask about those who waited for an answer, as the batch plans it."""
        while (plan := batch.next(self._now())) is not None:
            if isinstance(plan, PagePlan):
                batch.began()
                for group in plan.groups:
                    group.place = _Place.ASKED
                self._tasks.create_task(self._ask_by_page(bucket, batch, plan))
            else:
                self._ask_alone(plan)

    async def _ask_by_page(
        self, bucket: str, batch: "Batch[_Group]", plan: "PagePlan[_Group]"
    ) -> None:
        """Ask for the page, and tell in one pass all whom it confirms their row to."""
        rounds = [(group, group.known, group.take_round()) for group in plan.groups]
        begun = self._now()
        try:
            page = await self._page(bucket, plan)
        except Failure as failure:
            is_refused = isinstance(failure, OriginRefused)
            batch.page_failed(
                plan, self._now() + (_REFUSED_SECONDS if is_refused else _AWAY_SECONDS)
            )
            _log.info(
                "no page of %s can be had, its keys are asked about alone: %s", bucket, failure
            )
            for group, _, round_ in rounds:
                self._ask_again(group, round_)
        else:
            confirmed = self._tell_page(batch, page, rounds)
            metrics.validations_batched.inc(confirmed)
            batch.page_ended(plan, page.stop, confirmed, self._now() - begun)
        self._ask_who_waits(bucket, batch)

    async def _page(self, bucket: str, plan: "PagePlan[_Group]") -> PageAnswer:
        """Ask for the page; a fault of ours is a Failure too."""
        keys = [group.key for group in plan.groups]
        try:
            return await ask_page(self._origin, bucket, plan.start_after, keys, self._now_ns)
        except Failure:
            raise
        except Exception:  # noqa: BLE001 - as in `_outcome`
            # It must end neither the waiting of those keys nor every other request's task.
            _log.exception("the page of %s failed inside", bucket)
            raise Failure("We encountered an internal error. Please try again.") from None

    def _tell_page(
        self,
        batch: "Batch[_Group]",
        page: PageAnswer,
        rounds: "list[tuple[_Group, Row | None, list[_Waiter]]]",
    ) -> int:
        """Tell whom the page confirms their row to; return of how many keys."""
        confirmed = 0
        for group, row, round_ in rounds:
            word = page.word_on(row) if row is not None else Word.NOTHING
            if row is not None and word is Word.CONFIRMED:
                listed = Listed(row, page.sent_ns)
                for waiter in round_:
                    if not waiter.future.done():
                        is_payer = waiter.is_first and not confirmed
                        waiter.future.set_result(Told(listed, "batched", int(is_payer)))
                confirmed += 1
                self._go_on(group)
            elif word is Word.BEYOND:
                group.waiting[:0] = round_
                self._wait_on(batch, group)
            else:
                group.doubted = row if word is Word.OTHERWISE else None
                self._ask_again(group, round_)
        return confirmed

    def _go_on(self, group: _Group) -> None:
        """Turn to those who came meanwhile."""
        if group.waiting:
            self._arrange(group)
        else:
            group.place = _Place.IDLE
            del self._groups[group.name, group.voice.mark]

    def _wait_on(self, batch: "Batch[_Group]", group: _Group) -> None:
        """Let wait for another page whom this one did not reach."""
        if group.known is None:
            self._ask_alone(group)
        else:
            group.place = _Place.WAITING
            batch.give_back(group)

    def _ask_again(self, group: _Group, round_: list[_Waiter]) -> None:
        """Leave the word to a HEAD."""
        group.waiting[:0] = round_
        self._ask_alone(group)

    def _check_doubt(self, group: _Group, outcome: Confirmed | Failure) -> None:
        """Believe no listing for a while that did not show what was there before it was asked."""
        row, group.doubted = group.doubted, None
        if row is None or not isinstance(outcome, Confirmed) or outcome.version is None:
            return
        if row.version.is_same_tuple(outcome.version) and has_same_class(row, outcome.headers):
            bucket = group.name.bucket
            metrics.validation_pages_untrue.inc()
            _log.warning(
                "LIST of %s does not show what HEAD shows of %s: validating without it for %d s. "
                'If the origin\'s LIST lags, set origin.list_consistency = "weak"',
                bucket,
                group.key,
                _UNTRUE_SECONDS,
            )
            self._batch_of(bucket).be_silent(self._now() + _UNTRUE_SECONDS)

    def _batch_of(self, bucket: str) -> "Batch[_Group]":
        """Return the bucket's batch; those of buckets that are quiet are forgotten, if many are."""
        batch = self._batches.get(bucket)
        if batch is None:
            batch = self._batches[bucket] = Batch()
            if len(self._batches) > _BATCHES_MAX:
                idle = next((name for name, one in self._batches.items() if one.is_idle), bucket)
                if idle != bucket:
                    del self._batches[idle]
        return batch

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _outcome(
        self, name: ObjectName, round_: list[_Waiter], voice: Voice
    ) -> Confirmed | Failure:
        """Return what every waiter of this round shares: the answer, or the failure."""
        opening = next((w.opening for w in round_ if w.opening is not None), None)
        try:
            return await self._questions.ask(name, opening, voice)
        except Failure as failure:
            return failure
        except Exception:  # noqa: BLE001 - the waiters get it, and the log
            # A fault of ours: it must reach the waiters, not end every other request's task.
            _log.exception("the question about %s failed inside", name)
            return Failure("We encountered an internal error. Please try again.")
