"""Asking once more what a move may ask twice: its copies and deletions change nothing by that.

A copy is pinned to its source's version, and a deletion to what was listed, so that both may be
repeated where an answer was lost, which of a client's write nobody may do.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from gateway.model.failures import OriginRefused, OriginUnreachable, Overloaded

ATTEMPTS_MAX: Final = 4
_FIRST_SECONDS: Final = 0.1
_PASSING: Final = frozenset({429, 500, 502, 503, 504})

Result = TypeVar("Result")


async def persistently(ask: Callable[[], Awaitable[Result]]) -> Result:
    """Return what `ask` does, tried a few times where the origin cannot just now."""
    seconds = _FIRST_SECONDS
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return await ask()
        except (OriginUnreachable, Overloaded):
            pass
        except OriginRefused as refused:
            if refused.status not in _PASSING:
                raise
        await asyncio.sleep(random.uniform(0.5, 1.0) * seconds)  # noqa: S311 - jitter
        seconds *= 4
    return await ask()
