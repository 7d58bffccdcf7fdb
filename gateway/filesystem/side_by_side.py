"""Doing something to many things, some at a time; once one fails no further one is begun."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from gateway.model.failures import Failure

One = TypeVar("One")


async def side_by_side(
    things: Iterable[One], work: Callable[[One], Awaitable[None]], count_max: int
) -> None:
    """Work on all, at most `count_max` at once.

    Raises the first Failure, after those that were on their way have ended: what came of each is
    known then.
    """
    waiting, failures = iter(things), list[Failure]()

    async def worker() -> None:
        while not failures:
            try:
                one = next(waiting)
            except StopIteration:
                return
            try:
                await work(one)
            except Failure as failure:
                failures.append(failure)

    async with asyncio.TaskGroup() as group:
        for _ in range(count_max):
            group.create_task(worker())
    if failures:
        raise failures[0]
