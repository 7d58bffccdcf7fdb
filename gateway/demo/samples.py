"""The demo's data: a model file, many small images, and a table, written past all shaping."""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from math import sin, tau

from gateway.demo.load import Endpoint, LoadConnection
from gateway.demo.parquet import TIMESTAMP_MICROS, Column, Layout, Values, write_table
from gateway.model.ranges import ByteRange

BUCKET = "demo"
MODEL_PATH = f"/{BUCKET}/models/model.bin"
TABLE_PATH = f"/{BUCKET}/tables/weather.parquet"
TABLE_COLUMNS_READ = ("station", "temperature")

_PIECE_BYTES = 4 << 20
_MINUTE_MICROS = 60_000_000
_FIRST_MOMENT_MICROS = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z
_STATIONS = 97
_MEASURED = {"temperature": 12.0, "humidity": 60.0, "pressure": 1013.0, "wind": 6.0, "rain": 1.0}


@dataclass(frozen=True, slots=True)
class SampleSizes:
    """How much to make; tests make less."""

    model_bytes: int = 256 << 20
    images: int = 1000
    image_bytes: int = 100 << 10
    table_rows: int = 1_000_000
    table_groups: int = 10


@dataclass(frozen=True, slots=True)
class Samples:
    """What was made, and the SHA-256 (hex) that every read of it must have."""

    sizes: SampleSizes
    model_sha256: str
    images_sha256: str
    """Of all images, one after the other."""
    table: Layout
    table_sha256: str
    """Of the spans that the table's reader asks for, in that order."""

    def table_spans(self) -> list[ByteRange]:
        """Return what a reader of two columns asks for: the footer, then their pages."""
        pages = [span for name in TABLE_COLUMNS_READ for span in self.table.columns[name]]
        return [self.table.footer, *pages]


def image_path(number: int, *, folder: str) -> str:
    """Return the path of one image; the same images lie in `photos` and `images`."""
    return f"/{BUCKET}/{folder}/{number:04}.jpg"


FOLDERS = ("images", "photos")
"""The same images twice, so that two rules can be shown on them."""


def make_samples(
    origin: Endpoint, sizes: SampleSizes, tell_progress: Callable[[int], None]
) -> Samples:
    """Write all samples to the origin and return them; `tell_progress` is told of bytes written."""
    table, layout = _table(sizes)
    spans = Samples(sizes, "", "", layout, "").table_spans()
    with LoadConnection(origin) as connection:
        model_sha256 = _put_model(connection, sizes, tell_progress)
        images_sha256 = _put_images(connection, sizes, tell_progress)
        _put(connection, TABLE_PATH, table)
        tell_progress(len(table))
    read = hashlib.sha256(b"".join(table[span.start : span.stop] for span in spans))
    return Samples(sizes, model_sha256, images_sha256, layout, read.hexdigest())


def bytes_to_write(sizes: SampleSizes) -> int:
    """Return about how many bytes `make_samples` will tell of."""
    row_bytes = 2 * 8 + 4 + 8 * len(_MEASURED)
    images = len(FOLDERS) * sizes.images * sizes.image_bytes
    return sizes.model_bytes + images + sizes.table_rows * row_bytes


def _put_model(
    connection: LoadConnection, sizes: SampleSizes, tell_progress: Callable[[int], None]
) -> str:
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for at in range(0, sizes.model_bytes, _PIECE_BYTES):
            piece = os.urandom(min(_PIECE_BYTES, sizes.model_bytes - at))
            digest.update(piece)
            yield piece
            tell_progress(len(piece))

    length = {"content-length": str(sizes.model_bytes)}
    connection.ask("PUT", MODEL_PATH, length, pieces())
    return digest.hexdigest()


def _put_images(
    connection: LoadConnection, sizes: SampleSizes, tell_progress: Callable[[int], None]
) -> str:
    digest = hashlib.sha256()
    for number in range(sizes.images):
        image = os.urandom(sizes.image_bytes)
        digest.update(image)
        for folder in FOLDERS:
            _put(connection, image_path(number, folder=folder), image)
            tell_progress(len(image))
    return digest.hexdigest()


def _put(connection: LoadConnection, path: str, content: bytes) -> None:
    connection.ask("PUT", path, {"content-length": str(len(content))}, [content])


def _table(sizes: SampleSizes) -> tuple[bytes, Layout]:
    columns = [
        Column("id", "q"),
        Column("time", "q", TIMESTAMP_MICROS),
        Column("station", "i"),
        *(Column(name, "d") for name in _MEASURED),
    ]
    file = BytesIO()
    layout = write_table(file, columns, _row_groups(sizes))
    return file.getvalue(), layout


def _row_groups(sizes: SampleSizes) -> Iterator[list[Values]]:
    count = sizes.table_rows // sizes.table_groups
    stations = array("i", (row % _STATIONS for row in range(count)))
    measured = [
        array("d", (mean * (1 + sin(tau * row / 1440) / 3) for row in range(count)))
        for mean in _MEASURED.values()
    ]
    for group in range(sizes.table_groups):
        first = group * count
        begun = _FIRST_MOMENT_MICROS + first * _MINUTE_MICROS
        times = range(begun, begun + count * _MINUTE_MICROS, _MINUTE_MICROS)
        yield [array("q", range(first, first + count)), array("q", times), stations, *measured]
