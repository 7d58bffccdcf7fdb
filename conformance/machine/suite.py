"""The state machine run long (row A3): Hypothesis's steps until there were as many as asked for.

    .venv/bin/python conformance/run.py machine --steps 10000 [--seed 1]

Prints a line of progress after each round, and at the end the counts: steps by kind, reads checked,
and the reads that were stale, mixed or resurrected, which must be none. The gateway is one for the
whole run but for the restarts and kills that are among the steps.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from conformance.machine.rounds import play, read_words, write
from tests.models.machine import GatewayMachine
from tests.models.stage import Stage

_STEPS_A_ROUND = 50
_BROKEN = ("stale", "mixed", "resurrected", "lost", "odd")


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    chosen = read_words("machine", words, __doc__, 10_000)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="forebay-machine-") as folder:
        stage = Stage(Path(folder))
        stage.open()
        GatewayMachine.stage = stage
        failure = play(GatewayMachine, stage.counts, chosen, _STEPS_A_ROUND)
        log = stage.gateway.process.log[-4000:] if failure else ""
        stage.close()
    told = _told(stage.counts, chosen.seed, time.monotonic() - begun, failure)
    sys.stdout.write(_table(told) + log)
    if chosen.write:
        write("machine", told)
    return int(bool(failure) or any(stage.counts[kind] for kind in _BROKEN))


def _told(counts: Counter[str], number: int, seconds: float, failure: str) -> dict[str, object]:
    steps = {name[5:]: count for name, count in counts.items() if name.startswith("step ")}
    answers = {name: count for name, count in counts.items() if name.startswith("answered ")}
    caches = {name: count for name, count in counts.items() if name.startswith("cache ")}
    return {
        "seed": number,
        "seconds": round(seconds),
        "steps": counts["steps"],
        "reads checked": counts["reads checked"],
        **{kind: counts[kind] for kind in _BROKEN},
        "writes": counts["writes"],
        "foreign writes": counts["foreign writes"],
        "races": counts["races"],
        "origin faults met": counts["faults met"],
        "reads cut": counts["reads cut"],
        "reads asked again": counts["reads unavailable"],
        "flash checks, all clean": counts["flash checks"],
        "failure": failure,
        "by step": dict(sorted(steps.items(), key=lambda item: -item[1])),
        "by answer": dict(sorted(answers.items())),
        "by X-Cache": dict(sorted(caches.items())),
    }


def _table(told: dict[str, object]) -> str:
    lines = []
    for name, value in told.items():
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key:<55} {count:>7}" for key, count in value.items())]
        else:
            lines.append(f"{name:<57} {value:>7}")
    return "\n".join(lines) + "\n"
