"""What pyarrow is asked to do, over fsspec's WebHDFS: Parquet written and read."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import FSSpecHandler, PyFileSystem

from conformance.webhdfs import fsspec_cells
from conformance.webhdfs.bench import Bench, same

_ROWS = 200_000


def version() -> str:
    """Return its version."""
    return str(pa.__version__)


def connect(bench: Bench) -> PyFileSystem:
    """Return pyarrow's view of fsspec's file system."""
    return PyFileSystem(FSSpecHandler(fsspec_cells.connect(bench)))


def _table() -> pa.Table:
    numbers = pa.array(range(_ROWS), pa.int64())
    parts = pa.array([f"p{number % 4}" for number in range(_ROWS)])
    return pa.table({"n": numbers, "text": pa.array(map(str, range(_ROWS))), "part": parts})


def _one(fs: PyFileSystem, bench: Bench) -> None:
    table = _table()
    with fs.open_output_stream(f"{bench.root}/one.parquet") as stream:
        pq.write_table(table, stream, row_group_size=20_000)
    local = bench.folder / "one.parquet"
    pq.write_table(table, local, row_group_size=20_000)
    bench.holds("one.parquet", local.read_bytes())
    read = pq.read_table(f"{bench.root}/one.parquet", filesystem=fs)
    same("table", read.equals(table), wanted=True)


def _columns(fs: PyFileSystem, bench: Bench) -> None:
    local = bench.folder / "columns.parquet"
    pq.write_table(_table(), local, row_group_size=20_000)
    bench.make("columns.parquet", local.read_bytes())
    file = pq.ParquetFile(fs.open_input_file(f"{bench.root}/columns.parquet"))
    group = file.read_row_group(7, columns=["n"])
    same("row group", group["n"].to_pylist(), list(range(140_000, 160_000)))


def _dataset(fs: PyFileSystem, bench: Bench) -> None:
    table = _table()
    place = f"{bench.root}/dataset"
    schema = pa.schema([("part", pa.string())])
    partitioning = ds.partitioning(schema, flavor="hive")
    ds.write_dataset(table, place, filesystem=fs, format="parquet", partitioning=partitioning)
    for part in range(4):
        same("there", bench.is_there(f"dataset/part=p{part}/part-0.parquet"), wanted=True)
    whole = ds.dataset(place, filesystem=fs, format="parquet", partitioning="hive")
    same("rows", whole.count_rows(), _ROWS)
    some = whole.to_table(filter=ds.field("part") == "p3", columns=["n"])
    same("sum", sum(some["n"].to_pylist()), sum(range(3, _ROWS, 4)))


CELLS = {
    "one Parquet file": _one,
    "a row group's column": _columns,
    "partitioned dataset": _dataset,
}
