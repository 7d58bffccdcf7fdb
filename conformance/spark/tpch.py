"""The queries over the files at one place: how long each took, and what it came to.

Runs in Spark's environment.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.spark.session import cpu_seconds_of
from conformance.spark.stage import Side, Stage
from conformance.spark.tpch_queries import ALL_TABLES, QUERIES, TABLES, WHOLE, shown, whole

_KINDS = {"string": "text", "date": "date"}


def local(stage: Stage, side: Side, folder: str) -> dict[str, Any]:
    """Run them over files of this machine: no server is asked, which is what no cache can beat."""
    del side
    return _run(stage, f"file:{folder}")


def queries(stage: Stage, side: Side, path: str) -> dict[str, Any]:
    """Run them over a side's files."""
    return _run(stage, side.url(path))


def _run(stage: Stage, place: str) -> dict[str, Any]:
    taken = Taken(stage)
    with taken.noted("open"):
        for table in TABLES:
            _open(stage, place, table)
    for name, text in QUERIES.items():
        with taken.noted(name):
            taken.answers[name] = _rows(stage, text)
    with taken.noted(WHOLE):
        for table in ALL_TABLES:
            columns = _open(stage, place, table)
            taken.answers[f"{WHOLE} of {table}"] = _rows(stage, whole(table, columns))
    return {"seconds": taken.seconds, "cpu": taken.cpu, "answers": taken.answers}


class Taken:
    """What was asked so far: how long it took, how long Java computed for it, what it came to."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.answers: dict[str, list[list[str]]] = {}

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """Note what happens meanwhile under a name."""
        began, computed = time.monotonic(), cpu_seconds_of(self._stage.spark)
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)
        self.cpu[name] = round(cpu_seconds_of(self._stage.spark) - computed, 2)


def _open(stage: Stage, place: str, table: str) -> list[tuple[str, str]]:
    """Have a table known by its name; return its columns and their kinds."""
    frame = stage.spark.read.parquet(f"{place}/{table}")
    frame.createOrReplaceTempView(table)
    return [(name, _KINDS.get(kind, "number")) for name, kind in frame.dtypes]


def _rows(stage: Stage, text: str) -> list[list[str]]:
    return [[shown(cell) for cell in row] for row in stage.spark.sql(text).collect()]
