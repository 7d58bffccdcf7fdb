"""What the kernel is answered: attributes of an inode, or a failure's number."""

import functools
import logging
import os
from collections.abc import Callable, Coroutine
from errno import EIO, errorcode
from typing import Any, Final, TypeVar

import pyfuse3

from gateway.doors.fuse.belief import Belief
from gateway.doors.fuse.inodes import Node
from gateway.doors.fuse.room import Room
from gateway.filesystem.status import Status
from gateway.protocol.posix.errors import errno_of
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
BLOCK_BYTES: Final = 512
_SECOND_NS: Final = 1_000_000_000
IO_BYTES: Final = 128 * 1024
"""What programs are told is a good size: larger makes stdio read more than it was asked."""

Answer = TypeVar("Answer")
Call = Callable[..., Coroutine[Any, Any, Answer]]


def answered(call: Call[Answer]) -> Call[Answer]:
    """Return a call of the kernel that raises nothing but FUSEError, and counts its answers."""
    name = call.__name__
    done = metrics.requests.labels(door="fuse", operation=name, status="OK")

    @functools.wraps(call)
    async def wrapped(*arguments: Any, **named: Any) -> Answer:  # noqa: ANN401 - pyfuse3's
        try:
            answer = await call(*arguments, **named)
        except pyfuse3.FUSEError as error:
            _count(name, error.errno)
            raise
        except Exception as error:  # noqa: BLE001 - a call without an answer hangs its program
            number = errno_of(error)
            _count(name, number)
            if number == EIO:
                _log.warning("%s failed: %s", name, _words(error))
            raise pyfuse3.FUSEError(number) from None
        done.inc()
        return answer

    return wrapped


def _count(name: str, number: int) -> None:
    word = errorcode.get(number, str(number))
    metrics.requests.labels(door="fuse", operation=name, status=word).inc()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def attributes_of(room: Room, node: Node, status: Status, belief: Belief) -> Any:  # noqa: ANN401
    """Return pyfuse3's EntryAttributes of an inode."""
    entry = pyfuse3.EntryAttributes()
    entry.st_ino = node.number
    entry.generation = 0
    entry.entry_timeout = belief.entry
    entry.attr_timeout = belief.attributes
    entry.st_mode = room.mode_of(status)
    entry.st_nlink = 0 if node.is_gone else 1
    entry.st_uid = room.uid_of(status)
    entry.st_gid = room.gid_of(status)
    device = None if status.special is None else status.special.device
    entry.st_rdev = 0 if device is None else os.makedev(*device)
    entry.st_size = status.length
    entry.st_blksize = IO_BYTES
    entry.st_blocks = -(-status.length // BLOCK_BYTES)
    entry.st_mtime_ns = max(status.modified_ns, node.altered_ns)
    entry.st_ctime_ns = max(_changed_ns(status), node.altered_ns)
    entry.st_atime_ns = status.accessed_ns or status.modified_ns
    return entry


def _changed_ns(status: Status) -> int:
    """Return when a file was last changed: of what was written in that very second, the moment."""
    begins = status.changed_ns
    if not begins or begins <= status.modified_ns < begins + _SECOND_NS:
        return status.modified_ns
    return begins


def refusal(number: int) -> OSError:
    """Return the failure with a number of its own."""
    return OSError(number, os.strerror(number))
