"""The tables of TPC-H as Parquet files, and what the queries must come to by another engine.

Runs in Spark's environment: python -m conformance.spark.tpch_files FOLDER SCALE. DuckDB's own
generator makes the same rows each time; its extension comes from PyPI.
"""

import json
import sys
from importlib.resources import files
from pathlib import Path

import duckdb

from conformance.spark.tpch_queries import QUERIES, shown

FILES = {"lineitem": (12, "l_orderkey"), "orders": (6, "o_orderkey"), "customer": (2, "c_custkey")}
"""Table -> how many files, and what says which row is in which; they lie in order, as loads do."""
_GROUP_ROWS = 250_000


def main() -> None:
    """Write a folder for each table, and `answers.json`."""
    folder, scale = Path(sys.argv[1]), float(sys.argv[2])
    with duckdb.connect(config={"threads": 2}) as database:
        for extension in files("duckdb_extension_tpch").rglob("tpch.duckdb_extension"):
            database.execute(f"LOAD '{extension}'")
        database.execute(f"CALL dbgen(sf = {scale})")
        for table, (count, column) in FILES.items():
            _write(database, folder / table, table, count, column)
        answers = {
            name: [[shown(cell) for cell in row] for row in database.execute(text).fetchall()]
            for name, text in QUERIES.items()
        }
    (folder / "answers.json").write_text(json.dumps(answers))


def _write(
    database: duckdb.DuckDBPyConnection, folder: Path, table: str, count: int, column: str
) -> None:
    folder.mkdir(parents=True)
    found = database.execute(f"SELECT max({column}) FROM {table}").fetchone()  # noqa: S608
    assert found is not None
    each = found[0] // count + 1
    for number in range(count):
        chosen = f"SELECT * FROM {table} WHERE {column} // {each} = {number} ORDER BY {column}"  # noqa: S608
        options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {_GROUP_ROWS}"
        path = folder / f"part-{number:05}.snappy.parquet"
        database.execute(f"COPY ({chosen}) TO '{path}' ({options})")


if __name__ == "__main__":
    main()
