"""Pins: what people asked never to be evicted, in the file `pins`, and how it is gathered.

What is on flash of a pinned prefix is copied into segments of the pin's own; what comes later is
written there. Without the pin its segments are like any others. Runs on the keeper's thread.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from gateway.flash.committer import Change
from gateway.flash.index import Writing
from gateway.flash.purposes import Purpose
from gateway.flash.record import RecordWriter
from gateway.flash.rows import Extent, Row, decode_row, find_name, is_tombstone
from gateway.flash.segments import OpenSegment
from gateway.flash.volume import Volume
from gateway.model.failures import FlashTrouble

PINS_MAX: Final = 64
_BYTES_MAX: Final = PINS_MAX * 2048
_NAME: Final = "pins"
_GROUP_ROWS: Final = 1000
_GROUP_CHUNKS: Final = 64
Renew = Callable[[Volume, Purpose], OpenSegment | None]


def read_pins(directory_fd: int) -> tuple[str, ...]:
    """Return the pinned beginnings of `bucket/key`; none where the file is none of ours."""
    try:
        descriptor = os.open(_NAME, os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return ()
    with os.fdopen(descriptor, "rb") as file:
        try:
            found = json.loads(file.read(_BYTES_MAX))
        except ValueError:
            return ()
    is_list = isinstance(found, list) and all(isinstance(one, str) for one in found)
    return tuple(found[:PINS_MAX]) if is_list else ()


def write_pins(directory_fd: int, pins: tuple[str, ...]) -> None:
    """Keep the pins, through a power loss too; raises OSError, FlashTrouble for too many."""
    written = json.dumps(pins).encode()
    if len(pins) > PINS_MAX or len(written) > _BYTES_MAX:
        raise FlashTrouble(f"there are {PINS_MAX} pins: remove one, or pin what is above them")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(f"{_NAME}.new", flags, 0o600, dir_fd=directory_fd)
    try:
        os.write(descriptor, written)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(f"{_NAME}.new", _NAME, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    os.fsync(directory_fd)


def held_bytes(volume: Volume, prefix: str) -> int:
    """Return what is held of all that begins with `prefix`; raises the index's trouble."""
    held = 0
    for row in _rows_under(volume, prefix):
        count = -(-row.version.size // volume.division.chunk_bytes)
        for first in range(0, count, _GROUP_CHUNKS):
            numbers = range(first, min(first + _GROUP_CHUNKS, count))
            held += sum(one.length for one in volume.index.extents(row.body, numbers).values())
    return held


def gather(volume: Volume, prefix: str, purpose: Purpose, renew: Renew) -> bool:
    """Copy what is held under `prefix` into segments of that purpose; False without room for it.

    `renew` gives the next segment. Raises OSError and the index's trouble.
    """
    for row in _rows_under(volume, prefix):
        count = -(-row.version.size // volume.division.chunk_bytes)
        for first in range(0, count, _GROUP_CHUNKS):
            numbers = range(first, min(first + _GROUP_CHUNKS, count))
            if not _moved(volume, row, numbers, purpose, renew):
                return False
    return True


def _rows_under(volume: Volume, prefix: str) -> Iterator[Row]:
    start = b""
    while entries := volume.index.pages("rows", start, _GROUP_ROWS):
        for _, data in entries:
            name = None if is_tombstone(data) else find_name(data)
            if name is not None and str(name).startswith(prefix):
                row = decode_row(data, name)
                if row is not None:
                    yield row
        start = entries[-1][0] + b"\0"


def _moved(volume: Volume, row: Row, numbers: range, purpose: Purpose, renew: Renew) -> bool:
    writer = RecordWriter(row, volume.keys)
    for number, extent in volume.index.extents(row.body, numbers).items():
        if volume.space.is_of(extent.segment, purpose):
            continue
        data = volume.readers.read(extent)
        if data is None:
            continue
        target = volume.active.get(purpose)
        offset = target.take_block(len(data), writer.record_bytes) if target is not None else None
        if target is None or offset is None:
            target = renew(volume, purpose)
            if target is None:
                return False
            offset = target.take_block(len(data), writer.record_bytes)
        if offset is None:
            return False
        target.write(offset, data)
        place = replace(extent, segment=target.segment, offset=offset)
        _commit(volume, row, number, (extent, place), (target, writer))
    return True


def _commit(
    volume: Volume,
    row: Row,
    number: int,
    places: tuple[Extent, Extent],
    written: tuple[OpenSegment, RecordWriter],
) -> None:
    (old, new), (target, writer) = places, written

    def append() -> None:
        target.append(writer.encode(number, new))

    def apply(writing: Writing) -> None:
        writing.move_chunk(row.body, number, old, new)

    volume.committer.wait_change(Change(apply, prepare=append, grows=True))
    volume.readers.note_proven(new)
