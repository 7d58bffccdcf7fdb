"""A second question for one that takes unusually long; the first answer counts.

Only what is safe to repeat, only after the 95th percentile of what such questions took lately, only
while the budget lasts (J. Dean and L. Barroso, *The Tail at Scale*). Below 50 ms nothing is gained:
a scheduler's hiccup here is no slow server there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.model.failures import Failure, OriginUnreachable
from gateway.origin.budgets import HEDGES, Budget
from gateway.origin.interface import OriginAnswer, OriginRequest
from gateway.telemetry import metrics

DELAY_SECONDS_MIN: Final = 0.05
SAMPLES: Final = 512
SAMPLES_MIN: Final = 100
_RECKONED_EVERY: Final = 32
_QUANTILE: Final = 0.95

Ask = Callable[[OriginRequest], Awaitable[OriginAnswer]]


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
        async with asyncio.TaskGroup() as tasks:
            running = {tasks.create_task(self._outcome(request, tail))}
            done, running = await asyncio.wait(running, timeout=delay_seconds)
            if not done and self._budget.spend(self._clock()):
                metrics.origin_hedges.inc()
                running.add(tasks.create_task(self._outcome(request, tail)))
            answer: OriginAnswer | None = None
            failure: Failure | None = None
            while answer is None and (running or done):
                if not done:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    outcome = task.result()
                    if isinstance(outcome, Failure):
                        failure = outcome
                    elif answer is None:
                        answer = outcome
                    else:
                        outcome.close()
                done = set()
            for loser in running:
                loser.cancel()
        if answer is not None:
            return answer
        raise failure or OriginUnreachable("the origin gave no answer")

    async def _outcome(self, request: OriginRequest, tail: Tail) -> OriginAnswer | Failure:
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
