"""Patience (row C8): an origin that fails in every way it can, and clients who must not notice.

    .venv/bin/python conformance/run.py patience [--quick]

The embedded origin stands behind a proxy (30 ms, 33 MB/s a connection) that resets 2 % of bodies
after 20,000 bytes, answers 1 % of requests a second late, and says 503 to everything for a minute.
Clients read at random what is larger than flash, under `strict`, and check every body's SHA-256.
Then a gateway with little patience meets an outage that is longer than that.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from conformance.patience.crowd import Crowd, Reads
from conformance.patience.stage import counted, patient_gateway, spoiled_origin, things_of
from gateway.demo.shaped import Shaped
from gateway.demo.shaping_faults import FaultRule
from tests.support.gateway_run import GatewayRun

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_CLIENTS = 16
_RESETS = FaultRule("reset", method="GET", probability=0.02, after_bytes=20_000)
_SPIKES = FaultRule("stall", probability=0.01, seconds=1.0)
_OUTAGE = FaultRule("error", status=503)
_PATIENCE_SECONDS = 90.0
_IMPATIENCE_SECONDS = 5.0
_SOON_SECONDS = 1.5
_COUNTERS = {
    "origin requests": "forebay_origin_requests_total",
    "repetitions": "forebay_origin_retries_total",
    "bodies resumed": "forebay_bodies_resumed_total",
    "hedges": "forebay_origin_hedges_total",
    "breaker opened": "forebay_origin_breaker_opened_total",
}
_COLUMNS = (
    *("phase", "seconds", "reads", "not ok", "p50 ms", "p99 ms", "slowest s"),
    *("origin requests", "repetitions", "resumed", "hedges", "faults"),
)


@dataclass(frozen=True, slots=True)
class Phase:
    """So many seconds under these faults."""

    name: str
    seconds: float
    faults: tuple[FaultRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A phase as clients, gateway and origin saw it."""

    phase: Phase
    began: float
    reads: Reads
    gateway: dict[str, float]
    origin: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """Return it as JSON says it."""
        return {
            "phase": self.phase.name,
            "seconds": self.phase.seconds,
            "reads": len(self.reads.all),
            "outcomes": dict(self.reads.outcomes()),
            "p50_ms": self.reads.quantile_ms(0.5),
            "p99_ms": self.reads.quantile_ms(0.99),
            "slowest_seconds": self.reads.slowest_seconds(),
            **self.gateway,
            "at the origin": self.origin,
        }


def main(words: Sequence[str]) -> int:
    """Run both parts; 1 where a bar was not met."""
    parser = argparse.ArgumentParser(prog="conformance/run.py patience", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short phases; writes nothing")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(words)
    scale = 0.15 if chosen.quick else 1.0
    with tempfile.TemporaryDirectory(prefix="forebay-patience-") as name:
        folder = Path(name)
        with spoiled_origin(folder / "origin", chosen.seed) as origin:
            within = asyncio.run(_within(folder, origin, scale, chosen.seed))
            beyond = asyncio.run(_beyond(folder, origin, scale, chosen.seed))
    told = {**_judged(within, beyond), "phases": [one.told() for one in (*within, *beyond)]}
    text = _table(told)
    sys.stdout.write(text)
    if not chosen.quick:
        (_RESULTS / "patience.json").write_text(json.dumps(told, indent=1) + "\n")
        (_RESULTS / "patience.md").write_text(f"# Patience: the last run\n\n{text}")
    return int(not all(bar["met"] for bar in told["bars"]))


async def _within(folder: Path, origin: Shaped, scale: float, seed: int) -> list[Seen]:
    """Play an outage of a minute, resets and spikes before a gateway that waits for longer."""
    phases = (
        Phase("as it is", 15 * scale),
        Phase("2 % of bodies reset, 1 % a second late", 45 * scale, (_RESETS, _SPIKES)),
        Phase("503 to everything", 60 * scale, (_OUTAGE,)),
        Phase("resets and spikes again", 30 * scale, (_RESETS, _SPIKES)),
    )
    with patient_gateway(folder / "patient", origin, _PATIENCE_SECONDS) as gateway:
        return await _play(phases, gateway, origin, seed)


async def _beyond(folder: Path, origin: Shaped, scale: float, seed: int) -> list[Seen]:
    """Play an outage that outlasts the gateway's patience."""
    phases = (
        Phase("as it is, little patience", 5),
        Phase("503 beyond patience", _IMPATIENCE_SECONDS + max(15 * scale, 5), (_OUTAGE,)),
        Phase("the first second after it", 1),
        Phase("after it", 10 * max(scale, 0.5)),
    )
    with patient_gateway(folder / "impatient", origin, _IMPATIENCE_SECONDS) as gateway:
        return await _play(phases, gateway, origin, seed)


async def _play(
    phases: Sequence[Phase], gateway: GatewayRun, origin: Shaped, seed: int
) -> list[Seen]:
    crowd = Crowd(things_of(gateway), _CLIENTS, seed)
    marks: list[tuple[float, Reads, dict[str, float], dict[str, Any]]] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.run())
        before = await asyncio.to_thread(counted, gateway)
        for phase in phases:
            await asyncio.to_thread(origin.reset)
            await asyncio.to_thread(origin.spoil, phase.faults)
            began = monotonic()
            await asyncio.sleep(phase.seconds)
            reads = crowd.next_phase()
            after = await asyncio.to_thread(counted, gateway)
            passed = await asyncio.to_thread(origin.counters)
            marks.append((began, reads, _grown(before, after), passed))
            before = after
        await asyncio.to_thread(origin.spoil)
        crowd.stop()
    # Reads that began in a phase belong to it, however late they ended: only now they all have.
    return [
        Seen(phase, began, reads, grown, _shown(passed))
        for phase, (began, reads, grown, passed) in zip(phases, marks, strict=True)
    ]


def _grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {word: after.get(name, 0.0) - before.get(name, 0.0) for word, name in _COUNTERS.items()}


def _shown(passed: dict[str, Any]) -> dict[str, Any]:
    return {name: passed[name] for name in ("requests", "statuses", "faults")}


def _judged(within: list[Seen], beyond: list[Seen]) -> dict[str, Any]:
    """Return the bars, and what they are judged by."""
    requests, repeated, resumed, hedges = (
        sum(one.gateway[word] for one in within) for word in tuple(_COUNTERS)[:4]
    )
    questions = requests - repeated - resumed - hedges
    reads = sum(len(one.reads.all) for one in within)
    wrong = sum(one.reads.outcomes()["wrong"] for one in (*within, *beyond))
    errors = sum(len(one.reads.all) - one.reads.outcomes()["ok"] for one in within)
    outage = beyond[1]
    over_at = outage.began + _IMPATIENCE_SECONDS
    told_late = outage.reads.outcomes(over_at)
    recovered = beyond[3].reads.outcomes()
    bars = [
        _bar("client errors within patience", errors, 0),
        _bar("wrong bodies", wrong, 0),
        _bar(
            "repetitions and resumptions, of all questions", (repeated + resumed) / questions, 0.1
        ),
        _bar("hedges, of all questions", hedges / questions, 0.05),
        _bar(
            "beyond patience: failures that are not 503 with Retry-After",
            told_late.total() - told_late["503"] - told_late["ok"],
            0,
        ),
        _bar(
            "beyond patience: the slowest of them, seconds",
            outage.reads.slowest_seconds(over_at),
            _SOON_SECONDS,
        ),
        _bar("a second after it: errors", recovered.total() - recovered["ok"], 0),
    ]
    return {"reads within patience": reads, "questions to the origin": questions, "bars": bars}


def _bar(what: str, value: float, most: float) -> dict[str, Any]:
    return {"what": what, "value": round(value, 4), "at most": most, "met": value <= most}


def _table(told: dict[str, Any]) -> str:
    reads, questions = told["reads within patience"], told["questions to the origin"]
    lines = [
        f"{reads:,} reads within patience, {questions:,.0f} questions to the origin",
        "",
        "| bar | value | at most | |",
        "|---|---|---|---|",
        *(
            f"| {bar['what']} | {bar['value']} | {bar['at most']} | "
            f"{'met' if bar['met'] else '**not met**'} |"
            for bar in told["bars"]
        ),
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *map(_phase_row, told["phases"]),
    ]
    return "\n".join(lines) + "\n"


def _phase_row(one: dict[str, Any]) -> str:
    not_ok = {word: count for word, count in one["outcomes"].items() if word != "ok"}
    words = ", ".join(f"{count} x {word}" for word, count in not_ok.items()) or "0"
    faults = ", ".join(f"{count} {kind}" for kind, count in one["at the origin"]["faults"].items())
    cells = (
        one["phase"], f"{one['seconds']:.0f}", one["reads"], words, one["p50_ms"], one["p99_ms"],
        one["slowest_seconds"], f"{one['origin requests']:.0f}", f"{one['repetitions']:.0f}",
        f"{one['bodies resumed']:.0f}", f"{one['hedges']:.0f}", faults or "0",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
