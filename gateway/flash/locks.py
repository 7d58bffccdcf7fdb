"""Locks of whole files between processes: who may change which segments there are, who is here.

flock(2) locks belong to the open file and go with the process, whatever ends it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class DirectoryLock:
    """The lock under which segments come and go."""

    def __init__(self, directory_fd: int) -> None:
        """Open the file `lock` of the directory; raises OSError."""
        self._descriptor = _open(directory_fd, "lock")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits for other processes, not for other threads of this one."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Membership:
    """This process among those that have flash open; asked only under the directory's lock."""

    def __init__(self, directory_fd: int) -> None:
        """Open the file `members` and join; raises OSError."""
        self._descriptor = _open(directory_fd, "members")
        self.was_first = self.is_alone()

    def is_alone(self) -> bool:
        """Return whether no other process has flash open; this one stays a member."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alone = False
        else:
            is_alone = True
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return is_alone

    def leave(self) -> None:
        """Be a member no more, before the directory's lock is given back: the next sees it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave, if that has not been done."""
        os.close(self._descriptor)


def open_directory(stack: contextlib.ExitStack, path: Path) -> int:
    """Return a descriptor of a directory, which `stack` closes; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, descriptor)
    return descriptor


def find_flock(directory_fd: int, name: str, kind: int) -> int | None:
    """Return a descriptor of an existing file, locked; None if another process excludes that.

    Raises OSError. Closing the descriptor unlocks.
    """
    descriptor = os.open(name, os.O_RDWR, dir_fd=directory_fd)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open(directory_fd: int, name: str) -> int:
    return os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory_fd)
