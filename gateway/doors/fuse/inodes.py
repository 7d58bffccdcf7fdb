"""What the kernel knows: inodes by number, each with its place in the tree and what is there.

An inode is one version of a file. Where another version stands at its path, the next lookup makes a
new inode: who has the old one open goes on with the old bytes, and the kernel's page cache, which
it keeps by inode, never holds bytes of two versions. Only what this mount writes itself changes the
version of an inode. Directories keep their inode.

The kernel counts how often it was told of an inode and forgets by numbers; at zero it is gone here.
"""

from collections.abc import Iterator, Sequence
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Final

from gateway.filesystem.status import Kind, Status

if TYPE_CHECKING:
    from gateway.doors.fuse.contents import Contents

ROOT: Final = 1


class Node:
    """One inode; `parent` and `name` say where it stands, until it `is_gone`."""

    __slots__ = (
        "altered_ns",
        "children",
        "contents",
        "is_gone",
        "is_unlinked",
        "known_at",
        "looked_up_at",
        "lookups",
        "name",
        "number",
        "parent",
        "status",
    )

    def __init__(self, number: int, parent: "Node | None", name: str, status: Status) -> None:
        """Stand under `parent`; None: it is the root."""
        self.number = number
        self.parent = parent
        self.name = name
        self.status = status
        """As last asked, or as this mount made it."""
        self.known_at = 0.0
        """When (monotonic) that was."""
        self.looked_up_at = 0.0
        """When (monotonic) the kernel was last told of it in answer to a lookup of its own; 0 where
        it has been told by a listing since, and may open it without another lookup."""
        self.lookups = 0
        self.is_unlinked = False
        """Whether this mount took its name away: what is written to it goes nowhere."""
        self.is_gone = False
        """Whether something else, or nothing, stands at its path now."""
        self.altered_ns = 0
        """When (since 1970) this mount last put a name into it, or took one out. The origin is not
        told: a directory's marker would be written with every file."""
        self.children: dict[str, Node] = {}
        self.contents: Contents | None = None
        """Its bytes, as long as somebody has it open."""

    def learn(self, status: Status) -> None:
        """Take what is there now."""
        self.status, self.known_at = status, monotonic()

    def altered(self) -> None:
        """Note that a name came or went."""
        self.altered_ns = time_ns()

    @property
    def is_directory(self) -> bool:
        """Return whether it may have children."""
        return self.status.is_directory


class Inodes:
    """All inodes that the kernel knows."""

    def __init__(self, root_path: str, root: Status) -> None:
        """Begin with the root, which the kernel never forgets."""
        self._root_path = root_path.rstrip("/")
        self.root = Node(ROOT, None, "", root)
        self._nodes: dict[int, Node] = {ROOT: self.root}
        self._next = ROOT + 1

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._nodes)

    def get(self, number: int) -> Node:
        """Return the inode of a number; raises KeyError for one that the kernel has forgotten."""
        return self._nodes[number]

    def path_of(self, node: Node) -> str:
        """Return the path in the tree; of one that is gone, where it stood."""
        names: list[str] = []
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return "/".join([self._root_path, *reversed(names)]) or "/"

    def child_path(self, parent: Node, name: str) -> str:
        """Return the path of a name in a directory."""
        return f"{self.path_of(parent).rstrip('/')}/{name}"

    def find_child(self, parent: Node, name: str) -> Node | None:
        """Return the inode at a name, if the kernel knows one."""
        return parent.children.get(name)

    def seen(self, parent: Node, name: str, status: Status) -> Node:
        """Return the inode of what stands at a name now: the one known, or a new one."""
        known = parent.children.get(name)
        if known is not None:
            if is_same(known.status, status):
                known.learn(status)
                return known
            self.detach(known)
        return self.made(parent, name, status)

    def made(self, parent: Node, name: str, status: Status) -> Node:
        """Return a new inode at a name where none is known."""
        node = Node(self._next, parent, name, status)
        node.learn(status)
        self._next += 1
        self._nodes[node.number] = node
        parent.children[name] = node
        return node

    def told(self, node: Node) -> None:
        """Count that the kernel is told of it."""
        node.lookups += 1

    def forget(self, counts: Sequence[tuple[int, int]]) -> None:
        """Take back what was counted; whom nobody knows and nobody has open is gone."""
        for number, count in counts:
            node = self._nodes.get(number)
            if node is not None and node is not self.root:
                node.lookups -= count
                self.drop_unused(node)

    def drop_unused(self, node: Node) -> None:
        """Let an inode go that neither the kernel nor an open file holds."""
        if node.lookups <= 0 and node.contents is None and node is not self.root:
            self._nodes.pop(node.number, None)
            self._take_out(node)

    def detach(self, node: Node) -> None:
        """Note that an inode stands at its path no more; who has it open keeps it."""
        self._take_out(node)
        node.is_gone = True
        for child in list(node.children.values()):
            self.detach(child)
        self.drop_unused(node)

    def move(self, node: Node, parent: Node, name: str) -> None:
        """Put an inode, with all below it, at another name."""
        self._take_out(node)
        node.parent, node.name = parent, name
        parent.children[name] = node

    def below(self, node: Node) -> Iterator[Node]:
        """Yield an inode and all that are known below it."""
        yield node
        for child in list(node.children.values()):
            yield from self.below(child)

    def _take_out(self, node: Node) -> None:
        parent = node.parent
        if parent is not None and parent.children.get(node.name) is node:
            del parent.children[node.name]


def is_same(before: Status, now: Status) -> bool:
    """Return whether both are one directory, one link, or one version of a file."""
    if (before.kind, before.special) != (now.kind, now.special):
        return False
    if before.kind is Kind.DIRECTORY:
        return True
    if before.kind is Kind.SYMLINK:
        return before.symlink == now.symlink
    if before.version is not None and now.version is not None:
        return before.version.has_same_body(now.version)
    if before.etag and now.etag and before.etag != now.etag:
        return False
    # Of what this mount has just written, or of an origin without strong validators, nothing better
    # is known; our own writes have a time of their own to the nanosecond.
    return (before.length, before.modified_ns) == (now.length, now.modified_ns)
