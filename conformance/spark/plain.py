"""The parts that need no fault and no distance: each thing at the origin, then through Forebay."""

from conformance.spark.bench import SIDES, Bench
from conformance.spark.cluster import running_cluster

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

_SPECULATING = {
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.5",
    "spark.speculation.interval": "200ms",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
    "spark.executor.memory": "1g",
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


def speculation(bench: Bench) -> None:
    """Write by each committer with a task that hangs, so that a second attempt overtakes it."""
    events = bench.folder / "spark" / "events"
    events.mkdir(parents=True)
    settings = {**_SPECULATING, "spark.eventLog.dir": f"file:{events}"}
    with (
        bench.plain_ways() as ways,
        running_cluster(bench.installed, bench.folder / "cluster") as master,
        bench.spark(ways, master=master, settings=settings) as spark,
    ):
        for committer in _COMMITTERS:
            answer = spark.ask("speculation.speculated", "forebay", committer=committer)
            checked = f"{_COMMITTED['written']}; Spark's event log: a second attempt won"
            bench.take("speculation", committer, checked, {"forebay": answer})
