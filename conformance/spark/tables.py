"""Delta and Iceberg tables on s3a: what changed, what was before, and two writers at once.

Runs in Spark's environment. Delta's log and Iceberg's catalog of folders lie in the bucket. Both
guard a commit within one driver: two sessions of one driver write here; several drivers need a log
store or a catalog beside the bucket, whatever stands before it.
"""

# ruff: noqa: S608 - the names in the SQL are this suite's own

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from conformance.spark.rows import Rows, compare, expected, in_order
from conformance.spark.stage import Side, Stage

_CONFLICTS = ("Concurrent", "CONCURRENT", "conflict", "CommitFailed", "Cannot commit", "stale")
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Format:
    """How a table is named and told of."""

    name: Callable[[Side, str], str]
    create: str
    versions: str
    """SQL that lists versions, with what orders them."""
    order: str


FORMATS = {
    "delta": Format(
        lambda side, table: f"delta.`{side.url(f'delta/{table}')}`",
        "USING delta",
        "DESCRIBE HISTORY {}",
        "version",
    ),
    "iceberg": Format(
        lambda side, table: f"ice_{side.place.bucket}.db.{table}",
        "USING iceberg PARTITIONED BY (day) TBLPROPERTIES ('commit.retry.num-retries' = '0')",
        "SELECT committed_at, snapshot_id AS version FROM {}.snapshots",
        "committed_at",
    ),
}


def changed(stage: Stage, side: Side, kind: str) -> dict[str, Any]:
    """Create, append, update, merge, delete; read back, and read each version that was before."""
    form = FORMATS[kind]
    name = form.name(side, "changed")
    sql = stage.spark.sql
    _create(stage, form, name)
    Rows(0, 2_000, "a").frame(stage.spark, 2).createOrReplaceTempView("first")
    Rows(2_000, 3_000, "a").frame(stage.spark, 2).createOrReplaceTempView("more")
    Rows(2_500, 3_500, "m").frame(stage.spark, 2).createOrReplaceTempView("merged")
    sql(f"INSERT INTO {name} SELECT * FROM first")
    sql(f"INSERT INTO {name} SELECT * FROM more")
    sql(
        f"MERGE INTO {name} t USING merged m ON t.id = m.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    sql(f"DELETE FROM {name} WHERE id < 500")
    states = [
        [Rows(0, 2_000, "a")],
        [Rows(0, 3_000, "a")],
        [Rows(0, 2_500, "a"), Rows(2_500, 3_500, "m")],
        [Rows(500, 2_500, "a"), Rows(2_500, 3_500, "m")],
    ]
    versions = _versions(stage, form, name)[-len(states) :]
    for version, spans in zip(versions, states, strict=True):
        found = sql(f"SELECT * FROM {name} VERSION AS OF {version}").toArrow()
        compare(in_order(found), expected(spans), f"version {version}")
    compare(in_order(sql(f"SELECT * FROM {name}").toArrow()), expected(states[-1]), "now")
    count = _count_anew(stage, side, kind, "changed")
    assert count == 3_000, f"a new session counts {count:,} rows"
    return {"rows": count, "versions": len(versions)}


def contended(stage: Stage, side: Side, kind: str) -> dict[str, Any]:
    """Let two sessions add one to the same row at once, again and again: none may be lost."""
    form = FORMATS[kind]
    name = form.name(side, "contended")
    _create(stage, form, name)
    stage.spark.sql(f"INSERT INTO {name} VALUES (1, 0, 0.0D, 'counter')")
    done, conflicts = 0, 0
    sessions = [stage.spark.newSession() for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(_ROUNDS):
            for words in threads.map(lambda session: _add_one(session, name), sessions):
                done += not words
                conflicts += bool(words)
    row = _anew(stage).sql(f"SELECT id, day, value, text FROM {name}").collect()
    assert len(row) == 1, f"{len(row)} rows, not one"
    assert row[0]["value"] == done, f"{done} were told of success, the sum is {row[0]['value']}"
    assert done >= _ROUNDS, f"{done} of {2 * _ROUNDS} succeeded"
    assert conflicts, "no two writers ever met"
    return {"additions": done, "conflicts told of": conflicts, "lost": 0}


def _add_one(session: Any, name: str) -> str:
    """Return what a writer was told: nothing, or that there was a conflict."""
    try:
        session.sql(f"UPDATE {name} SET value = value + 1 WHERE id = 1")
    except Exception as refused:
        words = str(refused)
        if not any(word in words for word in _CONFLICTS):
            raise
        return words
    return ""


def _versions(stage: Stage, form: Format, name: str) -> list[int]:
    """Return what to ask for in time travel, the oldest first."""
    listed = stage.spark.sql(form.versions.format(name)).orderBy(form.order)
    return [row["version"] for row in listed.select("version").collect()]


def _create(stage: Stage, form: Format, name: str) -> None:
    columns = "(id BIGINT, day INT, value DOUBLE, text STRING)"
    stage.spark.sql(f"CREATE TABLE {name} {columns} {form.create}")


def _count_anew(stage: Stage, side: Side, kind: str, table: str) -> int:
    """Return the rows as a session sees them that has nothing of the table in memory."""
    name = FORMATS[kind].name(side, table)
    return int(_anew(stage).sql(f"SELECT count(*) FROM {name}").collect()[0][0])


def _anew(stage: Stage) -> Any:
    """Return a session that knows no table: Iceberg's catalogs remember theirs for 30 s."""
    session = stage.spark.newSession()
    session.catalog.clearCache()
    return session
