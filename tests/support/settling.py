"""Waiting for a condition inside the event loop, with a deadline."""

import asyncio
from collections.abc import Callable


async def settle_until(condition: Callable[[], object], *, seconds_max: float = 20.0) -> None:
    """Let the loop run until `condition` is true; fail when it is not by the deadline."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110 - any condition, no event to wait for
            # Threads of flash take part: yielding alone would spin one of two cores.
            await asyncio.sleep(0.001)
