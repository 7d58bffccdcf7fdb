"""What stands at a path, in HDFS's terms."""

from typing import Final

from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Status
from gateway.model.failures import FileConflict, NotFound
from gateway.protocol.webhdfs.documents import FileStatus

_NS_PER_MS: Final = 1_000_000


def shown(status: Status, block_bytes: int) -> FileStatus:
    """Return a status as HDFS shows it; times are cut to milliseconds."""
    return FileStatus(
        kind=str(status.kind),
        length=status.length,
        modified=status.modified_ns // _NS_PER_MS,
        accessed=status.accessed_ns // _NS_PER_MS,
        mode=status.mode & 0o1777,
        owner=status.owner,
        group=status.group,
        block_bytes=block_bytes,
        symlink=status.symlink,
    )


def nanoseconds(milliseconds: int) -> int | None:
    """Return a time as a tree takes it; None for -1, Hadoop's word for 'as it is'."""
    return None if milliseconds < 0 else milliseconds * _NS_PER_MS


async def find_status(tree: Tree, exchange: WebHdfsExchange, path: str) -> Status | None:
    """Return what stands at a path for who asks, if anything does."""
    try:
        return await tree.status(exchange.caller, path)
    except NotFound:
        return None
    except FileConflict as conflict:
        if conflict.code != "NotADirectory":
            raise
        return None


def parent_of(path: str) -> str:
    """Return the path of the directory that a path is in; of the root, itself."""
    return path.rpartition("/")[0] or "/"
