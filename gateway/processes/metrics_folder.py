"""The folder that workers count in: in memory, and gone with the gateway, however it went.

It is in memory because writing a page back to disk can hold up whoever writes to it again, and an
increment must not wait. After a kill of all processes at once nobody is left to remove it, so the
next gateway removes those that nobody holds: a supervisor holds a lock on its own as long as it is.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "forebay-metrics-"
YOUNG_SECONDS: Final = 60.0
"""A folder this young may belong to a gateway that has not locked it yet."""


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """Yield a fresh folder and hold it; it is removed at the end."""
    place = _place()
    sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(place: Path) -> None:
    """Remove the folders of ours that no gateway holds any more."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, held, or gone in this moment
            if time.time() - folder.stat().st_mtime > YOUNG_SECONDS:
                _remove_unheld(folder)


def _remove_unheld(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _place() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - what is made in it has a random name and mode 0700
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
