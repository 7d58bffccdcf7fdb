"""Patience with the origin: a question without a body is asked again, a few times, a little later.

Only what is safe to repeat is repeated (GET and HEAD), only for what passes (a broken connection, a
timeout, 429, 500, 502, 503, 504), with full jitter
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

import asyncio
import random

from gateway.model.failures import OriginUnreachable
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.telemetry import metrics

PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
_BACKOFF_SECONDS = 0.05
_BACKOFF_SECONDS_MAX = 2.0


class PatientOrigin:
    """An origin whose questions are repeated up to `attempts_max` times in all."""

    def __init__(self, origin: Origin, attempts_max: int = 3) -> None:
        """Stand before `origin`."""
        self._origin = origin
        self._attempts_max = attempts_max

    async def ask(self, request: OriginRequest) -> OriginAnswer:
        """Ask; raises OriginUnreachable when every attempt met a passing failure."""
        last = OriginUnreachable("the origin was not asked")
        for attempt in range(self._attempts_max):
            if attempt:
                metrics.origin_retries.inc()
                await asyncio.sleep(backoff_seconds(attempt))
            try:
                answer = await self._origin.ask(request)
            except OriginUnreachable as unreachable:
                last = unreachable
                continue
            if answer.status not in PASSING_STATUSES:
                return answer
            answer.close()
            last = OriginUnreachable(f"the origin answered {answer.status}")
        raise last


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait before attempt number `attempt` (1 is the first repetition)."""
    return random.uniform(0, min(_BACKOFF_SECONDS_MAX, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter
