"""The queries over the files at one place: how long each took, and what it came to.

Runs in Spark's environment.
"""

import time
from typing import Any

from conformance.spark.stage import Side, Stage
from conformance.spark.tpch_queries import QUERIES, TABLES, shown


def local(stage: Stage, side: Side, folder: str) -> dict[str, Any]:
    """Run them over files of this machine: Java is warm after it, and no server was asked."""
    del side
    return _run(stage, f"file:{folder}")


def queries(stage: Stage, side: Side, path: str) -> dict[str, Any]:
    """Run them over a side's files."""
    return _run(stage, side.url(path))


def _run(stage: Stage, place: str) -> dict[str, Any]:
    seconds, answers, began = {}, {}, time.monotonic()
    for table in TABLES:
        stage.spark.read.parquet(f"{place}/{table}").createOrReplaceTempView(table)
    seconds["open"] = round(time.monotonic() - began, 3)
    for name, text in QUERIES.items():
        began = time.monotonic()
        rows = stage.spark.sql(text).collect()
        seconds[name] = round(time.monotonic() - began, 3)
        answers[name] = [[shown(cell) for cell in row] for row in rows]
    return {"seconds": seconds, "answers": answers}
