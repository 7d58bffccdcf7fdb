"""Every parser under a coverage-guided fuzzer, each in a process of its own.

    .venv/bin/python conformance/run.py fuzz [TARGET ...] --minutes 30 [--at-once 2] [--write]

A run adds to the corpora of the runs before it, and its figures to theirs: the scorecard tells all
that was spent on a target. Exit code 1 where this run found anything.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from conformance.fuzz.environment import fuzz_folder, python
from conformance.fuzz.running import Run, run_target
from conformance.fuzz.scorecard import write_scorecard
from tests.fuzzing.catalogue import TARGETS

_RESULTS = Path(__file__).resolve().parents[1] / "results"


def main(words: Sequence[str]) -> int:
    """Run; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="conformance/run.py fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--at-once", type=int, default=1, help="processes side by side")
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    unknown = sorted(set(chosen.targets) - TARGETS.keys())
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    interpreter, seconds = python(), round(chosen.minutes * 60)

    def run(name: str) -> Run:
        done = run_target(interpreter, TARGETS[name], seconds)
        with (fuzz_folder() / "runs.jsonl").open("a") as file:
            file.write(json.dumps(asdict(done)) + "\n")
        print(_line(done), flush=True)
        return done

    with ThreadPoolExecutor(chosen.at_once) as pool:
        runs = list(pool.map(run, chosen.targets or TARGETS))
    if chosen.write:
        write_scorecard(fuzz_folder() / "runs.jsonl", _RESULTS)
    return int(any(one.findings or one.exit_code for one in runs))


def _line(run: Run) -> str:
    told = f"{run.target:<16} {run.seconds:>5} s ({run.cpu_seconds} s of CPU)"
    told += f" {run.executions:>10} runs {run.edges:>5} edges"
    found = ", ".join(run.findings) or "nothing found"
    stopped = f", exit {run.exit_code}" if run.exit_code else ""
    return f"{told} {run.rss_mib_peak:>5} MiB  {found}{stopped}"
