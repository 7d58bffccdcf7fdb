"""A task that hangs, and the second attempt that Spark starts beside it: one of them counts.

Runs in Spark's environment. The first attempt of the first task sleeps before its last row, longer
than the whole job takes. Spark's own event log tells that a speculative attempt won.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from pyspark import TaskContext
from pyspark.sql import functions
from pyspark.sql.types import LongType

from conformance.spark.committers import choose, prove
from conformance.spark.rows import Rows
from conformance.spark.stage import Side, Stage

_COUNT, _TASKS = 20_000, 4
_SLEEP_SECONDS = 60.0


def speculated(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Write with one task that hangs; a second attempt wins, and every row is there once."""
    path, rows = f"speculated/{committer}", Rows(0, _COUNT, "s")
    before = len(_won(stage))
    choose(stage, committer)
    slow = functions.udf(_hang_at_first, LongType())
    frame = rows.frame(stage.spark, _TASKS).withColumn("id", slow("id"))
    frame.write.mode("overwrite").parquet(side.url(path))
    won = _won(stage)[before:]
    assert won, "no speculative attempt won"
    found = prove(stage, side, committer, path, [(rows.first, rows.stop, rows.word)])
    return {**found, "speculative attempts that won": len(won)}


def _hang_at_first(number: int) -> int:
    context = TaskContext.get()
    is_first = context.partitionId() == 0 and context.attemptNumber() == 0
    if is_first and number == _COUNT // _TASKS - 1:
        time.sleep(_SLEEP_SECONDS)
    return number


def _won(stage: Stage) -> list[int]:
    """Return the speculative attempts that ended well, as the event log tells."""
    return [
        event["Task Info"]["Task ID"]
        for event in _events(stage)
        if event["Event"] == "SparkListenerTaskEnd"
        and event["Task Info"]["Speculative"]
        and event["Task End Reason"]["Reason"] == "Success"
    ]


def _events(stage: Stage) -> Iterator[dict[str, Any]]:
    for path in (stage.folder / "events").iterdir():
        for line in path.read_text().splitlines():
            if line.endswith("}"):
                yield json.loads(line)
