"""Calls that change names and attributes."""

import errno
import os
import stat
from typing import Any, Final

import pyfuse3

from gateway.doors.fuse.answers import answered, attributes_of, refusal
from gateway.doors.fuse.belief import STAGED
from gateway.doors.fuse.callers import User, user_of
from gateway.doors.fuse.contents import changed
from gateway.doors.fuse.files import contents_of, new_status
from gateway.doors.fuse.inodes import Node
from gateway.doors.fuse.room import Room, text_of
from gateway.filesystem.caller import Caller
from gateway.filesystem.status import SPECIAL_KINDS, Changes, NewAttributes, Special, Status
from gateway.model.failures import NotFound

_MODE_BITS: Final = 0o7777
_SET_GROUP: Final = 0o2000
_OWN_SPACE: Final = b"user."


class Changing:
    """The calls that make, remove, move and set."""

    def __init__(self, room: Room) -> None:
        """Answer in `room`."""
        self.room = room

    @answered
    async def mkdir(self, parent_inode: int, name: bytes, mode: int, ctx: Any) -> Any:  # noqa: ANN401
        """Make a directory."""
        parent, part, user = self._begun(parent_inode, name, ctx)
        room = self.room
        wanted = new_status(room, parent, part, mode, user)
        inherited = parent.status.mode & _SET_GROUP
        attributes = NewAttributes(wanted.mode | inherited, wanted.owner, wanted.group)
        status = await room.tree.make_directory(
            room.callers.of(user), wanted.path, attributes, makes_parents=False, may_exist=False
        )
        return self._made(parent, part, status)

    @answered
    async def symlink(self, parent_inode: int, name: bytes, target: bytes, ctx: Any) -> Any:  # noqa: ANN401
        """Make a symbolic link."""
        parent, part, user = self._begun(parent_inode, name, ctx)
        room = self.room
        path = room.inodes.child_path(parent, part)
        try:
            text = target.decode()
        except UnicodeDecodeError:
            raise refusal(errno.EILSEQ) from None
        return self._made(
            parent, part, await room.tree.make_symlink(room.callers.of(user), path, text)
        )

    @answered
    async def mknod(
        self,
        parent_inode: int,
        name: bytes,
        mode: int,
        rdev: int,
        ctx: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Make an empty file, a pipe, a socket or a device: the kernel itself makes those work."""
        parent, part, user = self._begun(parent_inode, name, ctx)
        room = self.room
        wanted = new_status(room, parent, part, mode, user)
        attributes = NewAttributes(
            wanted.mode,
            wanted.owner,
            wanted.group,
            wanted.modified_ns,
            special=_special(mode, rdev),
        )
        writer = await room.tree.create(
            room.callers.of(user), wanted.path, attributes, overwrite=False
        )
        try:
            status = await writer.close()
        except BaseException:
            await writer.abort()
            raise
        return self._made(parent, part, status)

    @answered
    async def link(
        self,
        inode: int,
        new_parent_inode: int,
        new_name: bytes,
        ctx: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Refuse: an object has one name."""
        self._begun(new_parent_inode, new_name, ctx)
        self.room.node(inode)
        raise refusal(errno.EPERM)

    def _begun(self, parent_inode: int, name: bytes, ctx: Any) -> tuple[Node, str, User]:  # noqa: ANN401
        """Return where something is to be made; raises OSError where nothing can be."""
        self.room.refuse_changes()
        parent, part = self.room.node(parent_inode), text_of(name)
        if parent.is_unlinked:
            raise refusal(errno.ENOENT)
        return parent, part, user_of(ctx)

    def _made(self, parent: Node, name: str, status: Status) -> Any:  # noqa: ANN401
        room = self.room
        node = room.inodes.seen(parent, name, status)
        parent.altered()
        room.inodes.told(node)
        return attributes_of(room, node, status, room.believing.of(status))

    @answered
    async def unlink(self, parent_inode: int, name: bytes, ctx: Any) -> None:  # noqa: ANN401
        """Take a file's or link's name away; who has it open goes on with it."""
        await self._removed(parent_inode, name, user_of(ctx))

    @answered
    async def rmdir(self, parent_inode: int, name: bytes, ctx: Any) -> None:  # noqa: ANN401
        """Remove an empty directory."""
        await self._removed(parent_inode, name, user_of(ctx))

    async def _removed(self, parent_inode: int, name: bytes, user: User) -> None:
        room = self.room
        room.refuse_changes()
        parent, part = room.node(parent_inode), text_of(name)
        node, caller = room.inodes.find_child(parent, part), room.callers.of(user)
        if node is None or not await self._taken_away(node, caller):
            path = room.inodes.child_path(parent, part)
            if not await room.tree.remove(caller, path, recursive=False):
                raise NotFound(f"{path} is not there")
        parent.altered()
        if node is not None:
            node.is_unlinked = True
            room.inodes.detach(node)

    async def _taken_away(self, node: Node, caller: Caller) -> bool:
        """Prepare that a name goes; return whether nothing but this mount has it.

        Raises OSError (ENOTEMPTY) for a directory with files that the origin does not have yet.
        """
        if any(_is_only_here(child) for child in node.children.values()):
            raise refusal(errno.ENOTEMPTY)
        if node.contents is None:
            return False
        if node.contents.is_only_here:
            return True
        await node.contents.keep(caller)
        return False

    @answered
    async def rename(  # noqa: PLR0917 - pyfuse3 has them so
        self,
        parent_inode_old: int,
        name_old: bytes,
        parent_inode_new: int,
        name_new: bytes,
        flags: int,
        ctx: Any,  # noqa: ANN401
    ) -> None:
        """Move a file, or a directory with all that is below; what is open stays open."""
        room = self.room
        room.refuse_changes()
        if flags & ~pyfuse3.RENAME_NOREPLACE:
            raise refusal(errno.EINVAL)
        old, new = room.node(parent_inode_old), room.node(parent_inode_new)
        source, target = text_of(name_old), text_of(name_new)
        if (old, source) == (new, target):
            return
        caller = room.callers.of(user_of(ctx))
        moved, replaced = room.inodes.find_child(old, source), room.inodes.find_child(new, target)
        if moved is not None:
            await self._all_home(moved, caller)
        replaces = not flags & pyfuse3.RENAME_NOREPLACE
        if replaced is not None and replaces:
            await self._taken_away(replaced, caller)
        elif replaced is not None and _is_only_here(replaced):
            raise refusal(errno.EEXIST)
        path = room.inodes.child_path(new, target)
        await room.tree.rename(caller, room.inodes.child_path(old, source), path, replaces=replaces)
        old.altered()
        new.altered()
        if replaced is not None:
            replaced.is_unlinked = True
            room.inodes.detach(replaced)
        if moved is not None:
            room.inodes.move(moved, new, target)
            await self._learnt_anew(moved, caller)

    async def _all_home(self, node: Node, caller: Caller) -> None:
        """Have all that was written below at the origin, which is to move it."""
        for one in list(self.room.inodes.below(node)):
            if one.contents is not None:
                await one.contents.bring_home(caller)

    async def _learnt_anew(self, node: Node, caller: Caller) -> None:
        """Note which version what was moved is now, so that it keeps its inode."""
        for one in list(self.room.inodes.below(node)):
            if one is node or one.contents is not None:
                status = await self.room.tree.status(caller, self.room.inodes.path_of(one))
                one.learn(status)
                if one.contents is not None:
                    one.contents.moved(status)

    @answered
    async def setattr(
        self,
        inode: int,
        attr: Any,  # noqa: ANN401
        fields: Any,  # noqa: ANN401
        fh: int | None,
        ctx: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Set the size, the mode, the owner or the times."""
        room = self.room
        room.refuse_changes()
        node, caller = room.node(inode), room.callers.of(user_of(ctx))
        if fields.update_size:
            await self._resized(node, caller, attr.st_size, is_open=fh is not None)
        changes = self._changes(attr, fields)
        if changes != Changes():
            await self._set(node, caller, changes)
        if node.contents is not None:
            return attributes_of(room, node, node.contents.shown(), STAGED)
        return attributes_of(room, node, node.status, room.believing.of(node.status))

    async def _resized(self, node: Node, caller: Caller, length: int, *, is_open: bool) -> None:
        contents = contents_of(self.room, node)
        contents.users += 1
        try:
            await contents.truncate(caller, length)
            if not is_open and not contents.writers:
                await contents.bring_home(caller)
        finally:
            contents.users -= 1
            await contents.released(caller)

    def _changes(self, attr: Any, fields: Any) -> Changes:  # noqa: ANN401
        callers = self.room.callers
        return Changes(
            attr.st_mode & _MODE_BITS if fields.update_mode else None,
            callers.users.name_of(attr.st_uid) if fields.update_uid else None,
            callers.groups.name_of(attr.st_gid) if fields.update_gid else None,
            attr.st_mtime_ns if fields.update_mtime else None,
            attr.st_atime_ns if fields.update_atime else None,
        )

    async def _set(self, node: Node, caller: Caller, changes: Changes) -> None:
        """Change attributes at the origin, or with what is on its way there."""
        if changes.modified_ns is not None:
            node.altered_ns = 0
        if node.contents is not None:
            await node.contents.change(caller, changes)
            return
        if node.is_unlinked:
            node.status = changed(node.status, changes)
            return
        path, etag = self.room.inodes.path_of(node), node.status.etag
        with self.room.learning(node):
            node.learn(await self.room.tree.set_attributes(caller, path, changes, etag=etag))

    @answered
    async def setxattr(self, inode: int, name: bytes, value: bytes, ctx: Any) -> None:  # noqa: ANN401
        """Set an extended attribute of the user's space; the others are not for objects."""
        node, text = self._xattr(inode, name)
        caller = self.room.callers.of(user_of(ctx))
        await self._set(node, caller, Changes(set_xattrs={text: value}))

    @answered
    async def removexattr(self, inode: int, name: bytes, ctx: Any) -> None:  # noqa: ANN401
        """Remove an extended attribute."""
        node, text = self._xattr(inode, name)
        caller, contents = self.room.callers.of(user_of(ctx)), node.contents
        status = node.status
        if contents is None and not node.is_gone:
            status = await self.room.tree.status(caller, self.room.inodes.path_of(node))
        if text not in status.xattrs:
            raise refusal(errno.ENODATA)
        await self._set(node, caller, Changes(removed_xattrs=frozenset((text,))))

    def _xattr(self, inode: int, name: bytes) -> tuple[Node, str]:
        self.room.refuse_changes()
        if not name.startswith(_OWN_SPACE):
            raise refusal(errno.ENOTSUP)
        try:
            return self.room.node(inode), name.decode()
        except UnicodeDecodeError:
            raise refusal(errno.EILSEQ) from None


def _special(mode: int, device: int) -> Special | None:
    kind_bits = stat.S_IFMT(mode)
    if kind_bits not in SPECIAL_KINDS:
        return None
    return Special(kind_bits, (os.major(device), os.minor(device)) if device else None)


def _is_only_here(node: Node) -> bool:
    return node.contents is not None and node.contents.is_only_here
