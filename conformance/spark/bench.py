"""What a part of the suite is given, and the servers that it asks for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.spark.environment import Installed
from conformance.spark.program import Program, Way, running_spark
from conformance.spark.scorecard import Row, Scorecard, row_of
from conformance.support.raw_s3 import Place, RawS3
from conformance.support.servers import Server, running_gateway, running_origin

THROUGH, DIRECT = "lake", "direct"
"""Buckets: the first is written through Forebay, the other one at the origin itself."""
SIDES = ("direct", "forebay")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where rows go, what Spark is, and how thorough to be."""

    card: Scorecard
    installed: Installed
    folder: Path
    origin: str
    is_quick: bool
    scale: float | None = None
    """Of TPC-H; None for what the thoroughness says."""

    def take(self, part: str, what: str, checked: str, answers: Mapping[str, dict]) -> Row:
        """Write down what was done."""
        row = row_of(part, what, checked, dict(answers))
        self.card.take(row)
        return row

    @contextmanager
    def spark(
        self,
        ways: Mapping[str, Way],
        *,
        master: str = "local[2,4]",
        settings: Mapping[str, str] | None = None,
    ) -> Iterator[Program]:
        """Run a session, and note its versions."""
        folder = self.folder / "spark"
        with running_spark(
            self.installed, ways, folder, master=master, settings=settings
        ) as program:
            self.card.versions.update(program.version)
            yield program

    @contextmanager
    def plain_ways(self) -> Iterator[dict[str, Way]]:
        """Run the origin and a gateway before it, and make a bucket for each side."""
        with running_origin(self.origin) as origin:
            make_buckets(origin)
            with running_gateway(origin, self.folder) as gateway:
                yield ways_to(origin, gateway, origin)


def make_buckets(origin: Server) -> None:
    """Make both buckets at the origin."""
    for bucket in (THROUGH, DIRECT):
        made = RawS3(place_of(origin, bucket)).ask("PUT", f"/{bucket}")
        assert made.status == 200, made


def place_of(server: Server, bucket: str) -> Place:
    """Return a bucket of a server."""
    return Place(server.endpoint, bucket, server.access_key, server.secret_key)


def ways_to(origin: Server, gateway: Server, direct: Server) -> dict[str, Way]:
    """Return both sides: `direct` is s3a's way without Forebay, `origin` the witnesses'."""
    return {
        "direct": Way(place_of(direct, DIRECT), place_of(origin, DIRECT)),
        "forebay": Way(place_of(gateway, THROUGH), place_of(origin, THROUGH)),
    }
