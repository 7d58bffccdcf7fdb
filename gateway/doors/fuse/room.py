"""What all calls of one mount share: the tree, the inodes, the open handles and how to answer."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EILSEQ, ENAMETOOLONG, ENFILE, EROFS, ESTALE
from typing import Final, Generic, TypeVar

from gateway.doors.fuse.belief import Believing
from gateway.doors.fuse.callers import Callers
from gateway.doors.fuse.inodes import Inodes, Node
from gateway.doors.fuse.staging import StagingArea
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Kind, Status
from gateway.model.failures import NotFound, VersionChanged
from gateway.telemetry import metrics

NAME_BYTES_MAX: Final = 255
KIND_BITS: Final = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
}

Opened = TypeVar("Opened")
ForgetEntry = Callable[[int, bytes], None]
"""Tells the kernel to forget a name in a directory; returns before it has."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """What the mount shows in place of what objects say; None: what they say."""

    uid: int | None = None
    gid: int | None = None
    umask: int | None = None
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one mount may take."""

    readahead_bytes_max: int
    open_files_max: int


class Handles(Generic[Opened]):
    """What is open, by the numbers that the kernel is given."""

    def __init__(self, count_max: int) -> None:
        """Have none."""
        self._count_max = count_max
        self._opened: dict[int, Opened] = {}
        self._next = 1

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._opened)

    def add(self, opened: Opened) -> int:
        """Return the number of one more; raises OSError (ENFILE) beyond the bound."""
        self.refuse_more()
        number, self._next = self._next, self._next + 1
        self._opened[number] = opened
        metrics.mount_handles.inc()
        return number

    def refuse_more(self) -> None:
        """Raise OSError (ENFILE) where no more may be open."""
        if len(self._opened) >= self._count_max:
            raise OSError(ENFILE, os.strerror(ENFILE))

    def get(self, number: int) -> Opened:
        """Return what is open under a number."""
        return self._opened[number]

    def take(self, number: int) -> Opened:
        """Return it and forget it."""
        metrics.mount_handles.dec()
        return self._opened.pop(number)

    def all(self) -> list[Opened]:
        """Return all that are open."""
        return list(self._opened.values())


class Room:
    """The parts of one mount."""

    def __init__(
        self,
        *,
        tree: Tree,
        callers: Callers,
        believing: Believing,
        inodes: Inodes,
        tasks: asyncio.TaskGroup,
        appearance: Appearance,
        bounds: Bounds,
        staging: StagingArea,
        forget_entry: ForgetEntry,
    ) -> None:
        """Join them; what runs beside a call runs in `tasks`."""
        self.tree = tree
        self.callers = callers
        self.believing = believing
        self.inodes = inodes
        self.appearance = appearance
        self.bounds = bounds
        self.staging = staging
        self._tasks = tasks
        self._forget_entry = forget_entry

    def start(self, work: Awaitable[None]) -> "asyncio.Task[Exception | None]":
        """Begin a task that returns its failure, for whoever awaits it and nobody else."""
        return self._tasks.create_task(_outcome(work))

    def node(self, number: int) -> Node:
        """Return an inode; raises OSError (ESTALE) for one that is unknown."""
        try:
            return self.inodes.get(number)
        except KeyError:
            raise OSError(ESTALE, os.strerror(ESTALE)) from None

    def outdated(self, node: Node) -> None:
        """Have the kernel forget, soon, what it believes to stand at the path of an inode."""
        if node.parent is not None and node.lookups and not node.is_unlinked:
            self._forget_entry(node.parent.number, node.name.encode())

    @contextmanager
    def learning(self, node: Node) -> Iterator[None]:
        """Have the kernel learn, too, that something else, or nothing, stands at a path."""
        try:
            yield
        except (VersionChanged, NotFound):
            self.outdated(node)
            raise

    def refuse_changes(self) -> None:
        """Raise OSError (EROFS) in a read-only mount."""
        if self.appearance.is_read_only:
            raise OSError(EROFS, os.strerror(EROFS))

    def mode_of(self, status: Status) -> int:
        """Return the mode that is shown, with the kind's bits."""
        mode = status.mode
        if self.appearance.umask is not None:
            base = 0o777 if status.is_directory else 0o666 | mode & 0o111
            mode = base & ~self.appearance.umask
        special = status.special
        return mode | (KIND_BITS[status.kind] if special is None else special.kind_bits)

    def uid_of(self, status: Status) -> int:
        """Return the owner that is shown."""
        chosen = self.appearance.uid
        return self.callers.users.number_of(status.owner) if chosen is None else chosen

    def gid_of(self, status: Status) -> int:
        """Return the group that is shown."""
        chosen = self.appearance.gid
        return self.callers.groups.number_of(status.group) if chosen is None else chosen


def text_of(name: bytes) -> str:
    """Return a name of the kernel as a part of a path.

    Raises OSError: ENAMETOOLONG, EILSEQ for what is no UTF-8, which keys are.
    """
    if len(name) > NAME_BYTES_MAX:
        raise OSError(ENAMETOOLONG, os.strerror(ENAMETOOLONG))
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise OSError(EILSEQ, os.strerror(EILSEQ)) from None


async def _outcome(work: Awaitable[None]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits the task
        return error
    return None
