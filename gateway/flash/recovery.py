"""What is done at opening so that flash is usable after any end: clean, kill -9 or power loss.

A killed process loses nothing that it wrote, for its pages are the kernel's. After a power loss any
page may be missing. The file `boot` tells the two apart: it names the boot (the kernel's random id)
in which flash was opened last, and whether everything was closed and the index synced. If the boot
is another and flash was not closed, or the segments are not those that were there when it was, the
index is discarded and rebuilt from the records, segment by segment, newest first, while flash is in
use already. Rebuilding is idempotent and holds one group of records in memory.
"""

import contextlib
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

from gateway.flash.index import Writing
from gateway.flash.purposes import Label
from gateway.flash.record import Record, RecordReader, Seal
from gateway.flash.rows import Row
from gateway.flash.sealing import DataKeys
from gateway.flash.segments import (
    SegmentFiles,
    data_name,
    find_sealed,
    lock_abandoned,
    record_name,
    seal_files,
)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_READ_BYTES: Final = 1 << 20
_OPEN: Final = "open"


def boot_id() -> str:
    """Return the random id of this boot of the kernel; empty where there is none."""
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def is_index_trusted(directory_fd: int, segments_fd: int, segments: list[SegmentFiles]) -> bool:
    """Return whether the index may be used as it is; asked by the first process to open flash."""
    try:
        descriptor = os.open("boot", os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return not segments
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        boot, _, state = file.read(4096).strip().partition(" ")
    if boot and boot == boot_id():
        return True
    return state == _closed_state(segments) and all(
        _is_sealed(segments_fd, files) for files in segments
    )


def was_left_open(directory_fd: int) -> bool:
    """Return whether the last process to use flash was killed, or could not note all it had to."""
    try:
        descriptor = os.open("boot", os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        return file.read(4096).strip().partition(" ")[2] == _OPEN


def mark_open(directory_fd: int) -> None:
    """Write down that flash is in use in this boot; raises OSError."""
    _write_mark(directory_fd, _OPEN)


def mark_closed(directory_fd: int, segments: list[SegmentFiles]) -> None:
    """Write down that all is closed, the index synced, and what there was; raises OSError."""
    _write_mark(directory_fd, _closed_state(segments))


def _write_mark(directory_fd: int, state: str) -> None:
    """Replace the mark; it must be on the disk before anything that it speaks of changes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open("boot.new", flags, 0o600, dir_fd=directory_fd)
    try:
        os.write(descriptor, f"{boot_id()} {state}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename("boot.new", "boot", src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    os.fsync(directory_fd)


def _closed_state(segments: list[SegmentFiles]) -> str:
    parts = (f"{files.segment}:{files.data_bytes}:{files.record_bytes}" for files in segments)
    return f"closed {hash_text(','.join(parts))}"


def hash_text(text: str) -> str:
    """Return a short digest of a text."""
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _is_sealed(segments_fd: int, files: SegmentFiles) -> bool:
    if not files.is_whole:
        return False
    descriptor = os.open(record_name(files.segment), os.O_RDONLY, dir_fd=segments_fd)
    try:
        seal = find_sealed(descriptor)
    finally:
        os.close(descriptor)
    return seal == Seal(files.segment, files.data_bytes)


def close_abandoned(segments_fd: int, segment: int, keys: DataKeys | None) -> bool:
    """Seal a segment whose writer died; return False if a process is still writing to it.

    It is cut to the last chunk that has a record: what has none, nobody can find. Raises OSError.
    """
    record_fd = lock_abandoned(segments_fd, segment)
    if record_fd is None:
        return False
    try:
        if find_sealed(record_fd) is not None:
            return True
        data_bytes, record_bytes = _used(record_fd, keys)
        data_fd = os.open(data_name(segment), os.O_RDWR, dir_fd=segments_fd)
        try:
            data_bytes = min(data_bytes, os.fstat(data_fd).st_size)
            seal_files(record_fd, data_fd, segment, data_bytes, record_bytes)
        finally:
            os.close(data_fd)
    finally:
        os.close(record_fd)
    return True


def _used(record_fd: int, keys: DataKeys | None) -> tuple[int, int]:
    """Return how many bytes of data have records, and how many bytes the records are."""
    reader, data_bytes, record_bytes = RecordReader(keys), 0, 0
    for piece in _pieces(record_fd):
        for entry in reader.feed(piece):
            if isinstance(entry, Record):
                data_bytes = max(data_bytes, entry.extent.offset + entry.extent.length)
            if isinstance(entry, Record | Label):
                record_bytes = reader.position
        if reader.is_stopped:
            break
    return data_bytes, record_bytes


def read_records(
    record_fd: int, segment: int, group_max: int, keys: DataKeys | None
) -> Iterator[list[Record]]:
    """Yield the records of a segment's log in groups of `group_max`; raises OSError."""
    reader = RecordReader(keys)
    group: list[Record] = []
    for piece in _pieces(record_fd):
        for entry in reader.feed(piece):
            if isinstance(entry, Record) and entry.extent.segment == segment:
                group.append(entry)
            if len(group) == group_max:
                yield group
                group = []
        if reader.is_stopped:
            break
    if group:
        yield group


def _pieces(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while piece := os.pread(descriptor, _READ_BYTES, offset):
        yield piece
        offset += len(piece)


def put_recovered(writing: Writing, records: list[Record], data_bytes: int) -> None:
    """Enter a group of records into the index, unless better is known of their objects.

    Within a segment the last record of an object describes its newest version, so the group is
    walked from its end. Headers and the time of the last confirmation are in no record: the rows
    count as never confirmed.
    """
    for record in reversed(records):
        if record.extent.offset + record.extent.length <= data_bytes:
            writing.put_chunk_if_absent(record.body, record.number, record.extent)
            writing.put_row_if_absent(Row(record.name, record.version, record.body, (), 0))
