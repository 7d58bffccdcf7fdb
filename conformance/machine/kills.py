"""Kills under load (row A6), long.

    .venv/bin/python conformance/run.py kills --kills 20

kill -9 of a worker: only its own connections break, and it is replaced. kill -9 of everything: what
was warm is warm after the restart, and `flash.check()` is clean.
"""

import argparse
import asyncio
from collections.abc import Sequence

from conformance.machine.rig import rig, tell
from tests.simulation import trials


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="conformance/run.py kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200, help="before and after each kill")
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    results = asyncio.run(_run(chosen.kills, chosen.requests))
    return tell("kills", results, is_written=chosen.write)


async def _run(kills: int, requests: int) -> list[trials.Result]:
    async with rig(size="256MiB") as (gateway, origin):
        objects = trials.objects_at(origin, 40, 3_000_000)
        worker = await trials.kill_worker_under_load(
            gateway, objects, kills=kills, requests=requests
        )
        worker.failures += await gateway.flash_problems()
        everything = await trials.kill_everything(
            gateway, origin, objects, kills=kills, requests=requests
        )
        return [worker, everything]
