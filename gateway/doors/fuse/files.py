"""Calls on open files."""

import errno
import os
from time import monotonic
from typing import Any, Final

import pyfuse3

from gateway.doors.fuse.answers import answered, refusal
from gateway.doors.fuse.callers import User
from gateway.doors.fuse.contents import Contents
from gateway.doors.fuse.inodes import Node, is_same
from gateway.doors.fuse.lookups import user_of
from gateway.doors.fuse.reading import Reader
from gateway.doors.fuse.room import Handles, Room
from gateway.flash.readers import Readable
from gateway.model.ranges import ByteRange

_FIRST_BYTES: Final = 128 * 1024
"""What a cold open asks for by its own GET: as much as the kernel's first read."""
_SAME_CALL_SECONDS: Final = 1.0
"""How long after a lookup an open is taken for the same call's: both ask once."""


class OpenedFile:
    """One handle."""

    __slots__ = ("contents", "flags", "reader", "user")

    def __init__(self, contents: Contents, flags: int, user: User) -> None:
        """Begin at no place."""
        self.contents = contents
        self.flags = flags
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
        if flags & os.O_ACCMODE != os.O_RDONLY:
            self.room.refuse_changes()
            raise refusal(errno.EROFS)
        self.handles.refuse_more()
        contents = await self._opened(node, user)
        contents.users += 1
        handle = self.handles.add(OpenedFile(contents, flags, user))
        # What the kernel holds of an inode is of this very version: a new one has a new inode.
        return pyfuse3.FileInfo(fh=handle, keep_cache=True)

    async def _opened(self, node: Node, user: User) -> Contents:
        """Return the contents of an inode, with the version that its path shows now."""
        room, contents = self.room, node.contents
        if contents is not None and contents.source is not None:
            is_asked = monotonic() - node.looked_up_at < _SAME_CALL_SECONDS
            if is_asked or node.is_gone:
                return contents
        caller = room.callers.of(user)
        source = await room.tree.open(caller, room.inodes.path_of(node), ByteRange(0, _FIRST_BYTES))
        if not is_same(node.status, source.status):
            raise refusal(errno.ESTALE)
        node.learn(source.status)
        if node.contents is None:
            node.contents = Contents(node)
        node.contents.source = source
        return node.contents

    @answered
    async def read(self, fh: int, off: int, size: int) -> Readable:
        """Return bytes of the version that was opened."""
        opened = self.handles.get(fh)
        if opened.reader is None:
            source = opened.contents.source
            if source is None:
                raise refusal(errno.EBADF)
            ahead = self.room.bounds.readahead_bytes_max
            opened.reader = Reader(source, ahead, self.room.start)
        return await opened.reader.read(off, size)

    @answered
    async def flush(self, fh: int) -> None:
        """Return once what was written is at the origin."""
        self.handles.get(fh)

    @answered
    async def release(self, fh: int) -> None:
        """Let a handle go."""
        opened = self.handles.take(fh)
        if opened.reader is not None:
            await opened.reader.close()
        contents = opened.contents
        contents.users -= 1
        if not contents.users:
            contents.node.contents = None
            self.room.inodes.drop_unused(contents.node)
