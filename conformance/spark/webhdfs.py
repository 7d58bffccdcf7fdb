"""The same files over both doors: what s3a wrote webhdfs reads, and the other way, and a scan."""

from dataclasses import replace
from typing import Any

from conformance.spark.bench import SIDES, Bench
from conformance.spark.distance import FarOrigin, far_gateway, far_origin, far_ways
from conformance.spark.program import Answer, Program
from conformance.spark.scan import fill, make_files

_DOOR = {
    "listen": "127.0.0.1:0",
    "trusts": [{"networks": ["127.0.0.0/8"], "identity": "admin"}],
}
_SPANS = [(0, 60_000, "w")]


def webhdfs(bench: Bench) -> None:
    """Write by one door and read by the other, and run the queries over webhdfs."""
    files = bench.folder / "files"
    wanted = make_files(bench, files, 0.02 if bench.is_quick else 0.2)
    with (
        far_origin(bench) as origin,
        far_gateway(bench.folder / "gateway", origin, webhdfs=_DOOR) as gateway,
    ):
        fill(origin.near, files)
        ways = far_ways(origin, gateway)
        base = f"{gateway.process.webhdfs}/{ways['forebay'].place.bucket}"
        ways["webhdfs"] = replace(ways["forebay"], base=base.replace("http", "webhdfs", 1))
        with bench.spark(ways) as spark:
            _cross(bench, spark)
            _scan(bench, spark, origin, wanted)


def _cross(bench: Bench, spark: Program) -> None:
    """Write by one door, prove by the other."""
    first = {"path": "crossed/by-s3a", "spans": _SPANS}
    made = spark.ask("committers.write", "forebay", committer="magic", **first)
    read = spark.ask("committers.read", "webhdfs", **first) if made["outcome"] == "pass" else made
    bench.take("webhdfs", "written by s3a, read by webhdfs", "every row", {"forebay": read})
    second = {"path": "crossed/by-webhdfs", "spans": _SPANS, "committer": "file"}
    made = spark.ask("committers.write", "webhdfs", **second)
    proof = spark.ask("committers.prove", "forebay", **second)
    checked = "every row by s3a and at the origin; `_SUCCESS`; leftovers and open uploads"
    answer = proof if made["outcome"] == "pass" else made
    bench.take("webhdfs", "written by webhdfs, read by s3a", checked, {"forebay": answer})


def _scan(bench: Bench, spark: Program, origin: FarOrigin, wanted: dict[str, Any]) -> None:
    """Run the queries over s3a and, cold and warm, over webhdfs."""
    for what, side in (("s3a, direct", SIDES[0]), ("cold", "webhdfs"), ("warm", "webhdfs")):
        origin.shape.reset()
        answer = spark.ask("tpch.queries", side, path="tpch")
        seen = origin.shape.counters()
        checked = "three answers with DuckDB's"
        bench.take("webhdfs", f"scan: {what}", checked, {"forebay": _told(answer, wanted, seen)})


def _told(answer: Answer, wanted: dict[str, Any], seen: dict[str, Any]) -> Answer:
    if answer["outcome"] != "pass":
        return answer
    if answer["found"]["answers"] != wanted:
        return {**answer, "outcome": "fail", "words": "another answer than DuckDB's"}
    taken = {name: round(value, 1) for name, value in answer["found"]["seconds"].items()}
    asked = {f"origin's {name}s": count for name, count in seen["requests"].items()}
    sent = round(sum(seen["response_body_bytes"].values()) / (1 << 20), 1)
    return {**answer, "found": {**taken, **asked, "body MiB": sent}}
