"""Calls on open files."""

import errno
import logging
import os
from time import monotonic, time_ns
from typing import Any, Final

import pyfuse3

from gateway.doors.fuse.answers import answered, attributes_of, refusal
from gateway.doors.fuse.belief import STAGED
from gateway.doors.fuse.callers import User, user_of
from gateway.doors.fuse.contents import Contents
from gateway.doors.fuse.inodes import Node
from gateway.doors.fuse.reading import Reader
from gateway.doors.fuse.room import Handles, Room, text_of
from gateway.filesystem.status import Kind, Status
from gateway.flash.readers import Readable
from gateway.model.ranges import ByteRange

_log = logging.getLogger(__name__)
_FIRST_BYTES: Final = 128 * 1024
"""What a cold open asks for by its own GET: as much as the kernel's first read."""
_SAME_CALL_SECONDS: Final = 1.0
"""How long after a lookup an open is taken for the same call's: both ask once."""
_SET_GROUP: Final = 0o2000
_MODE_BITS: Final = 0o7777


class OpenedFile:
    """One handle."""

    __slots__ = ("appends", "contents", "is_writer", "reader", "user")

    def __init__(self, contents: Contents, flags: int, user: User) -> None:
        """Begin at no place."""
        self.contents = contents
        self.is_writer = flags & os.O_ACCMODE != os.O_RDONLY
        self.appends = bool(flags & os.O_APPEND)
        self.user = user
        self.reader: Reader | None = None


class Files:
    """The calls on bytes."""

    def __init__(self, room: Room) -> None:
        """Answer in `room`."""
        self.room = room
        self.handles: Handles[OpenedFile] = Handles(room.bounds.open_files_max)

    @answered
    async def open(self, inode: int, flags: int, ctx: Any) -> Any:  # noqa: ANN401
        """Open a file: the version that is there now, asked for by this call or its lookup."""
        node, user = self.room.node(inode), user_of(ctx)
        self.handles.refuse_more()
        opened = OpenedFile(contents_of(self.room, node), flags, user)
        if opened.is_writer or flags & os.O_TRUNC:
            self.room.refuse_changes()
        contents, caller = opened.contents, self.room.callers.of(user)
        contents.users += 1
        contents.writers += opened.is_writer
        try:
            if flags & os.O_TRUNC:
                await contents.truncate(caller, 0, is_opening=True)
            else:
                await self._fresh(contents, user)
            if opened.is_writer:
                await contents.judge(caller)
        except BaseException:
            await self._let_go(opened)
            raise
        # What the kernel holds of an inode is of this very version: a new one has a new inode.
        return pyfuse3.FileInfo(fh=self.handles.add(opened), keep_cache=True)

    async def _fresh(self, contents: Contents, user: User) -> None:
        """See to it that the contents are what the path shows now."""
        node = contents.node
        if contents.is_staged or node.is_gone:
            return
        is_asked = monotonic() - node.looked_up_at < _SAME_CALL_SECONDS
        if contents.source is None or not is_asked:
            await contents.opened(self.room.callers.of(user), ByteRange(0, _FIRST_BYTES))

    @answered
    async def create(
        self,
        parent_inode: int,
        name: bytes,
        mode: int,
        flags: int,
        ctx: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Make a file and open it; the origin has it once it is closed."""
        room = self.room
        room.refuse_changes()
        self.handles.refuse_more()
        parent, part, user = room.node(parent_inode), text_of(name), user_of(ctx)
        if parent.is_unlinked:
            raise refusal(errno.ENOENT)
        caller = room.callers.of(user)
        status = new_status(room, parent, part, mode, user)
        known = room.inodes.find_child(parent, part)
        if known is not None:
            if known.contents is not None and known.contents.is_only_here:
                raise refusal(errno.EEXIST)
            room.inodes.detach(known)
        node = room.inodes.made(parent, part, status)
        opened = OpenedFile(contents_of(room, node), flags, user)
        opened.contents.users += 1
        opened.contents.writers += opened.is_writer
        try:
            await opened.contents.made(caller, is_exclusive=bool(flags & os.O_EXCL))
            handle = self.handles.add(opened)
        except BaseException:
            node.is_unlinked = True
            room.inodes.detach(node)
            await self._let_go(opened)
            raise
        parent.altered()
        room.inodes.told(node)
        info = pyfuse3.FileInfo(fh=handle, keep_cache=True)
        return info, attributes_of(room, node, opened.contents.shown(), STAGED)

    @answered
    async def read(self, fh: int, off: int, size: int) -> Readable:
        """Return bytes of the version that was opened, or of what is being written."""
        opened = self.handles.get(fh)
        contents = opened.contents
        while (staged := contents.staged) is not None:
            kept = contents.kept
            if off >= kept:
                return staged.read(off, size)
            old = await self._read_source(opened, off, min(size, kept - off))
            if contents.staged is staged:
                return b"".join((old, staged.read(kept, off + size - kept)))
        return await self._read_source(opened, off, size)

    async def _read_source(self, opened: OpenedFile, off: int, size: int) -> Readable:
        """Return bytes of the version at the origin."""
        contents = opened.contents
        source = contents.source
        if source is None:  # this mount has written another version since
            source = await contents.opened(self.room.callers.of(opened.user), None)
        if opened.reader is None or opened.reader.source is not source:
            if opened.reader is not None:
                await opened.reader.close()
            ahead = self.room.bounds.readahead_bytes_max
            opened.reader = Reader(source, ahead, self.room.start)
        with self.room.learning(contents.node):
            return await opened.reader.read(off, size)

    @answered
    async def write(self, fh: int, off: int, buf: bytes) -> int:
        """Take bytes; the origin has them once they are flushed."""
        opened = self.handles.get(fh)
        caller = self.room.callers.of(opened.user)
        await opened.contents.write(caller, None if opened.appends else off, buf)
        return len(buf)

    @answered
    async def flush(self, fh: int) -> None:
        """Return once what was written is at the origin (close)."""
        await self._home(fh)

    @answered
    async def fsync(self, fh: int, datasync: bool) -> None:  # noqa: ARG002
        """Return once what was written is at the origin."""
        await self._home(fh)

    async def _home(self, fh: int) -> None:
        opened = self.handles.get(fh)
        if opened.contents.is_dirty:
            await opened.contents.bring_home(self.room.callers.of(opened.user))

    @answered
    async def release(self, fh: int) -> None:
        """Let a handle go."""
        await self._let_go(self.handles.take(fh))

    async def _let_go(self, opened: OpenedFile) -> None:
        reader, contents = opened.reader, opened.contents
        if reader is not None:
            await reader.close()
        contents.users -= 1
        contents.writers -= opened.is_writer
        await contents.released(self.room.callers.of(opened.user))

    async def finish(self) -> None:
        """Bring home what is open, before the mount ends; what cannot be is logged."""
        for opened in self.handles.all():
            if opened.contents.is_dirty:
                try:
                    await opened.contents.bring_home(self.room.callers.of(opened.user))
                except Exception as error:  # noqa: BLE001 - the others must come home still
                    path = self.room.inodes.path_of(opened.contents.node)
                    _log.error("%s is lost as the mount ends: %s", path, error)


def contents_of(room: Room, node: Node) -> Contents:
    """Return the contents of a file, made where nobody has it open."""
    if node.is_directory:
        raise refusal(errno.EISDIR)
    if node.contents is None:
        node.contents = Contents(room, node)
    return node.contents


def new_status(room: Room, parent: Node, name: str, mode: int, user: User) -> Status:
    """Return what a new file is before the origin has it; a set-group-id directory hands down."""
    is_handed_down = parent.status.mode & _SET_GROUP and parent.status.group
    now_ns = time_ns()
    return Status(
        room.inodes.child_path(parent, name),
        Kind.FILE,
        modified_ns=now_ns,
        changed_ns=now_ns,
        mode=mode & _MODE_BITS,
        owner=room.callers.users.name_of(user.uid),
        group=parent.status.group if is_handed_down else room.callers.groups.name_of(user.gid),
    )
