"""What the long runs of state machines share: rounds until there were so many steps, and a record.

A round is some examples of Hypothesis under a seed of its own, so that it can be named.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

_RESULTS = Path(__file__).resolve().parents[1] / "results"


def read_words(suite: str, words: Sequence[str], about: str, steps: int) -> argparse.Namespace:
    """Return how long to play (`steps`, a default), from which `seed`, and whether to `write`."""
    parser = argparse.ArgumentParser(prog=f"conformance/run.py {suite}", description=about)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    return parser.parse_args(words)


def play(
    machine: type[RuleBasedStateMachine],
    counts: Counter[str],
    chosen: argparse.Namespace,
    steps_a_round: int,
) -> str:
    """Play rounds until there were so many steps; return the failure's words, if there is one."""
    number = chosen.seed * 1000
    while counts["steps"] < chosen.steps:
        number += 1
        try:
            _one_round(machine, number, steps_a_round)
        except BaseException as failure:
            if isinstance(failure, KeyboardInterrupt):
                raise
            return f"round {number}: {_words(failure)}"
        done, checked = counts["steps"], counts["reads checked"]
        sys.stderr.write(f"round {number}: {done} steps, {checked} reads checked\n")
    return ""


def write(suite: str, told: dict[str, object]) -> None:
    """Put what was found into conformance/results."""
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{suite}.json"
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    rows = "".join(f"| {name} | {value} |\n" for name, value in told.items())
    path.with_suffix(".md").write_text(f"# {suite}\n\n| what | |\n|---|---|\n{rows}")


def _one_round(machine: type[RuleBasedStateMachine], number: int, step_count: int) -> None:
    # Under its seed; a class of its own, since `seed` marks what it is given.
    seeded = seed(number)(type("Seeded", (machine,), {}))
    chosen = settings(
        max_examples=10,
        stateful_step_count=step_count,
        deadline=None,
        database=None,
        # An example cannot be replayed on a cache that has moved on, so none is shrunk.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(seeded, settings=chosen)


def _words(failure: BaseException) -> str:
    notes = getattr(failure, "__notes__", [])
    inner = getattr(failure, "exceptions", ())
    return "\n".join([repr(failure), *notes, *map(_words, inner)])
