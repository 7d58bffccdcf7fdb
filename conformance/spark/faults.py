"""Jobs that something happens to in their middle: each must end right, with every row once.

The fault comes when the origin has seen so many of the job's requests; that the job was not over by
then is looked up, and that the fault came is counted. Spark may
try a task four times, s3a and Forebay have their defaults.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from conformance.spark.bench import Bench
from conformance.spark.distance import FarOrigin, far_gateway, far_origin, far_ways
from conformance.spark.program import Answer, Program
from gateway.demo.shaping_faults import FaultRule
from tests.support.gateway_run import GatewayRun
from tests.support.waiting import wait_until

_COMMITTERS = ("file", "magic", "directory", "partitioned")
_CHECKED = (
    "every row as Spark reads it and as pyarrow reads the origin's files, none twice; `_SUCCESS`; "
    "leftovers and open uploads; that the job was under way, and that the fault came"
)
_OUTAGE = (FaultRule("error", status=503),)
_OUTAGE_SECONDS = 2.5
_RESETS = (
    FaultRule("reset", method="GET", probability=0.1, after_bytes=20_000),
    FaultRule("reset", method="PUT", probability=0.1),
    FaultRule("reset", method="DELETE", probability=0.1),
)
_LOST_ANSWERS = (FaultRule("reset", method="POST", match="uploadId", after_bytes=0, count=4),)
"""The origin completes the upload, and nobody is told."""
_TASKS = 8


@dataclass(slots=True)
class Scene:
    """What there is to spoil, and what was done to it."""

    origin: FarOrigin
    gateway: GatewayRun
    spark: Program
    done: dict[str, Any] = field(default_factory=dict)

    def wait_requests(self, method: str, count: int) -> None:
        """Return when the origin has been asked so often; the job is not over then."""
        asked = self.origin.shape.counters
        wait_until(lambda: asked()["requests"].get(method, 0) >= count, seconds_max=120)
        assert not self.spark.is_answered(), "the job was over before the fault came"


def _kill_workers(scene: Scene, method: str) -> None:
    """Kill one of two workers, and a little later the other one that was there at first."""
    killed = []
    for requests in (3, 10):
        scene.wait_requests(method, requests)
        # The oldest: a worker that takes a dead one's place has a later number.
        killed.append(scene.gateway.kill_worker(0))
    scene.done["workers killed"] = len(set(killed))


def _stumble(scene: Scene, method: str) -> None:
    """Let the origin refuse everything for a while, and then break a tenth of the connections."""
    scene.wait_requests(method, 3)
    scene.origin.shape.spoil(_OUTAGE)
    threading.Event().wait(_OUTAGE_SECONDS)
    scene.origin.shape.spoil(_RESETS)


def _lose_answers(scene: Scene, _method: str) -> None:
    """Let the answers to completed uploads be lost."""
    scene.origin.shape.spoil(_LOST_ANSWERS)


_FAULTS = {
    "both workers killed": _kill_workers,
    "origin hiccup": _stumble,
    "answers lost": _lose_answers,
}


def faults(bench: Bench) -> None:
    """Write by each committer, and read, under each fault."""
    with (
        far_origin(bench) as origin,
        far_gateway(bench.folder / "gateway", origin) as gateway,
        bench.spark(far_ways(origin, gateway)) as spark,
    ):
        for fault in _FAULTS:
            for committer in _COMMITTERS:
                if (fault, committer) != ("answers lost", "file"):
                    _write(bench, Scene(origin, gateway, spark), fault, committer)
        for fault in ("both workers killed", "origin hiccup"):
            _read(bench, Scene(origin, gateway, spark), fault)


def _write(bench: Bench, scene: Scene, fault: str, committer: str) -> None:
    """Write under a fault, and prove it when all is quiet again."""
    path = f"{fault.replace(' ', '-')}/{committer}"
    spans = [(0, 30_000 if bench.is_quick else 100_000, fault)]
    told = {"committer": committer, "path": path, "spans": spans}
    answer = _spoiled(scene, fault, "PUT", "committers.write", {**told, "tasks": _TASKS})
    if answer["outcome"] == "pass":
        proof = scene.spark.ask("committers.prove", "forebay", **told)
        found = {**proof["found"], **scene.done}
        answer = {**proof, "found": found, "seconds": answer["seconds"]}
    bench.take("faults", f"{fault}: {committer}", _CHECKED, {"forebay": answer})


def _read(bench: Bench, scene: Scene, fault: str) -> None:
    """Read what a quiet job wrote, under a fault: a write leaves nothing on flash."""
    path, count = f"read-under/{fault.replace(' ', '-')}", 40_000 if bench.is_quick else 300_000
    told = {"path": path, "spans": [(0, count, "r")]}
    made = scene.spark.ask("committers.write", "forebay", committer="magic", tasks=16, **told)
    assert made["outcome"] == "pass", made
    answer = _spoiled(scene, fault, "GET", "committers.read", told)
    answer["found"] |= scene.done
    checked = "every row, none twice; that the fault came before the job was over"
    bench.take("faults", f"{fault}: read", checked, {"forebay": answer})


def _spoiled(scene: Scene, fault: str, method: str, check: str, told: dict[str, Any]) -> Answer:
    """Run a job, and do to it what the fault is; everything is whole again afterwards."""
    shape, spark = scene.origin.shape, scene.spark
    scene.gateway.wait_workers(2)
    shape.reset()
    spark.begin(check, "forebay", **told)
    trouble = ""
    try:
        _FAULTS[fault](scene, method)
    except AssertionError as late:
        trouble = str(late)
    answer = spark.end()
    shape.spoil()
    passed = shape.counters()
    scene.done["faults"] = sum(passed["faults"].values())
    if not trouble and not scene.done["faults"] and not scene.done.get("workers killed"):
        trouble = "the fault never came"
    if trouble and answer["outcome"] == "pass":
        return {**answer, "outcome": "fail", "words": trouble}
    return answer
