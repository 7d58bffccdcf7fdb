"""Where snapshots are kept, for every process that makes, serves or removes them."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.settings.tree import Settings
from gateway.state.snapshots import Snapshots
from gateway.state.store import StateError

FOLDER: Final = "snapshots"
SWEEP_SECONDS: Final = 60.0
"""How long the files of an expired snapshot may lie about; it is gone for clients at once."""
_NANOSECONDS: Final = 1e9

_log = logging.getLogger(__name__)


@contextmanager
def open_snapshots(settings: Settings) -> Iterator[Snapshots]:
    """Yield the folder in `state.path`, made where it is absent; raises StateError."""
    snapshots = Snapshots(settings.state.path / FOLDER, _now_seconds)
    try:
        yield snapshots
    finally:
        snapshots.close()


@contextmanager
def served_snapshots(settings: Settings) -> Iterator[Snapshots | None]:
    """Yield the same for a worker: None, and a line in the log, where there can be no state."""
    try:
        snapshots = Snapshots(settings.state.path / FOLDER, _now_seconds)
    except StateError as error:
        _log.info("there are no snapshots: %s", error)
        yield None
        return
    try:
        yield snapshots
    finally:
        snapshots.close()


async def keep_swept(snapshots: Snapshots | None) -> None:
    """Remove what has expired, every minute, for ever."""
    while snapshots is not None:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            for name in await asyncio.to_thread(snapshots.sweep):
                _log.info("the snapshot %s has expired and is removed", name)
        except StateError as error:
            _log.warning("expired snapshots cannot be removed: %s", error)


def _now_seconds() -> float:
    return time.time_ns() / _NANOSECONDS
