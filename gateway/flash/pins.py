"""What a pin (`pin_list.py`) holds: how much of it is on flash, and how that is gathered.

What is on flash of a pinned prefix is copied into segments of the pin's own; what comes later is
written there. Without the pin its segments are like any others. Runs on the keeper's thread.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from gateway.flash.committer import Change
from gateway.flash.index import Writing
from gateway.flash.purposes import Purpose
from gateway.flash.record import RecordWriter
from gateway.flash.rows import Extent, Row, rows_under
from gateway.flash.segments import OpenSegment
from gateway.flash.volume import Volume

_GROUP_ROWS: Final = 1000
_GROUP_CHUNKS: Final = 64
Renew = Callable[[Volume, Purpose], OpenSegment | None]


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
        yield from rows_under(entries, prefix)
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
