"""Which process serves which connection, by the kernel's own tables."""

from collections.abc import Iterable
from pathlib import Path


def connection_owners(port: int, pids: Iterable[int]) -> dict[int, int]:
    """Return the process at the server's end of each connection, by the client's port."""
    inodes = {}
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = row.split()
        if int(words[1].rpartition(":")[2], 16) == port:
            inodes[words[9]] = int(words[2].rpartition(":")[2], 16)
    owners = {}
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except OSError:
                continue
            inode = target.removeprefix("socket:[").removesuffix("]")
            if inode in inodes:
                owners[inodes[inode]] = pid
    return owners
