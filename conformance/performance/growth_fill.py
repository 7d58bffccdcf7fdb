"""A flash directory with as many cached chunks as wanted: rows, records and index are real.

Bodies are zeros, so that their files can be holes: what is to grow is what is known of chunks, and
ten million of 4 KiB would be 40 GB. All of it is written by the gateway's own code, in groups
larger than its committer's.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from awscrt.checksums import crc32c

from gateway.flash.admission import Division, divide
from gateway.flash.faults import Faults
from gateway.flash.index import Writing
from gateway.flash.keeping import Keeping
from gateway.flash.purposes import NEW, Label
from gateway.flash.record import RecordWriter, Seal, encode_label, encode_seal
from gateway.flash.rows import Extent, Row
from gateway.flash.safeguards import Safeguards
from gateway.flash.segments import data_name, record_name
from gateway.flash.volume import Volume
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.model.versions import Version, body_id

CHUNK_BYTES: Final = 4096
SIZE_BYTES: Final = 60 << 30
SMALL: Final = 1000
"""Objects of one chunk; the others have `_CHUNKS` each."""
_CHUNKS: Final = 100
_GROUP_CHUNKS: Final = 100_000
_CRC32C: Final = crc32c(bytes(CHUNK_BYTES))
_HEADERS: Final = (
    ("Content-Type", "application/octet-stream"),
    ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
)


_ETAG: Final = '"00000000000000000000000000000000"'


def division() -> Division:
    """Return how the flash is divided that is filled here."""
    return divide(SIZE_BYTES, CHUNK_BYTES)


def open_volume(path: Path) -> Volume:
    """Open a flash directory without a gateway."""
    keeping = Keeping(Rules(), (), SIZE_BYTES)

    def complain(error: Exception) -> None:
        raise error

    return Volume(
        path,
        division(),
        Faults(),
        Safeguards(),
        report=complain,
        wants_room=lambda: None,
        look_at_pins=lambda _: None,
        keeping=lambda: keeping,
    )


def fill(path: Path, bucket: str, chunks: int) -> None:
    """Make the directory hold `chunks` chunks, closed in order."""
    volume = open_volume(path)
    segment_chunks = volume.division.segment_bytes // CHUNK_BYTES
    entries = _chunks(bucket, chunks)
    for segment in range(1, -(-chunks // segment_chunks) + 1):
        _write_segment(volume, segment, min(segment_chunks, chunks), entries)
        chunks -= segment_chunks
    volume.close()


def _chunks(bucket: str, count: int) -> Iterator[tuple[Row, RecordWriter, int]]:
    """Yield `count` chunks of as many objects as needed."""
    number, now_ns = 0, time.time_ns()
    while count:
        chunks = min(1 if number < SMALL else _CHUNKS, count)
        row = _row(ObjectName(bucket, f"grown/{number}"), chunks, now_ns)
        writer = RecordWriter(row, None)
        for chunk in range(chunks):
            yield row, writer, chunk
        number, count = number + 1, count - chunks


def _row(name: ObjectName, chunks: int, now_ns: int) -> Row:
    version = Version(_ETAG, chunks * CHUNK_BYTES, _HEADERS[1][1], None)
    headers = (*_HEADERS, ("ETag", version.etag), ("Content-Length", str(version.size)))
    return Row(name, version, body_id(name, version, CHUNK_BYTES), headers, now_ns)


def _write_segment(
    volume: Volume, segment: int, count: int, entries: Iterator[tuple[Row, RecordWriter, int]]
) -> None:
    segments = volume.path / "segments"
    with (segments / data_name(segment)).open("wb") as data:
        data.truncate(count * CHUNK_BYTES)
    with (segments / record_name(segment)).open("wb") as records:
        records.write(encode_label(Label(NEW, time.time_ns())))
        for first in range(0, count, _GROUP_CHUNKS):
            stop = min(first + _GROUP_CHUNKS, count)
            with volume.index.write() as writing:
                for place in range(first, stop):
                    extent = Extent(segment, place * CHUNK_BYTES, CHUNK_BYTES, _CRC32C)
                    records.write(_enter(writing, extent, *next(entries)))
        records.write(encode_seal(Seal(segment, count * CHUNK_BYTES)))
    (volume.path / "next").write_bytes((segment + 1).to_bytes(8, "little"))


def _enter(writing: Writing, extent: Extent, row: Row, writer: RecordWriter, chunk: int) -> bytes:
    writing.put_chunk(row.body, chunk, extent)
    if chunk == 0:
        writing.put_row(row)
    return writer.encode(chunk, extent)


def write_back(path: Path) -> None:
    """Have the kernel write it all to the disk, so that it is not at it later."""
    for file in path.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fdatasync(descriptor)
            os.close(descriptor)
