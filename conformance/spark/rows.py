"""Rows that anyone can compute: what a job should have written, and whether it is there, once.

Runs in Spark's environment. A row is made of its number and a word alone, by Spark from SQL and by
this program from hashlib, so that no two rows are alike and none can be compressed away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha512
from typing import Any

import pyarrow as pa

COLUMNS = ("id", "day", "value", "text")
DAYS = 7


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows `first` to `stop`, told apart from others of the same numbers by `word`."""

    first: int
    stop: int
    word: str = "a"

    def frame(self, spark: Any, tasks: int) -> Any:
        """Return them as a frame of Spark's, computed by that many tasks."""
        numbers = spark.range(self.first, self.stop, 1, tasks)
        return numbers.selectExpr(
            "id",
            f"cast(id % {DAYS} as int) as day",
            "id * 0.5D as value",
            f"concat(sha2(concat('{self.word}', id), 512), sha2(concat(id, '{self.word}'), 512))"
            " as text",
        )

    def table(self) -> pa.Table:
        """Return them as they must come back, by number."""
        numbers = range(self.first, self.stop)
        return _typed(
            {
                "id": list(numbers),
                "day": [one % DAYS for one in numbers],
                "value": [one * 0.5 for one in numbers],
                "text": [_text(one, self.word) for one in numbers],
            }
        )


def rows_of(said: Iterable[tuple[int, int, str]]) -> list[Rows]:
    """Return spans of rows as JSON tells them."""
    return [Rows(*one) for one in said]


def expected(spans: Iterable[Rows]) -> pa.Table:
    """Return all of several spans, by number."""
    return in_order(pa.concat_tables([one.table() for one in spans]))


def in_order(table: pa.Table) -> pa.Table:
    """Return the four columns by number, with the types that they were written with."""
    ordered = table.select(COLUMNS).sort_by([("id", "ascending"), ("text", "ascending")])
    return _typed({name: ordered[name] for name in COLUMNS})


def compare(found: pa.Table, wanted: pa.Table, where: str) -> None:
    """Raise AssertionError, in words, unless every row is there once and equal."""
    assert found.num_rows == wanted.num_rows, (
        f"{where}: {found.num_rows:,} rows, not {wanted.num_rows:,}"
    )
    for name in COLUMNS:
        assert found[name].combine_chunks().equals(wanted[name].combine_chunks()), (
            f"{where}: column {name} differs"
        )


def _typed(columns: dict[str, Any]) -> pa.Table:
    types = {"id": pa.int64(), "day": pa.int32(), "value": pa.float64(), "text": pa.string()}
    arrays = {}
    for name, kind in types.items():
        column = columns[name]
        is_column = isinstance(column, pa.ChunkedArray)
        arrays[name] = (
            column.cast(kind) if is_column else pa.chunked_array([pa.array(column, kind)])
        )
    return pa.table(arrays)


def _text(number: int, word: str) -> str:
    return "".join(
        sha512(one.encode()).hexdigest() for one in (f"{word}{number}", f"{number}{word}")
    )
