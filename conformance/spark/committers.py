"""What the committers of s3a must leave behind: every row once, the manifest, and nothing else.

Runs in Spark's environment. `file` is Hadoop's own FileOutputCommitter, which renames: what Spark
does where nobody says anything.
"""

from typing import Any

import pyarrow as pa

from conformance.spark.rows import Rows, compare, expected, in_order, rows_of
from conformance.spark.stage import Side, Stage, UnsaidError
from tests.support.waiting import wait_until

COMMITTERS = ("file", "magic", "directory", "partitioned")
_TASKS = 4
_SECONDS_TO_TIDY = 20.0
"""A killed attempt of a task may still be taking its upload back when the job has ended."""


def choose(stage: Stage, committer: str, conflict: str = "append") -> None:
    """Have the next jobs commit so; the setting reaches Hadoop through the session."""
    stage.spark.conf.set("fs.s3a.committer.name", committer)
    stage.spark.conf.set("fs.s3a.committer.staging.conflict-mode", conflict)


def write(
    stage: Stage, side: Side, committer: str, path: str, spans: list[Any], **more: Any
) -> dict[str, Any]:
    """Write rows in one job; whether they are right is another check's question."""
    choose(stage, committer)
    tasks = more.get("tasks", _TASKS)
    frames = [one.frame(stage.spark, tasks) for one in rows_of(spans)]
    frames[0].write.mode(more.get("mode", "overwrite")).parquet(side.url(path))
    return {}


def prove(stage: Stage, side: Side, committer: str, path: str, spans: list[Any]) -> dict[str, Any]:
    """Compare every row, at both places, and look for what should not be there."""
    count = stage.compare(side, path, rows_of(spans))
    found = {"rows": count, "files": len(side.files(path)), **_manifest(side, committer, path)}
    _tidy(side, path)
    return found


def read(stage: Stage, side: Side, path: str, spans: list[Any]) -> dict[str, Any]:
    """Read by Spark alone, and compare every row."""
    wanted = expected(rows_of(spans))
    compare(in_order(stage.spark.read.parquet(side.url(path)).toArrow()), wanted, "Spark reads")
    return {"rows": wanted.num_rows}


def written(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Write, then read back."""
    path, spans = f"{committer}/written", [(0, 60_000, "a")]
    write(stage, side, committer, path, spans)
    return prove(stage, side, committer, path, spans)


def overwritten(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Overwrite with fewer and other rows: nothing of the old ones is left."""
    path, spans = f"{committer}/overwritten", [(1_000, 21_000, "b")]
    write(stage, side, committer, path, [(0, 40_000, "a")])
    write(stage, side, committer, path, spans, tasks=2)
    return prove(stage, side, committer, path, spans)


def appended(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Append: the rows of both jobs, each once."""
    path = f"{committer}/appended"
    spans = [(0, 20_000, "a"), (20_000, 50_000, "b")]
    write(stage, side, committer, path, spans[:1])
    write(stage, side, committer, path, spans[1:], mode="append")
    return prove(stage, side, committer, path, spans)


def dynamic(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Overwrite two of seven partitions, the others stay as they are.

    Spark's own way is `partitionOverwriteMode=dynamic`, which its cloud protocol refuses for the
    committers of s3a; the partitioned committer's is the conflict mode `replace`.
    """
    path, old, new = f"{committer}/dynamic", Rows(0, 28_000, "a"), Rows(0, 14_000, "b")
    choose(stage, committer)
    old.frame(stage.spark, 2).write.mode("overwrite").partitionBy("day").parquet(side.url(path))
    replaced = new.frame(stage.spark, 2).where("day in (2, 5)")
    refusal = ""
    if committer == "partitioned":
        choose(stage, committer, "replace")
        replaced.write.mode("append").partitionBy("day").parquet(side.url(path))
    else:
        refusal = _overwrite_dynamically(stage, replaced, side.url(path))
    wanted = _after_dynamic(old, new, is_refused=bool(refusal))
    compare(in_order(stage.spark.read.parquet(side.url(path)).toArrow()), wanted, "Spark reads")
    compare(side.rows(path), wanted, "at the origin")
    _tidy(side, path)
    if refusal:
        raise UnsaidError(f"Spark refuses, and nothing was changed: {refusal}")
    return {"rows": wanted.num_rows, "partitions replaced": 2}


def vectored(stage: Stage, side: Side, committer: str) -> dict[str, Any]:
    """Read two of four columns by vectored reads, and without: the same rows, other requests."""
    path, span = f"{committer}/vectored", Rows(0, 60_000, "v")
    write(stage, side, committer, path, [(span.first, span.stop, span.word)])
    wanted = span.table().select(("id", "value"))
    operations = {}
    for word in ("true", "false"):
        stage.spark.conf.set("parquet.hadoop.vectored.io.enabled", word)
        before = stage.counters(side)
        found = stage.spark.read.parquet(side.url(path)).select("id", "value").toArrow()
        after = stage.counters(side)
        name = "stream_read_vectored_operations"
        operations[word] = after.get(name, 0) - before.get(name, 0)
        equal = (
            found.sort_by("id").combine_chunks().cast(wanted.schema).equals(wanted.combine_chunks())
        )
        assert equal, f"vectored {word}: the columns differ"
    assert operations["true"] > 0, "s3a counted no vectored read"
    assert operations["false"] == 0, "s3a counted vectored reads that were not wanted"
    return {"rows": wanted.num_rows, "vectored reads": operations["true"]}


def _overwrite_dynamically(stage: Stage, frame: Any, url: str) -> str:
    """Return what Spark said where it refused; nothing where it did it."""
    stage.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        frame.write.mode("overwrite").partitionBy("day").parquet(url)
    except Exception as refused:
        if "does not support dynamicPartitionOverwrite" not in str(refused):
            raise
        return "PathOutputCommitter does not support dynamicPartitionOverwrite"
    finally:
        stage.spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
    return ""


def _after_dynamic(old: Rows, new: Rows, *, is_refused: bool) -> Any:
    if is_refused:
        return expected([old])
    kept, fresh = old.table(), new.table()
    is_kept = [day not in (2, 5) for day in kept["day"].to_pylist()]
    is_fresh = [day in (2, 5) for day in fresh["day"].to_pylist()]
    return in_order(pa.concat_tables([kept.filter(is_kept), fresh.filter(is_fresh)]))


def _manifest(side: Side, committer: str, path: str) -> dict[str, Any]:
    """Return what `_SUCCESS` names; the committers of s3a write it, Hadoop's leaves it empty."""
    said = side.success(path)
    if committer == "file":
        assert said == {}, f"_SUCCESS of the file committer says {said}"
        return {"_SUCCESS": "empty"}
    assert said["committer"] == committer, f"_SUCCESS names {said['committer']}"
    names = {name.rpartition("/")[2] for name in said["filenames"]}
    files = {key.rpartition("/")[2] for key in side.files(path)}
    assert names <= files, f"_SUCCESS names files that are not there: {names - files}"
    return {"_SUCCESS": committer}


def _tidy(side: Side, path: str) -> None:
    try:
        wait_until(lambda: not side.leftovers(path), seconds_max=_SECONDS_TO_TIDY)
    except AssertionError:
        raise AssertionError(f"left behind: {side.leftovers(path)[:5]}") from None
