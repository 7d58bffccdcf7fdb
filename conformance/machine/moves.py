"""Renames and recursive deletions (row D3): how long, and what kills leave.

    .venv/bin/python conformance/run.py moves --kills 30 --write

A directory of 1,000 files is renamed over the shaped origin (30 ms) within 10 s. Then a process
that renames or removes is killed (kill -9), at a step of its protocol or at a random moment, and
another recovers: every object is at its source or every one at its target, with its bytes and
attributes, none is lost and none at both.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance.machine.rig import tell
from gateway.demo.origin import running_origin
from gateway.demo.shaped import running_shaped
from tests.simulation import moving_trials
from tests.simulation.trials import Result
from tests.support.origins import new_origin

SECONDS_MAX = 10.0


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="conformance/run.py moves", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--files", type=int, default=1000, help="of the rename that is timed")
    parser.add_argument("--killed-files", type=int, default=200, help="of those that are killed")
    parser.add_argument("--rtt-ms", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    return tell("moves", asyncio.run(_run(chosen)), is_written=chosen.write)


async def _run(chosen: argparse.Namespace) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="forebay-moves-") as folder:
        async with running_origin(new_origin()) as origin:
            with running_shaped(origin.port, rtt_ms=chosen.rtt_ms) as shaped:
                timed = await moving_trials.timed_rename(
                    origin, shaped.endpoint, Path(folder), chosen.files, SECONDS_MAX
                )
                # A copy is three steps (a HEAD is none): most kills strike among them.
                steps = 2 * chosen.killed_files + 20
                kills = moving_trials.chosen_kills(chosen.kills, steps, chosen.seed)
                killed = await moving_trials.kill_movers(
                    origin, shaped.endpoint, Path(folder), kills, chosen.killed_files
                )
    return [timed, killed]
