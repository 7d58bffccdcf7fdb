"""The parts that need no fault and no distance: each thing at the origin, then through Forebay."""

from conformance.spark.bench import SIDES, Bench

_COMMITTERS = ("file", "magic", "directory", "partitioned")
_ROWS = "every row as Spark reads it and as pyarrow reads the origin's files"
_COMMITTED = {
    "written": f"{_ROWS}; the committer in `_SUCCESS`; leftovers and open uploads",
    "overwritten": f"{_ROWS}; leftovers",
    "appended": f"{_ROWS}; leftovers",
    "dynamic": f"{_ROWS} of all seven partitions; leftovers",
    "vectored": "two columns of every row, vectored and not; s3a's own count of vectored reads",
}


def committers(bench: Bench) -> None:
    """Write, overwrite, append, replace partitions and read, by each committer."""
    with bench.plain_ways() as ways, bench.spark(ways) as spark:
        for committer in _COMMITTERS:
            for name, checked in _COMMITTED.items():
                check = f"committers.{name}"
                answers = {side: spark.ask(check, side, committer=committer) for side in SIDES}
                bench.take("committers", f"{committer}: {name}", checked, answers)
