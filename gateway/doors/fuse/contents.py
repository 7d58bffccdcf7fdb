"""The bytes of one inode, as long as somebody has it open: the version that was opened."""

from gateway.doors.fuse.inodes import Node
from gateway.filesystem.interface import OpenFile
from gateway.filesystem.status import Status


class Contents:
    """What all handles of an inode share."""

    def __init__(self, node: Node) -> None:
        """Hold nothing yet."""
        self.node = node
        self.users = 0
        self.source: OpenFile | None = None
        """The version at the origin, where it was opened."""

    @property
    def is_staged(self) -> bool:
        """Return whether its bytes are here, and may be newer than the origin's."""
        return False

    @property
    def is_only_here(self) -> bool:
        """Return whether the origin has no such file yet."""
        return False

    def shown(self) -> Status:
        """Return what the mount shows of the file."""
        return self.node.status if self.source is None else self.source.status
