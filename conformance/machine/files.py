"""The tree machine run long (rows D1 and E3): files by the tree, objects by S3, one copy.

    .venv/bin/python conformance/run.py files --steps 2000 [--seed 1]

After each step both doors and the origin are held against the reference. Prints a line of progress
after each round, and at the end the counts: steps by kind, outcomes, what was compared.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.models.files_machine import FilesMachine
from tests.models.files_stage import FilesStage

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_ROUND = settings(
    max_examples=10,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def main(words: Sequence[str]) -> int:
    """Run; 1 where both doors or the origin did not show what the reference says."""
    parser = argparse.ArgumentParser(prog="conformance/run.py files", description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="forebay-files-") as folder:
        stage = FilesStage(Path(folder))
        stage.open()
        FilesMachine.stage = stage
        failure = _play(stage, chosen.steps, chosen.seed)
        stage.close()
    told = {
        "seed": chosen.seed,
        "seconds": round(time.monotonic() - begun),
        "failure": failure,
        **dict(sorted(stage.counts.items())),
    }
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in told.items()))
    if chosen.write:
        _RESULTS.mkdir(exist_ok=True)
        path = _RESULTS / "files.json"
        path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    return int(bool(failure))


def _play(stage: FilesStage, steps: int, first_seed: int) -> str:
    """Play rounds until there were so many steps; return the failure's words, if there is one."""
    number = first_seed * 1000
    while stage.counts["steps"] < steps:
        number += 1
        try:
            _one_round(number)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is told
            notes = "\n".join(getattr(failure, "__notes__", []))
            return f"round {number}: {failure!r}\n{notes}"
        sys.stderr.write(f"round {number}: {stage.counts['steps']} steps\n")
    return ""


def _one_round(number: int) -> None:
    @seed(number)
    class Seeded(FilesMachine):
        """The machine under this round's seed."""

    run_state_machine_as_test(Seeded, settings=_ROUND)
