"""Giving way on a full disk: when not even the index can be written, files go first, rows later.

A disk may be smaller than the size that flash was given, or be filled by others. Then the oldest
segment is unlinked although its rows cannot be removed now; they lead nowhere, which is a miss, and
are purged once the index can be written again. The file `purge` says so, since whoever unlinked may
be killed before that.
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

_MARK: Final = "purge"
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
            is_removed = _remove_oldest(segments_fd)
            if is_removed:
                mark_purge(directory_fd)
            return is_removed


def _remove_oldest(segments_fd: int) -> bool:
    for files in list_segments(segments_fd):
        record_fd = lock_abandoned(segments_fd, files.segment) if files.is_whole else None
        if record_fd is not None:
            remove_segment(segments_fd, files.segment)
            os.close(record_fd)
            return True
    return False


def mark_purge(directory_fd: int) -> None:
    """Note that rows are to be purged; one byte more each time, so that no note is overlooked."""
    # Where even this finds no room, the process that unlinked still knows.
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(_MARK, flags, 0o600, dir_fd=directory_fd)
        try:
            os.write(descriptor, b".")
        finally:
            os.close(descriptor)


def purges_due(directory_fd: int) -> int:
    """Return how often rows were left behind since the last purge, 0 for never."""
    try:
        return 1 + os.stat(_MARK, dir_fd=directory_fd).st_size
    except FileNotFoundError:
        return 0


def find_next_segment(directory_fd: int) -> int:
    """Return the number that the next segment gets at least (`Space` gives them out)."""
    try:
        descriptor = os.open("next", os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return 0
    try:
        return int.from_bytes(os.pread(descriptor, 8, 0), "little")
    finally:
        os.close(descriptor)


def purge_steps(parts: SpaceParts) -> Iterator[None]:
    """Remove the rows of chunks whose segments are gone; yields after each group.

    Segments that come meanwhile have numbers not given out before: their rows stay.
    """
    due = purges_due(parts.directory_fd)
    # Read before the list: what comes in between has this number or a higher one.
    next_segment = find_next_segment(parts.directory_fd)
    listed = {files.segment for files in list_segments(parts.segments_fd)}
    start = b""
    while entries := parts.index.pages("chunks", start, parts.division.group_changes_max):
        extents = [(key, decode_extent(value)) for key, value in entries]
        dangling = [
            (key, extent)
            for key, extent in extents
            if extent.segment < next_segment and extent.segment not in listed
        ]
        if dangling:
            parts.committer.wait_committed(partial(_purge, dangling))
        start = entries[-1][0] + b"\0"
        yield
    with parts.lock.held(), contextlib.suppress(FileNotFoundError):
        if purges_due(parts.directory_fd) == due:
            os.unlink(_MARK, dir_fd=parts.directory_fd)


def _purge(dangling: list[tuple[bytes, Extent]], writing: Writing) -> None:
    for key, extent in dangling:
        writing.delete_chunk(key[:16], chunk_number(key), extent)
