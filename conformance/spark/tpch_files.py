"""The tables of TPC-H as Parquet files, and what the queries must come to by another engine.

Runs in Spark's environment: python -m conformance.spark.tpch_files FOLDER SCALE. DuckDB's own
generator makes the same rows each time; its extension comes from PyPI.
"""

# ruff: noqa: S608 - the names in the SQL are this suite's own

import json
import sys
from importlib.resources import files
from pathlib import Path

import duckdb

from conformance.spark.tpch_queries import ALL_TABLES, QUERIES, WHOLE, shown, whole

FILES = {
    "lineitem": (24, "l_orderkey"),
    "orders": (8, "o_orderkey"),
    "customer": (4, "c_custkey"),
    "partsupp": (8, "ps_partkey"),
    "part": (2, "p_partkey"),
    "supplier": (1, "s_suppkey"),
}
"""Table -> how many files, and what says which row is in which; they lie in order, as loads do."""
_GROUP_ROWS = 250_000
_KINDS = {"VARCHAR": "text", "DATE": "date"}


def main() -> None:
    """Write a folder for each table, and `answers.json`."""
    folder, scale = Path(sys.argv[1]), float(sys.argv[2])
    with duckdb.connect(config={"threads": 2}) as database:
        for extension in files("duckdb_extension_tpch").rglob("tpch.duckdb_extension"):
            database.execute(f"LOAD '{extension}'")
        database.execute(f"CALL dbgen(sf = {scale})")
        for table, (count, column) in FILES.items():
            _make_whole(database, table)
            _write(database, folder / table, table, count, column)
        answers = {name: _rows(database, text) for name, text in QUERIES.items()}
        for table in ALL_TABLES:
            columns = [
                (name, _KINDS.get(kind, "number")) for name, kind in _columns(database, table)
            ]
            answers[f"{WHOLE} of {table}"] = _rows(database, whole(table, columns))
    (folder / "answers.json").write_text(json.dumps(answers))


def _make_whole(database: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make cents, and percents, of a table's decimals: see `tpch_queries`."""
    for name, kind in _columns(database, table):
        if kind.startswith("DECIMAL"):
            cents = f"CAST({name} * 100 AS BIGINT)"
            database.execute(f"ALTER TABLE {table} ALTER {name} TYPE BIGINT USING {cents}")


def _columns(database: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Return names and types."""
    return [(name, kind) for name, kind, *_ in database.execute(f"DESCRIBE {table}").fetchall()]


def _rows(database: duckdb.DuckDBPyConnection, text: str) -> list[list[str]]:
    return [[shown(cell) for cell in row] for row in database.execute(text).fetchall()]


def _write(
    database: duckdb.DuckDBPyConnection, folder: Path, table: str, count: int, column: str
) -> None:
    folder.mkdir(parents=True)
    found = database.execute(f"SELECT max({column}) FROM {table}").fetchone()
    assert found is not None
    each = found[0] // count + 1
    for number in range(count):
        chosen = f"SELECT * FROM {table} WHERE {column} // {each} = {number} ORDER BY {column}"
        options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {_GROUP_ROWS}"
        path = folder / f"part-{number:05}.snappy.parquet"
        database.execute(f"COPY ({chosen}) TO '{path}' ({options})")


if __name__ == "__main__":
    main()
