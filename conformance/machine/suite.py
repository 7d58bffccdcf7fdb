"""The state machine run long (row A3): Hypothesis's steps until there were as many as asked for.

    .venv/bin/python conformance/run.py machine --steps 10000 [--seed 1]

Prints a line of progress after each round, and at the end the counts: steps by kind, reads checked,
and the reads that were stale, mixed or resurrected, which must be none. The gateway is one for the
whole run but for the restarts and kills that are among the steps.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.models.machine import GatewayMachine
from tests.models.stage import Stage

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_BROKEN = ("stale", "mixed", "resurrected", "lost", "odd")
_ROUND = settings(
    max_examples=10,
    stateful_step_count=50,
    deadline=None,
    database=None,
    # An example cannot be replayed on a cache that has moved on, so none is shrunk.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="conformance/run.py machine", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="forebay-machine-") as folder:
        stage = Stage(Path(folder))
        stage.open()
        GatewayMachine.stage = stage
        failure = _play(stage, chosen.steps, chosen.seed)
        log = stage.gateway.process.log[-4000:] if failure else ""
        stage.close()
    told = _told(stage.counts, chosen.seed, time.monotonic() - begun, failure)
    sys.stdout.write(_table(told) + log)
    if chosen.write:
        _RESULTS.mkdir(exist_ok=True)
        path = _RESULTS / "machine.json"
        path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    return int(bool(failure) or any(stage.counts[kind] for kind in _BROKEN))


def _play(stage: Stage, steps: int, first_seed: int) -> str:
    """Play rounds until there were so many steps; return the failure's words, if there is one."""
    number = first_seed * 1000
    while stage.counts["steps"] < steps:
        number += 1
        try:
            _one_round(number)
        except BaseException as failure:
            if isinstance(failure, KeyboardInterrupt):
                raise
            return f"round {number}: {_words(failure)}"
        done, checked = stage.counts["steps"], stage.counts["reads checked"]
        sys.stderr.write(f"round {number}: {done} steps, {checked} reads checked\n")
    return ""


def _one_round(number: int) -> None:
    @seed(number)
    class Seeded(GatewayMachine):
        """The machine under this round's seed."""

    run_state_machine_as_test(Seeded, settings=_ROUND)


def _words(failure: BaseException) -> str:
    notes = getattr(failure, "__notes__", [])
    inner = getattr(failure, "exceptions", ())
    return "\n".join([repr(failure), *notes, *map(_words, inner)])


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
