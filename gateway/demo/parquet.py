"""Writing a plain Parquet table by hand: the demo needs one file, not a library.

Source: apache/parquet-format, `parquet.thrift` and *File Format*. Every column is REQUIRED, PLAIN
and uncompressed, one page a column chunk; hence no levels, no dictionaries, no statistics.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from gateway.demo.thrift import I32, I64, Value, encode
from gateway.model.ranges import ByteRange

_MAGIC = b"PAR1"
_PLAIN, _RLE = I32(0), I32(3)
_REQUIRED, _UNCOMPRESSED, _DATA_PAGE = I32(0), I32(0), I32(0)
_VERSION = I32(1)
# array's type code -> Parquet's physical type
_PHYSICAL = {"i": I32(1), "q": I32(2), "d": I32(5)}

Values: TypeAlias = "array[int] | array[float]"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, its type as `array` names it, and its converted type, if any."""

    name: str
    typecode: str
    converted: I32 | None = None


TIMESTAMP_MICROS = I32(10)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a reader finds things: the footer, its length and magic behind it, and the pages."""

    size: int
    footer: ByteRange
    columns: dict[str, tuple[ByteRange, ...]]


def write_table(
    file: BinaryIO, columns: Sequence[Column], groups: Iterable[Sequence[Values]]
) -> Layout:
    """Write row groups, each one array a column, and return the layout."""
    offset = file.write(_MAGIC)
    row_groups: list[Value] = []
    pages: dict[str, list[ByteRange]] = {column.name: [] for column in columns}
    row_count = 0
    for group in groups:
        chunks: list[Value] = []
        begun = offset
        for column, values in zip(columns, group, strict=True):
            written = file.write(_page_head(values)) + file.write(_little_endian(values))
            span = ByteRange(offset, offset + written)
            pages[column.name].append(span)
            chunks.append({2: I64(span.start), 3: _column_meta(column, len(values), span)})
            offset = span.stop
        rows = len(group[0])
        row_groups.append({1: chunks, 2: I64(offset - begun), 3: I64(rows)})
        row_count += rows
    footer = _footer(columns, row_groups, row_count)
    size = offset + file.write(footer)
    return Layout(size, ByteRange(offset, size), {name: tuple(at) for name, at in pages.items()})


def _page_head(values: Values) -> bytes:
    size = I32(len(values) * values.itemsize)
    levels: Value = {1: I32(len(values)), 2: _PLAIN, 3: _RLE, 4: _RLE}
    return encode({1: _DATA_PAGE, 2: size, 3: size, 5: levels})


def _little_endian(values: Values) -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _column_meta(column: Column, count: int, span: ByteRange) -> Value:
    return {
        1: _PHYSICAL[column.typecode],
        2: [_PLAIN, _RLE],
        3: [column.name],
        4: _UNCOMPRESSED,
        5: I64(count),
        6: I64(span.length),
        7: I64(span.length),
        9: I64(span.start),
    }


def _footer(columns: Sequence[Column], row_groups: list[Value], row_count: int) -> bytes:
    schema: list[Value] = [{4: "schema", 5: I32(len(columns))}]
    for column in columns:
        element: dict[int, Value] = {
            1: _PHYSICAL[column.typecode],
            3: _REQUIRED,
            4: column.name,
        }
        if column.converted is not None:
            element[6] = column.converted
        schema.append(element)
    meta = encode({1: _VERSION, 2: schema, 3: I64(row_count), 4: row_groups, 6: "forebay demo"})
    return meta + len(meta).to_bytes(4, "little") + _MAGIC
