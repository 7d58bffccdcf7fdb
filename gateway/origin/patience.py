"""Patience with the origin: what is safe to repeat is asked again, within budgets and a deadline.

GET and HEAD only, and only for what passes: a broken connection, a timeout, 429, 500, 502, 503,
504. A question has a few attempts, with full jitter between them
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and where it is refused
(429, 503) as many as patience has time for, ever slower. All of them together, and the resumptions
of bodies that broke, have a budget. Where the origin itself seems to be away, questions wait for it
without asking, and an outage that is shorter than the patience is not seen by any reader. A longer
one is told soon.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from gateway.model.failures import Failure, OriginUnreachable
from gateway.origin.breaker import Breaker
from gateway.origin.budgets import REPETITIONS, Budget
from gateway.origin.hedging import Hedging
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.origin.pacing import Pacing
from gateway.telemetry import metrics

PASSING_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSALS: Final = frozenset({429, 503})
_BACKOFF_SECONDS: Final = 0.05
_BACKOFF_SECONDS_MAX: Final = 2.0
_BUDGET_SECONDS: Final = 0.25


class _RefusedError(OriginUnreachable):
    """The origin said that it is asked too much, or not now."""


@dataclass(frozen=True, slots=True)
class PatienceParameters:
    """How often, how long, and whether twice at once."""

    attempts_max: int = 3
    seconds: float = 10.0
    is_hedging: bool = True


class PatientOrigin:
    """An origin that is asked again where that may help."""

    def __init__(
        self,
        origin: Origin,
        parameters: PatienceParameters = PatienceParameters(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Stand before `origin`; `clock` tells monotonic seconds."""
        self._parameters = parameters
        self._clock = clock
        self._origin = origin
        self._ask = Hedging(origin.ask, clock).ask if parameters.is_hedging else origin.ask
        self._breaker = Breaker(lambda: random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        self._budget = Budget(REPETITIONS, clock())
        self._pacing = Pacing()
        self._closed = asyncio.Event()

    async def ask(self, request: OriginRequest) -> OriginAnswer:
        """Ask; raises OriginUnreachable where attempts or patience ran out.

        What is not safe to repeat is asked once, at once.
        """
        if request.method not in _REPEATABLE:
            return await self._origin.ask(request)
        if not request.is_repetition:
            self._budget.earn()
        return await self._ask_patiently(request, self._clock() + self._parameters.seconds)

    async def _ask_patiently(self, request: OriginRequest, deadline: float) -> OriginAnswer:
        attempts = 0
        failure: OriginUnreachable | None = None
        while True:
            await self._turn(request, deadline, failure)
            if attempts or request.is_repetition:
                await self._afford(deadline, failure)
                metrics.origin_retries.inc(bool(attempts))
            attempts += 1
            is_last = attempts >= self._parameters.attempts_max
            answer, failure = await self._asked_once(request, is_last=is_last)
            is_over = is_last and not self._breaker.is_open
            # A refusal is no failed attempt: it says to come back, and patience is for that.
            is_over = is_over and not isinstance(failure, _RefusedError)
            if answer is not None:
                if failure is None or (is_over and request.keeps_answer):
                    return answer
                answer.close()
            assert failure is not None  # noqa: S101 - there is one or the other
            if is_over:
                raise failure
            if not self._breaker.is_open:
                await self._pause(backoff_seconds(attempts), deadline, failure)

    async def _turn(
        self, request: OriginRequest, deadline: float, failure: OriginUnreachable | None
    ) -> None:
        """Return when the question may be asked; raises OriginUnreachable past the deadline."""
        while True:
            await self._wait_closed(deadline, failure)
            now = self._clock()
            self._pacing.note_asked(now)
            # Of an open breaker this is the probe, and it waits for nobody.
            if not len(self._pacing) or self._breaker.is_open:
                return
            seconds = self._pacing.reserve(_prefix(request), now, deadline - now)
            if seconds is None:
                raise failure or OriginUnreachable("the origin is asked no more than it can take")
            await asyncio.sleep(seconds)
            if not self._breaker.is_open:
                return

    async def _wait_closed(self, deadline: float, failure: OriginUnreachable | None) -> None:
        """Return when the breaker is closed, or this question is the probe."""
        was_probed = failure is not None  # by this very question, perhaps
        while pause_seconds := self._breaker.pause_seconds(self._clock()):
            # Of an outage that outlasts everyone's patience the next probe tells, not the deadline.
            if was_probed and self._is_lasting:
                raise failure or OriginUnreachable("the origin does not answer for some time now")
            was_probed = True
            self._closed.clear()
            await self._pause(pause_seconds, deadline, failure)

    @property
    def _is_lasting(self) -> bool:
        opened_at = self._breaker.opened_at
        return opened_at is not None and self._clock() - opened_at > self._parameters.seconds

    async def _afford(self, deadline: float, failure: OriginUnreachable | None) -> None:
        """Return when the budget has a repetition left, at the latest before the deadline."""
        while not self._budget.spend(self._clock()):
            metrics.origin_retries_waited.inc()
            await self._pause(_BUDGET_SECONDS, deadline, failure)

    async def _pause(
        self, seconds: float, deadline: float, failure: OriginUnreachable | None
    ) -> None:
        """Wait, at most until an open breaker closes."""
        if not seconds:
            return
        if self._clock() + seconds > deadline:
            raise failure or OriginUnreachable("the origin is asked no more than it can take")
        if not self._breaker.is_open:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    async def _asked_once(
        self, request: OriginRequest, *, is_last: bool
    ) -> tuple[OriginAnswer | None, OriginUnreachable | None]:
        """Ask and take note; return the answer, and why it passes where it does."""
        # Of an open breaker only the probe is let through.
        is_probe = self._breaker.is_open
        try:
            answer = await self._ask(request)
        except OriginUnreachable as unreachable:
            self._note_failure(is_probe=is_probe, is_last=is_last)
            return None, unreachable
        except (Failure, asyncio.CancelledError):
            if is_probe:
                self._breaker.abandoned()
            raise
        if answer.status not in PASSING_STATUSES:
            if self._breaker.succeeded():
                metrics.origin_breaker_open.set(0)
                self._closed.set()
            return answer, None
        is_refusal = answer.status in _REFUSALS
        if is_refusal and not is_probe:
            self._pacing.refused(_prefix(request), self._clock())
        self._note_failure(is_probe=is_probe, is_last=is_last and is_refusal)
        kind = _RefusedError if is_refusal else OriginUnreachable
        return answer, kind(f"the origin answered {answer.status}")

    def _note_failure(self, *, is_probe: bool, is_last: bool) -> None:
        was_open = self._breaker.is_open
        self._breaker.failed(self._clock(), is_probe=is_probe, is_last=is_last)
        if self._breaker.is_open and not was_open:
            metrics.origin_breaker_opened.inc()
            metrics.origin_breaker_open.set(1)


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after attempt number `attempt` (from 1) failed."""
    return random.uniform(0, min(_BACKOFF_SECONDS_MAX, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter


def _prefix(request: OriginRequest) -> str:
    """Return what S3 may scale by: the bucket and the key's first part."""
    return f"{request.bucket}/{request.raw_key.partition('/')[0]}"
