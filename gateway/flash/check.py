"""The check of a flash directory (fsck): what is wrong, in sentences; nothing is when it is empty.

Other processes may be at work meanwhile: what looks wrong is looked at again before it is said.
Orphaned files, and chunks that lost a race for their place, are not wrong: eviction takes them.
"""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from gateway.flash.admission import Division, rounded_up
from gateway.flash.index import Index
from gateway.flash.readers import Readers
from gateway.flash.record import Record, RecordReader
from gateway.flash.rows import (
    Extent,
    chunk_number,
    decode_extent,
    decode_row,
    find_name,
    is_tombstone,
)
from gateway.flash.sealing import DataKeys
from gateway.flash.segments import data_name, record_name

_GROUP = 1000
_READ_BYTES = 1 << 20
Chunk = tuple[bytes, int, Extent]


def find_problems(
    index: Index, path: Path, division: Division, readers: Readers | None = None
) -> list[str]:
    """Return the problems of the flash at `path`; with `readers` every chunk's CRC is judged.

    Blocks. Raises OSError and the index's trouble where they cannot be read at all.
    """
    problems = [*_oversize(path, division), *_bad_rows(index)]
    chunks = list(_chunks(index))
    problems += _overlaps(chunks)
    by_segment: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        by_segment.setdefault(chunk[2].segment, []).append(chunk)
    for segment, members in sorted(by_segment.items()):
        problems += _segment_problems(index, path / "segments", segment, members, readers)
    return problems


def _oversize(path: Path, division: Division) -> Iterator[str]:
    occupied = occupied_bytes(path)
    if occupied > division.size_bytes:
        yield f"{occupied} bytes are occupied, more than the size of {division.size_bytes}"


def occupied_bytes(path: Path) -> int:
    """Return what all files of a flash directory occupy, by their lengths, in whole blocks."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += rounded_up((Path(folder) / name).stat().st_size)
            except FileNotFoundError:
                continue
    return total


def _bad_rows(index: Index) -> Iterator[str]:
    for key, row in _entries(index, "rows"):
        name = find_name(row)
        if name is None or index.row_key(name) != key:
            yield f"row {key.hex()} is not about the name it is kept under"
        elif not is_tombstone(row) and decode_row(row, name) is None:
            yield f"the row of {name} cannot be read"


def _chunks(index: Index) -> Iterator[Chunk]:
    for key, value in _entries(index, "chunks"):
        yield key[:16], chunk_number(key), decode_extent(value)


def _entries(index: Index, database: str) -> Iterator[tuple[bytes, bytes]]:
    start = b""
    while entries := index.pages(database, start, _GROUP):
        yield from entries
        start = entries[-1][0] + b"\0"


def _overlaps(chunks: list[Chunk]) -> Iterator[str]:
    places = sorted(
        (extent.segment, extent.offset, extent.length, body, number)
        for body, number, extent in chunks
    )
    for one, other in pairwise(places):
        if one[0] == other[0] and one[1] + one[2] > other[1]:
            yield (
                f"in segment {one[0]} chunk {one[4]} of {one[3].hex()} at {one[1]} overlaps "
                f"chunk {other[4]} of {other[3].hex()} at {other[1]}"
            )


def _segment_problems(
    index: Index, segments: Path, segment: int, members: list[Chunk], readers: Readers | None
) -> Iterator[str]:
    try:
        data_fd = os.open(segments / data_name(segment), os.O_RDONLY)
    except FileNotFoundError:
        data_fd = -1
    try:
        records = _records(segments / record_name(segment), index.keys)
        for chunk in members:
            sentence = _chunk_problem(chunk, data_fd, records, readers)
            if sentence is not None and _is_still_there(index, chunk):
                yield f"chunk {chunk[1]} of {chunk[0].hex()}: {sentence}"
    finally:
        if data_fd >= 0:
            os.close(data_fd)


def _chunk_problem(
    chunk: Chunk, data_fd: int, records: set[tuple[bytes, int, int]], readers: Readers | None
) -> str | None:
    body, number, extent = chunk
    if data_fd < 0:
        return f"segment {extent.segment} is not there"
    if extent.offset + extent.length > os.fstat(data_fd).st_size:
        return f"it ends beyond segment {extent.segment}"
    if (body, number, extent.offset) not in records:
        return f"segment {extent.segment} has no record of it"
    if readers is not None and not readers.is_right_on_flash(extent):
        return "its bytes are not those that were written"
    return None


def _records(path: Path, keys: DataKeys | None) -> set[tuple[bytes, int, int]]:
    found = set()
    reader = RecordReader(keys)
    try:
        with path.open("rb") as file:
            while not reader.is_stopped and (piece := file.read(_READ_BYTES)):
                for entry in reader.feed(piece):
                    if isinstance(entry, Record):
                        found.add((entry.body, entry.number, entry.extent.offset))
    except FileNotFoundError:
        return found
    return found


def _is_still_there(index: Index, chunk: Chunk) -> bool:
    body, number, extent = chunk
    return index.extents(body, range(number, number + 1)).get(number) == extent
