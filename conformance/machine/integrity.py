"""Integrity (row C5), long: bits flip, fills are killed, the power fails, several at once.

    .venv/bin/python conformance/run.py integrity [--quick] [--seed 5]

100 bit flips (a third on the disk under `verify = "first"`, a third in memory under `always`, a
third in memory on sealed flash), 50 kills inside a fill, 20 power losses, half of each on sealed
flash. Every byte of every answer is compared: none may be wrong, no request may fail but those
whose worker was killed under them, and flash is clean at the end. The scrub runs all the time.
"""

import argparse
import asyncio
import random
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from conformance.machine.rig import rig, tell
from tests.simulation import integrity_trials, trials

_KEY = b64encode(bytes(range(32))).decode("ascii")
_OBJECTS, _OBJECT_BYTES = 12, 1_300_000
_COLD_BYTES = 3_000_000


def main(words: Sequence[str]) -> int:
    """Run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="conformance/run.py integrity", description=__doc__)
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6, help="of several faults at once")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth: a look, written nowhere")
    chosen = parser.parse_args(words)
    if chosen.quick:
        for name in ("flips", "kills", "images", "rounds"):
            setattr(chosen, name, max(2, getattr(chosen, name) // 10))
    results = asyncio.run(_run(chosen))
    return tell("integrity", results, is_written=not chosen.quick)


async def _run(chosen: argparse.Namespace) -> list[trials.Result]:
    chance = random.Random(chosen.seed)
    results = []
    third = chosen.flips // 3
    for flash, flips, is_live in (
        ({"verify": "first"}, chosen.flips - 2 * third, False),
        ({"verify": "always"}, third, True),
        ({"key": _KEY}, third, True),
    ):
        async with _rig(**flash) as (gateway, origin):
            objects = trials.objects_at(origin, _OBJECTS, _OBJECT_BYTES)
            results.append(
                await integrity_trials.flip_bits(
                    gateway, origin, objects, flips=flips, is_live=is_live, chance=chance
                )
            )
    for flash, part in (({}, 0), ({"key": _KEY}, 1)):
        async with _rig(**flash) as (gateway, origin):
            objects = trials.objects_at(origin, _OBJECTS, _OBJECT_BYTES)
            cold = {"size": _COLD_BYTES, "chance": chance}
            stage = gateway, origin, objects
            kills, images = _half(chosen.kills, part), _half(chosen.images, part)
            results += [
                await integrity_trials.kill_fills(*stage, kills=kills, first=1000, **cold),
                await integrity_trials.lose_power(*stage, images=images, first=3000, **cold),
            ]
    async with _rig(key=_KEY) as (gateway, origin):
        objects = trials.objects_at(origin, _OBJECTS, _OBJECT_BYTES)
        results.append(
            await integrity_trials.all_at_once(
                gateway,
                origin,
                objects,
                rounds=chosen.rounds,
                first=5000,
                size=800_000,
                chance=chance,
            )
        )
    return results


def _rig(**flash: Any) -> Any:
    sizes = {"size": "96MiB", "chunk_size": "256KiB", "scrub_bytes_per_second": "64MiB"}
    return rig(**sizes, **flash)


def _half(count: int, part: int) -> int:
    return count // 2 + (count % 2 if part == 0 else 0)
