"""TPC-H over Parquet: directly, cold, warm; in turns, with what the origin saw.

A turn is a reading of this machine's own files (what no cache can beat), one directly at the far
origin, a cold one through a gateway with empty flash, and warm ones under each way to keep:
`strict`, `pinned` (s3a names the version that it reads), `immutable`, and a snapshot. The gateway
starts again for each rule, its flash stays. Java is warm before the first turn: everything ran over
local files, at the origin and through a gateway.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
from conformance.spark.tpch_queries import QUERIES, WHOLE
from conformance.support.servers import Server
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN

_ROOT = Path(__file__).resolve().parents[2]
_SNAPSHOT = "lake-as-it-was"
_TABLES = "tpch"
_RULES = ("strict", "pinned", "immutable")
_LOCAL, _DIRECT, _COLD = "local files", "direct", "cold, strict"
_WAYS = (_LOCAL, _DIRECT, _COLD, *(f"warm, {rule}" for rule in _RULES), "warm, snapshot")
_BAR = 3.0
_COMPARED = "all rows of every answer with DuckDB's over the same files, in each turn"
_SCANS = {"Q1, Q3, Q6": ("open", *QUERIES), WHOLE: (WHOLE,)}
"""Scan -> what its time is the sum of."""


class Turns:
    """What each way took, and what the origin saw of it, in every turn."""

    def __init__(
        self, spark: Program, origin: FarOrigin, files: Path, wanted: dict[str, Any]
    ) -> None:
        self._spark = spark
        self._origin = origin
        self._files = files
        self._wanted = wanted
        self.taken: dict[str, list[dict[str, dict[str, float]]]] = {way: [] for way in _WAYS}
        """Way -> of each turn `seconds` and `cpu`, by what was done."""
        self.seen: dict[str, dict[str, Any]] = {}
        self.trouble: list[str] = []

    def take(self, way: str, side: str) -> None:
        """Run everything by one way, and note it."""
        self._origin.shape.reset()
        answer = self.run(way, side)
        self.seen[way] = self._origin.shape.counters()
        if answer["outcome"] == "pass":
            self.taken[way].append(answer["found"])
            print(f"{way}: {answer['found']['seconds']} s", flush=True)

    def run(self, way: str, side: str) -> Answer:
        """Run everything by one way."""
        if way == _LOCAL:
            answer = self._spark.ask("tpch.local", side, folder=str(self._files))
        else:
            answer = self._spark.ask("tpch.queries", side, path=_TABLES)
        self._judge(way, answer)
        return answer

    def _judge(self, way: str, answer: Answer) -> None:
        if answer["outcome"] != "pass":
            self.trouble.append(f"{way}: {answer['words']}")
        elif answer["found"]["answers"] != self._wanted:
            self.trouble.append(f"{way}: another answer than DuckDB's")

    def seconds(self, way: str, names: Sequence[str]) -> list[float]:
        """Return how long these took together, turn by turn."""
        return [sum(one["seconds"][name] for name in names) for one in self.taken[way]]

    def ratio(self, way: str, names: Sequence[str]) -> float:
        """Return how many times as fast as directly: the median of the turns' own ratios."""
        pairs = zip(self.seconds(_DIRECT, names), self.seconds(way, names), strict=True)
        return median(direct / warm for direct, warm in pairs)


def scan(bench: Bench) -> None:
    """Scan directly, cold and warm."""
    files, scale = bench.folder / "files", bench.scale or (0.02 if bench.is_quick else 1.0)
    wanted = make_files(bench, files, scale)
    with far_origin(bench) as origin:
        fill(origin.near, files)
        port = free_port()
        with bench.spark(_ways(origin, port)) as spark:
            turns = Turns(spark, origin, files, wanted)
            _warm_up(bench.folder / "warm-up", turns, origin, port)
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


def _warm_up(folder: Path, turns: Turns, origin: FarOrigin, port: int) -> None:
    """Have Java compile what either side runs."""
    for _ in range(2):
        turns.run(_LOCAL, "direct")
    turns.run(_DIRECT, "direct")
    with _gateway(folder, origin, port, "strict"):
        for _ in range(2):
            turns.run(_COLD, "forebay")


def _turn(folder: Path, turns: Turns, origin: FarOrigin, port: int) -> None:
    turns.take(_LOCAL, "direct")
    turns.take(_DIRECT, "direct")
    for rule in _RULES:
        with _gateway(folder, origin, port, rule) as gateway:
            if rule == "strict":
                turns.take(_COLD, "forebay")
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
    count = len(turns.taken[_DIRECT])
    bench.card.take(
        Row("scan", f"answers, {size}", _COMPARED, "ok", f"{len(_WAYS)} ways, {count} turns")
    )
    for name, parts in _SCANS.items():
        ratios = {way: round(turns.ratio(way, parts), 2) for way in _WAYS if way != _DIRECT}
        best = max(ratio for way, ratio in ratios.items() if way.startswith("warm"))
        verdict = "ok" if best >= _BAR else "SHORT"
        what = f"{name}: warm at least {_BAR:g}x direct, {size}"
        checked = f"median over turns of direct / way: {', '.join(parts)}"
        bench.card.take(Row("scan", what, checked, verdict, found=ratios))
    bench.card.tables["scan"] = _table(turns)


def _table(turns: Turns) -> str:
    """Return seconds, Java's CPU seconds and times direct for each way and each thing done."""
    names = list(turns.taken[_DIRECT][0]["seconds"])
    lines = [
        "Medians: seconds / seconds of Java's CPU / times as fast as directly.",
        "",
        "| way | " + " | ".join(names) + " | asked of the origin | body MiB |",
        "|---" + "|---" * len(names) + "|---|---|",
    ]
    for way, taken in turns.taken.items():
        cells = []
        for name in names:
            whole, cpu = (median(one[kind][name] for one in taken) for kind in ("seconds", "cpu"))
            cells.append(f"{whole:.2f} / {cpu:.2f} / {turns.ratio(way, [name]):.2f}x")
        seen = turns.seen[way]
        asked = ", ".join(f"{count:,} {name}" for name, count in seen["requests"].items())
        sent = sum(seen["response_body_bytes"].values()) / (1 << 20)
        lines.append(f"| {way} | {' | '.join(cells)} | {asked or 'nothing'} | {sent:,.1f} |")
    return "\n".join(lines)
