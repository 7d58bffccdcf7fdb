"""Work that is carried to its end although who waits for it may leave in the middle.

What changes objects in several steps must not stop between two of them because a client hung up.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


async def uninterrupted(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return what `work` returns, or raise what it raises; it runs in `tasks` to its end."""
    ended: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        try:
            result = await work
        except Exception as error:  # noqa: BLE001 - it is who waits that gets it
            if ended.cancelled():
                _log.info("what nobody waits for any more failed: %s", error)
            else:
                ended.set_exception(error)
        else:
            if not ended.cancelled():
                ended.set_result(result)
        finally:
            if not ended.done():
                ended.cancel()

    running = run()
    try:
        tasks.create_task(running)
    except RuntimeError:  # the process is about to end: then it is done here, as far as it comes
        running.close()
        return await work
    return await ended
