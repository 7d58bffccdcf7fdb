"""Giving way on a full disk: when not even the index can be written, files go first, rows later.

A disk may be smaller than the size that flash was given, or be filled by others. Then the oldest
segment is unlinked although its rows cannot be removed now; they lead nowhere, which is a miss, and
are purged once the index can be written again.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from gateway.flash.departures import SpaceParts
from gateway.flash.index import Writing
from gateway.flash.locks import DirectoryLock, open_directory
from gateway.flash.rows import Extent, chunk_number, decode_extent
from gateway.flash.segments import list_segments, lock_abandoned, remove_segment

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS: Final = tuple(os.strerror(code) for code in _FULL)


def is_disk_full(error: Exception) -> bool:
    """Return whether the error is about a full disk or quota; LMDB tells it only in words."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return any(words in str(error) for words in _FULL_WORDS)


def give_way(path: Path) -> bool:
    """Unlink the oldest segment that no process is using; return whether there was one.

    Raises OSError.
    """
    with contextlib.ExitStack() as stack:
        directory_fd = open_directory(stack, path)
        segments_fd = open_directory(stack, path / "segments")
        lock = DirectoryLock(directory_fd)
        stack.callback(lock.close)
        with lock.held():
            return _remove_oldest(segments_fd)


def _remove_oldest(segments_fd: int) -> bool:
    for files in list_segments(segments_fd):
        record_fd = lock_abandoned(segments_fd, files.segment) if files.is_whole else None
        if record_fd is not None:
            remove_segment(segments_fd, files.segment)
            os.close(record_fd)
            return True
    return False


def purge_steps(parts: SpaceParts) -> Iterator[None]:
    """Remove the rows of chunks whose segments are gone; yields after each group.

    Segments that come meanwhile have higher numbers than those listed: their rows stay.
    """
    listed = {files.segment for files in list_segments(parts.segments_fd)}
    newest = max(listed, default=0)
    start = b""
    while entries := parts.index.pages("chunks", start, parts.division.group_changes_max):
        extents = [(key, decode_extent(value)) for key, value in entries]
        dangling = [
            (key, extent)
            for key, extent in extents
            if extent.segment <= newest and extent.segment not in listed
        ]
        if dangling:
            parts.committer.wait_committed(partial(_purge, dangling))
        start = entries[-1][0] + b"\0"
        yield


def _purge(dangling: list[tuple[bytes, Extent]], writing: Writing) -> None:
    for key, extent in dangling:
        writing.delete_chunk(key[:16], chunk_number(key), extent)
