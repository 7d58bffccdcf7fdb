"""Rebuilding the index from the records, in steps between other work.

The index itself says which segments it does not hold yet, so whoever has the time goes on where a
process died. A segment is locked against eviction while its records are entered.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from functools import partial

from gateway.flash.committer import ALLOWANCE_KEY
from gateway.flash.departures import SpaceParts
from gateway.flash.index import REBUILD_KEY, Writing
from gateway.flash.locks import find_flock
from gateway.flash.record import Record
from gateway.flash.recovery import put_recovered, read_records
from gateway.flash.segments import SegmentFiles, data_name, record_name
from gateway.flash.space import Space


def encode_pending(segments: list[SegmentFiles]) -> bytes:
    """Return the list of segments that a new index does not hold yet, oldest first."""
    return struct.pack(f"<{len(segments)}I", *(files.segment for files in segments))


def _decode_pending(data: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def rebuild_steps(parts: SpaceParts, space: Space) -> Iterator[None]:
    """Enter what is pending, newest segment first; yields after each group of records.

    Raises OSError and the index's trouble. Segments that are being written to stay pending, and
    nothing is done while another process is at it.
    """
    if not _pending(parts):
        return
    descriptor = os.open("rebuild", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=parts.directory_fd)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with parts.lock.held():
            space.settled_files()
        for segment in reversed(_pending(parts)):
            yield from _enter_segment(parts, space, segment)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)


def _pending(parts: SpaceParts) -> list[int]:
    return _decode_pending(parts.index.find_meta(REBUILD_KEY) or b"")


def _enter_segment(parts: SpaceParts, space: Space, segment: int) -> Iterator[None]:
    try:
        record_fd = find_flock(parts.segments_fd, record_name(segment), fcntl.LOCK_SH)
    except FileNotFoundError:
        record_fd = -1
    if record_fd is None:
        return
    try:
        data_bytes = 0
        with contextlib.suppress(FileNotFoundError):
            data_bytes = os.stat(data_name(segment), dir_fd=parts.segments_fd).st_size
        group_max = parts.division.group_changes_max
        keys = parts.index.keys
        groups = read_records(record_fd, segment, group_max, keys) if record_fd >= 0 else iter(())
        for group in groups:
            if not _enter_group(parts, space, group, data_bytes):
                break
            parts.faults.at("rebuild.step")
            yield
    finally:
        if record_fd >= 0:
            os.close(record_fd)
    parts.committer.wait_committed(partial(_note_entered, segment))


def _enter_group(parts: SpaceParts, space: Space, group: list[Record], data_bytes: int) -> bool:
    """Enter a group of records; return False where the index has no room for them.

    The oldest segments then stay without rows: they are the next to be evicted.
    """
    index, division = parts.index, parts.division
    allowance = int(index.find_meta(ALLOWANCE_KEY) or 0)
    if allowance < index.bytes_max and division.is_growth_near(index.file_bytes, allowance):
        space.raise_allowance()
        allowance = int(index.find_meta(ALLOWANCE_KEY) or 0)
    if allowance < index.bytes_max and not division.can_index_grow(index.file_bytes, allowance):
        return False
    if index.used_bytes() > division.index_used_bytes_max:
        return False
    parts.committer.wait_committed(lambda w: put_recovered(w, group, data_bytes))
    return True


def _note_entered(segment: int, writing: Writing) -> None:
    pending = _decode_pending(writing.find_meta(REBUILD_KEY) or b"")
    rest = [other for other in pending if other != segment]
    writing.put_meta(REBUILD_KEY, struct.pack(f"<{len(rest)}I", *rest))
