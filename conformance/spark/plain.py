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
_TABLES = {
    "changed": "every row now and at each of four versions: two appends, a merge, a delete",
    "contended": "the sum against the writers who were told of success; the words of the others",
}


def committers(bench: Bench) -> None:
    """Write, overwrite, append, replace partitions and read, by each committer."""
    with bench.plain_ways() as ways, bench.spark(ways) as spark:
        for committer in _COMMITTERS:
            for name, checked in _COMMITTED.items():
                check = f"committers.{name}"
                answers = {side: spark.ask(check, side, committer=committer) for side in SIDES}
                bench.take("committers", f"{committer}: {name}", checked, answers)


def tables(bench: Bench) -> None:
    """Change tables of both formats, and let two writers meet."""
    with bench.plain_ways() as ways, bench.spark(ways) as spark:
        for kind in ("delta", "iceberg"):
            for name, checked in _TABLES.items():
                answers = {side: spark.ask(f"tables.{name}", side, kind=kind) for side in SIDES}
                bench.take("tables", f"{kind}: {name}", checked, answers)
