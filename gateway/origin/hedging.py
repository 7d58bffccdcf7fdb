"""A second question for one that takes unusually long; the first answer counts.

Only what is safe to repeat, only after the 95th percentile of what such questions took lately, only
while the budget lasts (J. Dean and L. Barroso, *The Tail at Scale*). Below 50 ms nothing is gained:
a scheduler's hiccup here is no slow server there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.model.failures import Failure
from gateway.origin.budgets import HEDGES, Budget
from gateway.origin.interface import OriginAnswer, OriginRequest
from gateway.telemetry import metrics

DELAY_SECONDS_MIN: Final = 0.05
SAMPLES: Final = 512
SAMPLES_MIN: Final = 100
_RECKONED_EVERY: Final = 32
_QUANTILE: Final = 0.95

Ask = Callable[[OriginRequest], Awaitable[OriginAnswer]]
Outcome = OriginAnswer | Failure


class Tail:
    """What questions of one method took lately, and their 95th percentile (pure)."""

    __slots__ = ("_count", "_samples", "delay_seconds")

    def __init__(self) -> None:
        """Know nothing yet: `delay_seconds` is None until there are enough samples."""
        self._samples = [0.0] * SAMPLES
        self._count = 0
        self.delay_seconds: float | None = None

    def note(self, seconds: float) -> None:
        """Take the time to one first byte."""
        self._samples[self._count % SAMPLES] = seconds
        self._count += 1
        if self._count >= SAMPLES_MIN and self._count % _RECKONED_EVERY == 0:
            known = sorted(self._samples[: self._count])
            self.delay_seconds = max(known[int(_QUANTILE * len(known))], DELAY_SECONDS_MIN)


class _Race:
    """A first question, asked by whoever waits, and perhaps a second one that may end it."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: asyncio.Timeout) -> None:
        """Let the first go on within `first`, which is over where the second has an answer."""
        self._first = first
        self._second: asyncio.Task[Outcome] | None = None

    def begin(self, second: "asyncio.Task[Outcome]") -> None:
        """Let a second question run."""
        self._second = second
        second.add_done_callback(self._overtake)

    def _overtake(self, second: "asyncio.Task[Outcome]") -> None:
        if self._second is second and not (
            second.cancelled() or second.exception() or isinstance(second.result(), Failure)
        ):
            self._first.reschedule(asyncio.get_running_loop().time())

    async def outcome_of(self, first: Awaitable[Outcome]) -> Outcome:
        """Return the first answer, else the last failure; the loser is cancelled or closed."""
        outcome: Outcome | None = None
        try:
            async with self._first:
                outcome = await first
        except TimeoutError:
            if not self._first.expired():
                raise
        second, self._second = self._second, None
        if second is None:
            assert outcome is not None  # noqa: S101 - only a second one ends the first
            return outcome
        if outcome is None or isinstance(outcome, Failure):
            return await second
        if not second.cancel():
            _drop(second.result())
        return outcome


def _drop(outcome: Outcome) -> None:
    if not isinstance(outcome, Failure):
        outcome.close()


class Hedging:
    """Asks, and asks a second time where the first takes too long."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        """Ask by `ask`; `clock` tells monotonic seconds."""
        self._ask = ask
        self._clock = clock
        self._tails: dict[tuple[str, bool], Tail] = {}
        self._budget = Budget(HEDGES, clock())

    async def ask(self, request: OriginRequest) -> OriginAnswer:
        """Return the first answer; raises OriginUnreachable where there is none."""
        # A listing is no object: what takes long for one may be quick for the other.
        kind = (request.method, bool(request.raw_key))
        tail = self._tails.setdefault(kind, Tail())
        self._budget.earn()
        if tail.delay_seconds is None:
            return await self._timed(request, tail)
        return await self._raced(request, tail, tail.delay_seconds)

    async def _raced(
        self, request: OriginRequest, tail: Tail, delay_seconds: float
    ) -> OriginAnswer:
        """Ask here, and in a task of its own only a second time: few questions come to that."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            race = _Race(asyncio.timeout(None))

            def hedge() -> None:
                if self._budget.spend(self._clock()):
                    metrics.origin_hedges.inc()
                    race.begin(tasks.create_task(self._outcome(request, tail)))

            timer = loop.call_later(delay_seconds, hedge)
            try:
                outcome = await race.outcome_of(self._outcome(request, tail))
            finally:
                timer.cancel()
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    async def _outcome(self, request: OriginRequest, tail: Tail) -> Outcome:
        """Return the answer or why there is none: a group would end with the first failure."""
        try:
            return await self._timed(request, tail)
        except Failure as failure:
            return failure

    async def _timed(self, request: OriginRequest, tail: Tail) -> OriginAnswer:
        began = self._clock()
        try:
            answer = await self._ask(request)
        except asyncio.CancelledError:
            # One that lost its race took at least so long: without it the tail would look short.
            taken = self._clock() - began
            if tail.delay_seconds is not None and taken >= tail.delay_seconds:
                tail.note(taken)
            raise
        tail.note(self._clock() - began)
        return answer
