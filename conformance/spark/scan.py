"""TPC-H's Q1, Q3 and Q6 over Parquet: directly, cold, warm; in turns, with what the origin saw.

A turn is a reading directly at the far origin, a cold one through a gateway with empty flash, and
warm ones under each way to keep: `strict`, `pinned` (s3a names the version that it reads),
`immutable`, and a snapshot. The gateway starts again for each rule, its flash stays. Java is warm
before the first turn: the queries ran over files of this machine.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import boto3

from conformance.performance.tools import free_port
from conformance.spark.bench import DIRECT, THROUGH, Bench, place_of, ways_to
from conformance.spark.distance import FarOrigin, far_gateway, far_origin
from conformance.spark.program import Answer, Program, Way
from conformance.spark.scorecard import Row
from conformance.support.servers import Server
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN

_ROOT = Path(__file__).resolve().parents[2]
_SNAPSHOT = "lake-as-it-was"
_TABLES = "tpch"
_RULES = ("strict", "pinned", "immutable")
_WAYS = ("direct", "cold, strict", *(f"warm, {rule}" for rule in _RULES), "warm, snapshot")
_BAR = 3.0
_COMPARED = "all rows of three answers with DuckDB's over the same files, in each turn"


class Turns:
    """What each way took, and what the origin saw of it, in every turn."""

    def __init__(self, spark: Program, origin: FarOrigin, wanted: dict[str, Any]) -> None:
        self._spark = spark
        self._origin = origin
        self._wanted = wanted
        self.seconds: dict[str, list[dict[str, float]]] = {way: [] for way in _WAYS}
        self.seen: dict[str, dict[str, Any]] = {}
        self.trouble: list[str] = []

    def take(self, way: str, side: str) -> None:
        """Run the queries by one way."""
        self._origin.shape.reset()
        answer = self._spark.ask("tpch.queries", side, path=_TABLES)
        self.seen[way] = self._origin.shape.counters()
        self._judge(way, answer)
        if answer["outcome"] == "pass":
            self.seconds[way].append(answer["found"]["seconds"])
            print(f"{way}: {sum(answer['found']['seconds'].values()):.1f} s", flush=True)

    def warm_up(self, folder: Path) -> None:
        """Run the queries over local files."""
        for _ in range(2):
            self._judge("local", self._spark.ask("tpch.local", "direct", folder=str(folder)))

    def _judge(self, way: str, answer: Answer) -> None:
        if answer["outcome"] != "pass":
            self.trouble.append(f"{way}: {answer['words']}")
        elif answer["found"]["answers"] != self._wanted:
            self.trouble.append(f"{way}: another answer than DuckDB's")

    def ratio(self, way: str) -> float:
        """Return how many times as fast as directly: the median of the turns' own ratios."""
        pairs = zip(self.seconds["direct"], self.seconds[way], strict=True)
        return median(sum(a.values()) / sum(b.values()) for a, b in pairs)


def scan(bench: Bench) -> None:
    """Scan directly, cold and warm."""
    files, scale = bench.folder / "files", bench.scale or (0.02 if bench.is_quick else 1.0)
    wanted = make_files(bench, files, scale)
    with far_origin(bench) as origin:
        fill(origin.near, files)
        port = free_port()
        with bench.spark(_ways(origin, port)) as spark:
            turns = Turns(spark, origin, wanted)
            turns.warm_up(files)
            for number in range(1 if bench.is_quick else 3):
                _turn(bench.folder / f"turn-{number}", turns, origin, port)
    size = sum(path.stat().st_size for path in files.rglob("*.parquet"))
    _tell(bench, turns, f"scale {scale:g}, {size >> 20:,} MiB of Parquet")


def make_files(bench: Bench, folder: Path, scale: float) -> dict[str, Any]:
    """Make the tables' files, and return what the queries must come to."""
    command = [bench.installed.python, "-m", "conformance.spark.tpch_files", folder, str(scale)]
    subprocess.run(command, cwd=_ROOT, check=True)
    wanted: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return wanted


def _turn(folder: Path, turns: Turns, origin: FarOrigin, port: int) -> None:
    turns.take("direct", "direct")
    for rule in _RULES:
        with _gateway(folder, origin, port, rule) as gateway:
            if rule == "strict":
                turns.take("cold, strict", "forebay")
            turns.take(f"warm, {rule}", "forebay")
            if rule == "immutable":
                _take_snapshot(gateway)
                turns.take("warm, snapshot", "snapshot")


@contextmanager
def _gateway(folder: Path, origin: FarOrigin, port: int, rule: str) -> Iterator[GatewayRun]:
    rules = [{"match": "*", "freshness": rule}]
    with far_gateway(folder, origin, rules, port) as gateway:
        yield gateway
        gateway.stop()


def _ways(origin: FarOrigin, port: int) -> dict[str, Way]:
    """Return the sides of gateways that will all listen on one port."""
    gateway = Server(port, *ADMIN)
    ways = ways_to(origin.near, gateway, origin.far)
    return {**ways, "snapshot": Way(place_of(gateway, _SNAPSHOT), ways["forebay"].origin)}


def _take_snapshot(gateway: GatewayRun) -> None:
    """Record the tables as they are."""
    command = [sys.executable, "-m", "gateway", "snapshot", "create", f"s3://{THROUGH}/{_TABLES}/"]
    more = ["--as", _SNAPSHOT, "--config", str(gateway.folder / "forebay.toml")]
    subprocess.run([*command, *more], check=True, stdout=subprocess.DEVNULL)


def fill(origin: Server, files: Path) -> None:
    """Put every file into both buckets."""
    client = boto3.client(
        "s3",
        endpoint_url=origin.endpoint,
        aws_access_key_id=origin.access_key,
        aws_secret_access_key=origin.secret_key,
        region_name="us-east-1",
    )
    for path in sorted(files.rglob("*.parquet")):
        for bucket in (THROUGH, DIRECT):
            key = f"{_TABLES}/{path.relative_to(files)}"
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def _tell(bench: Bench, turns: Turns, size: str) -> None:
    """Write down the rows, the bar, and the table."""
    if turns.trouble:
        bench.card.take(Row("scan", f"answers, {size}", _COMPARED, "FAILED", turns.trouble[0]))
        return
    count = len(turns.seconds["direct"])
    bench.card.take(
        Row("scan", f"answers, {size}", _COMPARED, "ok", f"{len(_WAYS)} ways, {count} turns")
    )
    ratios = {way: round(turns.ratio(way), 2) for way in _WAYS if way.startswith("warm")}
    best = max(ratios.values())
    verdict = "ok" if best >= _BAR else "SHORT"
    what = f"warm at least {_BAR:g}x direct, {size}"
    checked = "median over turns of direct / warm: opening the tables and three queries"
    bench.card.take(Row("scan", what, checked, verdict, found=ratios))
    bench.card.tables["scan"] = _table(turns)


def _table(turns: Turns) -> str:
    names = list(turns.seconds["direct"][0])
    lines = [
        "| way | seconds (median) | " + " | ".join(names) + " | asked of the origin | body MiB |",
        "|---|---" + "|---" * len(names) + "|---|---|",
    ]
    for way, taken in turns.seconds.items():
        parts = " | ".join(f"{median(one[name] for one in taken):.2f}" for name in names)
        whole = median(sum(one.values()) for one in taken)
        seen = turns.seen[way]
        asked = ", ".join(f"{count:,} {name}" for name, count in seen["requests"].items())
        sent = sum(seen["response_body_bytes"].values()) / (1 << 20)
        lines.append(f"| {way} | {whole:.2f} | {parts} | {asked or 'nothing'} | {sent:,.1f} |")
    return "\n".join(lines)
