"""Several questions at a time, within a bound; the first failure in order is raised."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from gateway.model.failures import Failure

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_Other = TypeVar("_Other")


async def outcome(answer: Awaitable[_Answer]) -> "_Answer | Failure":
    """Return an answer, or the failure in its place: one must not cut the others short."""
    try:
        return await answer
    except Failure as failure:
        return failure


async def both(
    one: Awaitable[_Answer], other: Coroutine[Any, Any, _Other]
) -> tuple["_Answer | Failure", "_Other | Failure"]:
    """Return the outcomes of two questions that are asked at the same time."""
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(outcome(other))
        first = await outcome(one)
    return first, second.result()


async def each(
    items: Sequence[_Item],
    ask: Callable[[_Item], Awaitable[_Answer]],
    *,
    parallel_max: int,
) -> list[_Answer]:
    """Return the answers in the items' order; after a failure no more is asked, and it is raised.

    At most `parallel_max` are asked at a time.
    """
    answers: dict[int, _Answer | Failure] = {}
    at = iter(range(len(items)))

    async def ask_on() -> None:
        for number in at:
            answers[number] = found = await outcome(ask(items[number]))
            if isinstance(found, Failure):
                return

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(parallel_max, len(items))):
            tasks.create_task(ask_on())
    told = []
    for number in sorted(answers):
        found = answers[number]
        if isinstance(found, Failure):
            raise found
        told.append(found)
    return told
