"""What a check is given: Spark, and both ways to the same origin, with a witness for each.

Runs in Spark's environment. A side is a bucket: s3a is told per bucket where to go, so that one
session writes to Forebay and to the origin itself. The witness always asks the origin.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from conformance.spark.rows import Rows, compare, expected, in_order
from conformance.spark.session import hadoop_of, java_of
from conformance.support.raw_s3 import Place, RawS3, texts

LEFTOVERS = ("__magic", "_temporary", ".spark-staging", ".pending", ".inprogress")


class UnsaidError(Exception):
    """The client has no words for it; the reason, in its own."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way to a bucket: `forebay` or `direct`."""

    name: str
    place: Place
    """Where s3a goes."""
    witness: RawS3
    """The same bucket at the origin."""
    base: str = ""

    def url(self, path: str) -> str:
        """Return what Spark calls a path."""
        return f"{self.base or f's3a://{self.place.bucket}'}/{path}"

    def keys(self, path: str) -> set[str]:
        """Return the keys at the origin under a path."""
        return self.witness.keys(f"{path}/")

    def files(self, path: str) -> list[str]:
        """Return the keys of Parquet files there."""
        return sorted(key for key in self.keys(path) if key.endswith(".parquet"))

    def uploads(self, path: str) -> list[str]:
        """Return the keys there whose multipart upload is not completed."""
        reply = self.witness.ask("GET", self.witness.path(), "uploads=")
        assert reply.status == 200, f"uploads at the origin: {reply.status} {reply.body[:200]!r}"
        return [key for key in texts(reply.body, "Upload/Key") if key.startswith(f"{path}/")]

    def leftovers(self, path: str) -> list[str]:
        """Return what a job should have taken away with it, and did not."""
        found = [key for key in self.keys(path) if any(word in key for word in LEFTOVERS)]
        return found + [f"upload of {key}" for key in self.uploads(path)]

    def success(self, path: str) -> dict[str, Any]:
        """Return what `_SUCCESS` says at the origin; nothing where it is empty."""
        body = self.witness.find(f"{path}/_SUCCESS")
        assert body is not None, "there is no _SUCCESS at the origin"
        said: dict[str, Any] = json.loads(body) if body else {}
        return said

    def rows(self, path: str) -> pa.Table:
        """Return the rows at the origin, read without Spark and without Forebay."""
        tables = [self._rows_in(key) for key in self.files(path)]
        assert tables, f"there is no Parquet file under {path} at the origin"
        return in_order(pa.concat_tables(tables))

    def _rows_in(self, key: str) -> pa.Table:
        body = self.witness.find(key)
        assert body is not None, f"{key} went away"
        table = pq.ParquetFile(BytesIO(body)).read()
        parts = [part.partition("=") for part in key.split("/") if part.startswith("day=")]
        if parts:
            day = pa.array([int(unquote(parts[0][2]))] * table.num_rows, pa.int32())
            table = table.append_column("day", day)
        return table.select(("id", "day", "value", "text"))


@dataclass(frozen=True, slots=True)
class Stage:
    """Spark, and the sides by name."""

    spark: Any
    sides: dict[str, Side]
    folder: Path

    def counters(self, side: Side) -> dict[str, int]:
        """Return what s3a has counted at this bucket."""
        path = java_of(self.spark).org.apache.hadoop.fs.Path(side.url(""))
        counted = path.getFileSystem(hadoop_of(self.spark)).getIOStatistics().counters()
        return {str(name): int(counted[name]) for name in counted}

    def compare(self, side: Side, path: str, spans: Sequence[Rows]) -> int:
        """Prove what is there, as Spark reads it and as the origin has it; return the rows."""
        wanted = expected(spans)
        compare(in_order(self.spark.read.parquet(side.url(path)).toArrow()), wanted, "Spark reads")
        compare(side.rows(path), wanted, "at the origin")
        return int(wanted.num_rows)


def make_stage(spark: Any, told: dict[str, Any]) -> Stage:
    """Return the stage that the suite tells of."""
    sides = {
        name: Side(name, Place(**one["place"]), RawS3(Place(**one["origin"])), one["base"])
        for name, one in told["sides"].items()
    }
    return Stage(spark, sides, Path(told["folder"]))
