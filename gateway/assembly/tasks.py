"""The group of tasks that outlive those who asked for them, and end with their house."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class _ClosingError(Exception):
    """Ends a task group: https://docs.python.org/3/library/asyncio-task.html#terminating-a-task-group."""


@contextlib.asynccontextmanager
async def background_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Yield the group in which fills and questions outlive their clients; its end cancels them."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
            raise _ClosingError  # noqa: TRY301 - the documented way to end a group
    except* _ClosingError:
        pass
