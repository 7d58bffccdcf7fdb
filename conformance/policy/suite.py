"""Policies: many random ones against the independent model, and how long a judgement takes."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from conformance.policy.benchmark import P99_MICROSECONDS_MAX, ROUNDS, Timed, measured, table

_ROOT = Path(__file__).resolve().parents[2]
_RESULTS = _ROOT / "conformance" / "results"
_MODEL_TEST = "tests/access/test_policy_model.py"
_EXAMPLES = 20_000


def main(words: Sequence[str]) -> int:
    """Run both, write the figures, and return 1 where the model disagrees or the bar is missed."""
    parser = argparse.ArgumentParser(prog="conformance/run.py policy", description=__doc__)
    parser.add_argument("--examples", type=int, default=_EXAMPLES, help="0: only the benchmark")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="judgements of each kind")
    parser.add_argument("--out", type=Path, default=_RESULTS)
    chosen = parser.parse_args(words)
    agrees = not chosen.examples or _agrees_with_the_model(chosen.examples)
    timed = measured(chosen.rounds)
    print(table(timed))
    missed = [one.name for one in timed if one.is_barred and one.cpu_p99 > P99_MICROSECONDS_MAX]
    if missed:
        print(f"MISSED: p99 of {', '.join(missed)} is over {P99_MICROSECONDS_MAX:.0f} microseconds")
    _write(chosen.out, chosen.examples, timed, agrees=agrees)
    return 0 if agrees and not missed else 1


def _agrees_with_the_model(examples: int) -> bool:
    """Run the property test, each example being up to two policies and four requests."""
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=0", _MODEL_TEST]
    environment = os.environ | {"FOREBAY_TEST_POLICY_EXAMPLES": str(examples)}
    ran = subprocess.run(command, cwd=_ROOT, env=environment, check=False)
    print(f"{examples} examples: {'as the model' if ran.returncode == 0 else 'NOT as the model'}")
    return ran.returncode == 0


def _write(folder: Path, examples: int, timed: list[Timed], *, agrees: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "examples": examples,
        "agrees": agrees,
        "microseconds": [asdict(one) for one in timed],
    }
    (folder / "policy.json").write_text(json.dumps(figures, indent=2) + "\n")
    (folder / "policy.md").write_text(f"{table(timed)}\n")
