"""The size and the troubles of flash under load (row A7), long.

    .venv/bin/python conformance/run.py flash-faults

A cache of 1 GiB with 5 GiB read through it is never above its size, and no request fails. Each
fault of the disk under load: no request fails, and once it is healed warm reads are warm again.
"""

import argparse
import asyncio
from collections.abc import Sequence

from conformance.machine.rig import rig, tell
from tests.simulation import trials

_GIB = 1 << 30
_OBJECT_BYTES = 64 << 20


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="conformance/run.py flash-faults", description=__doc__)
    parser.add_argument("--size-gib", type=float, default=1.0)
    parser.add_argument("--times", type=int, default=5, help="of the size are read")
    parser.add_argument("--requests", type=int, default=300, help="while each fault lasts")
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    results = asyncio.run(_run(int(chosen.size_gib * _GIB), chosen.times, chosen.requests))
    return tell("flash-faults", results, is_written=chosen.write)


async def _run(size_bytes: int, times: int, requests: int) -> list[trials.Result]:
    results = []
    async with rig(size=size_bytes) as (gateway, origin):
        count = size_bytes * times // _OBJECT_BYTES
        objects = trials.objects_at(origin, count, _OBJECT_BYTES)
        results.append(await trials.read_more_than_fits(gateway, objects, size_bytes=size_bytes))
    async with rig(size="256MiB") as (gateway, origin):
        objects = trials.objects_at(origin, 40, 1_500_000)
        await trials.warm(gateway, origin, objects)
        results += [
            await trials.flash_fault_under_load(gateway, origin, objects, name, requests=requests)
            for name in trials.FAULTS
        ]
    return results
