"""The hand-written Parquet: its bytes as the format says, and as other readers read it."""

import hashlib
from array import array
from io import BytesIO

import pytest

from gateway.demo.parquet import TIMESTAMP_MICROS, Column, Layout, write_table
from gateway.demo.thrift import I32, I64, encode

COLUMNS = [Column("id", "q"), Column("time", "q", TIMESTAMP_MICROS), Column("part", "i")]
MORE = [*COLUMNS, Column("value", "d")]


def small_table() -> tuple[bytes, Layout]:
    file = BytesIO()
    groups = [
        [
            array("q", range(first, first + 20)),
            array("q", range(0, 20_000_000, 1_000_000)),
            array("i", [row % 7 for row in range(20)]),
            array("d", [row / 4 for row in range(20)]),
        ]
        for first in range(0, 400, 20)
    ]
    layout = write_table(file, MORE, groups)
    return file.getvalue(), layout


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (I32(0), "00"),
        (I32(-1), "01"),
        (I32(1), "02"),
        (I64(64), "8001"),
        (I64(-(1 << 63)), "ffffffffffffffffff01"),
        ("ab", "026162"),
        ([I32(1), I32(2)], "250204"),
        ([I32(0)] * 15, "f50f" + "00" * 15),
        ({1: I32(1), 3: "x"}, "1502280178" + "00"),
        ({2: [{1: I64(1)}]}, "291c16020000"),
    ],
)
def test_compact_thrift_is_written_as_specified(value: object, written: str) -> None:
    assert encode(value).hex() == written


def test_the_layout_names_the_bytes() -> None:
    content, layout = small_table()
    assert content[:4] == content[-4:] == b"PAR1"
    assert (len(content), layout.size, layout.footer.stop) == (layout.size,) * 3
    footer_bytes = int.from_bytes(content[-8:-4], "little")
    assert layout.footer.start == layout.size - 8 - footer_bytes
    pages = sorted(span for spans in layout.columns.values() for span in [s.start for s in spans])
    assert (pages[0], len(pages)) == (4, 20 * len(MORE))
    last = layout.columns["value"][-1]
    assert last.stop == layout.footer.start
    assert content[last.stop - 8 : last.stop] == array("d", [19 / 4]).tobytes()


def test_the_bytes_stay_what_other_readers_accepted() -> None:
    content, _ = small_table()
    assert hashlib.sha256(content).hexdigest() == (
        "159fa3b47d455d6851a069e1be2aa0c7ce76aebd14518b1a0c583da4df4a3e55"
    )


def test_pyarrow_reads_it() -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = parquet.read_table(BytesIO(small_table()[0]))
    assert table.column_names == ["id", "time", "part", "value"]
    assert table["id"].to_pylist() == list(range(400))
    assert table["value"].to_pylist() == [row / 4 for row in range(20)] * 20
