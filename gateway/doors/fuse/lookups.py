"""Calls that look: what stands at a name, what is in a directory, and what is known of an inode."""

import errno
from time import monotonic
from typing import Any, Final

import pyfuse3

from gateway.doors.fuse.answers import answered, attributes_of, refusal
from gateway.doors.fuse.belief import STAGED, Believing
from gateway.doors.fuse.callers import User, user_of
from gateway.doors.fuse.inodes import Node, is_same
from gateway.doors.fuse.listing import Listing
from gateway.doors.fuse.room import NAME_BYTES_MAX, Handles, Room, text_of
from gateway.filesystem.status import Kind, Status
from gateway.model.failures import NotFound, VersionChanged

_DOTS: Final = (b".", b"..")
_SPACE_BLOCKS: Final = 1 << 38
"""S3 has no end, and statfs no word for that: a pebibyte of blocks of 4 KiB."""
_SPACE_FILES: Final = 1 << 40
_OWN_SPACE: Final = b"user."
"""Extended attributes that objects can have; the others are the kernel's own matters."""
_KNOWN_SECONDS: Final = 1.0


class OpenDirectory:
    """A directory that somebody lists."""

    __slots__ = ("listing", "node", "user")

    def __init__(self, node: Node, listing: Listing, user: User) -> None:
        """Begin at its first entry."""
        self.node = node
        self.listing = listing
        self.user = user


class Lookups:
    """The calls that change nothing."""

    def __init__(self, room: Room) -> None:
        """Answer in `room`."""
        self.room = room
        self.directories: Handles[OpenDirectory] = Handles(room.bounds.open_files_max)

    @answered
    async def lookup(self, parent_inode: int, name: bytes, ctx: Any) -> Any:  # noqa: ANN401
        """Return what stands at a name now, asked for by this call."""
        room = self.room
        parent = room.node(parent_inode)
        if name in _DOTS:
            node = parent if name == b"." else parent.parent or parent
            return self._told(node, node.status, 0.0)
        part = text_of(name)
        staged = self._find_staged(parent, part)
        if staged is not None:
            return self._told(staged, staged.status, 0.0)
        caller = room.callers.of(user_of(ctx))
        try:
            status = await room.tree.status(caller, room.inodes.child_path(parent, part))
        except NotFound:
            known = room.inodes.find_child(parent, part)
            if known is not None and self._find_staged(parent, part) is None:
                room.inodes.detach(known)
            raise
        # Written here while the tree was asked: what it said may be older.
        staged = self._find_staged(parent, part)
        if staged is not None:
            return self._told(staged, staged.status, 0.0)
        node = room.inodes.seen(parent, part, status)
        node.looked_up_at = monotonic()
        return self._told(node, status, caller.receipt.age_seconds)

    def _told(self, node: Node, status: Status, age_seconds: float) -> Any:  # noqa: ANN401
        self.room.inodes.told(node)
        if node.contents is not None and node.contents.is_staged:
            return attributes_of(self.room, node, node.contents.shown(), STAGED)
        belief = self.room.believing.of(status, age_seconds)
        return attributes_of(self.room, node, status, belief)

    def _find_staged(self, parent: Node, name: str) -> Node | None:
        """Return what this mount is writing at a name: it is newer than what the origin has."""
        known = self.room.inodes.find_child(parent, name)
        if known is not None and known.contents is not None and known.contents.is_staged:
            return known
        return None

    async def forget(self, inode_list: list[tuple[int, int]]) -> None:
        """Take back what the kernel does not know any more."""
        self.room.inodes.forget(inode_list)

    @answered
    async def getattr(self, inode: int, ctx: Any) -> Any:  # noqa: ANN401
        """Return the attributes of an inode; of one that is open, of the version that is open."""
        room = self.room
        node = room.node(inode)
        status = await self.current(node, user_of(ctx))
        return attributes_of(room, node, status, room.believing.of(status))

    async def current(self, node: Node, user: User) -> Status:
        """Return what is known of an inode, asked for anew unless it is open.

        Raises VersionChanged where something else stands at its path: the kernel then looks it up
        again.
        """
        if node.contents is not None:
            return node.contents.shown()
        room = self.room
        if node.is_gone or (node.is_directory and is_believed(node, room.believing)):
            return node.status
        path = room.inodes.path_of(node)
        with room.learning(node):
            try:
                status = await room.tree.status(room.callers.of(user), path)
            except NotFound:
                if node.parent is None:  # a prefix without objects is an empty directory
                    return node.status
                raise
            if not is_same(node.status, status):
                raise VersionChanged(f"{path} is another version now")
        node.learn(status)
        return status

    @answered
    async def readlink(self, inode: int, ctx: Any) -> bytes:  # noqa: ANN401
        """Return where a symbolic link leads."""
        status = await self.current(self.room.node(inode), user_of(ctx))
        if status.kind is not Kind.SYMLINK:
            raise refusal(errno.EINVAL)
        return status.symlink.encode("utf-8", "surrogateescape")

    @answered
    async def access(self, inode: int, mode: int, ctx: Any) -> bool:  # noqa: ANN401, ARG002
        """Say yes: the kernel judges the modes itself, and policies judge each act."""
        self.room.node(inode)
        return True

    @answered
    async def statfs(self, ctx: Any) -> Any:  # noqa: ANN401, ARG002
        """Return that there is room without end."""
        stats = pyfuse3.StatvfsData()
        stats.f_bsize = stats.f_frsize = 4096
        stats.f_blocks = stats.f_bfree = stats.f_bavail = _SPACE_BLOCKS
        stats.f_files = stats.f_ffree = stats.f_favail = _SPACE_FILES
        stats.f_namemax = NAME_BYTES_MAX
        return stats

    @answered
    async def opendir(self, inode: int, ctx: Any) -> int:  # noqa: ANN401
        """Open a directory; its entries are asked for as they are read."""
        room = self.room
        node = room.node(inode)
        listing = Listing(room.tree, room.inodes.path_of(node))
        return self.directories.add(OpenDirectory(node, listing, user_of(ctx)))

    @answered
    async def readdir(self, fh: int, start_id: int, token: Any) -> None:  # noqa: ANN401
        """Tell the entries from a place on, as many as the kernel takes."""
        opened = self.directories.get(fh)
        node = opened.node
        for place, relative in enumerate((node, node.parent or node)):
            if start_id <= place and not self._reply(token, _DOTS[place], relative, place + 1):
                return
        caller = self.room.callers.of(opened.user)
        entries = opened.listing.entries(
            caller, max(0, start_id - len(_DOTS)), self._made_here(node)
        )
        try:
            async for place, status in entries:
                if not self._entry(token, node, status, place + len(_DOTS)):
                    return
        except NotFound:
            if node.parent is not None:
                raise
        finally:
            await entries.aclose()

    def _reply(self, token: Any, name: bytes, node: Node, place: int) -> bool:  # noqa: ANN401
        belief = self.room.believing.of(node.status)
        entry = attributes_of(self.room, node, node.status, belief)
        return bool(pyfuse3.readdir_reply(token, name, entry, place))

    def _entry(self, token: Any, parent: Node, status: Status, place: int) -> bool:  # noqa: ANN401
        """Tell one entry; return whether the kernel took it."""
        room, name = self.room, status.base_name
        staged = self._find_staged(parent, name)
        if staged is not None and staged.contents is not None:
            node, shown, belief = staged, staged.contents.shown(), STAGED
        else:
            node, shown = room.inodes.seen(parent, name, status), status
            belief = room.believing.of(shown, is_listed=True)
        entry = attributes_of(room, node, shown, belief)
        if not pyfuse3.readdir_reply(token, name.encode(), entry, place):
            room.inodes.drop_unused(node)
            return False
        room.inodes.told(node)
        node.looked_up_at = 0.0
        return True

    def _made_here(self, node: Node) -> list[Status]:
        """Return the files that this mount has made in a directory and nobody else can see."""
        contents = [child.contents for child in node.children.values()]
        return [one.shown() for one in contents if one is not None and one.is_only_here]

    @answered
    async def releasedir(self, fh: int) -> None:
        """Close a directory."""
        self.directories.take(fh)

    @answered
    async def fsyncdir(self, fh: int, datasync: bool) -> None:  # noqa: ARG002
        """Return at once: what was done to a directory was done at the origin."""
        self.directories.get(fh)

    @answered
    async def getxattr(self, inode: int, name: bytes, ctx: Any) -> bytes:  # noqa: ANN401
        """Return an extended attribute."""
        if not name.startswith(_OWN_SPACE):
            # The kernel asks for security.capability at each write, ls for the ACL of each entry.
            raise refusal(errno.ENODATA if name.startswith(b"security.") else errno.ENOTSUP)
        status = await self.known(self.room.node(inode), user_of(ctx))
        value = status.xattrs.get(name.decode("utf-8", "surrogateescape"))
        if value is None:
            raise refusal(errno.ENODATA)
        return value

    @answered
    async def listxattr(self, inode: int, ctx: Any) -> list[bytes]:  # noqa: ANN401
        """Return the names of all extended attributes."""
        status = await self.known(self.room.node(inode), user_of(ctx))
        return [name.encode("utf-8", "surrogateescape") for name in sorted(status.xattrs)]

    async def known(self, node: Node, user: User) -> Status:
        """Return what was told of an inode within the last second, else what is there now."""
        if node.contents is None and monotonic() - node.known_at > _KNOWN_SECONDS:
            return await self.current(node, user)
        return node.status if node.contents is None else node.contents.shown()


def is_believed(node: Node, believing: Believing) -> bool:
    """Return whether what was told of a directory still holds.

    The kernel asks for it anew after each change that it made in it itself.
    """
    return monotonic() - node.known_at < believing.directory_seconds
