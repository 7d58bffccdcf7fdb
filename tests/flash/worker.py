"""A process that works on a shared flash directory, for the tests to start, count and kill.

    python -m tests.flash.worker PATH SIZE_BYTES SEED OPERATIONS

Writes, reads, touches and forgets objects of a small catalogue, always the same bytes for the same
chunk, and dies of the first wrong one. Prints `ready`, then `done {json}`; every object whose write
was acknowledged is printed before that as `kept KEY NUMBER`.
"""

import asyncio
import json
import random
import sys
from pathlib import Path

from gateway.flash.check import occupied_bytes
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble
from tests.flash.rooms import CHUNK_BYTES, MIB, data_of, fill, read, row_of, wait_for

CATALOGUE = 60
CHUNKS_MAX = 12


def say(line: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def work(path: Path, size_bytes: int, seed: int, operations: int) -> dict[str, int]:
    """Do that many operations; return what happened."""
    chance = random.Random(seed)
    counts = {"written": 0, "hits": 0, "misses": 0, "refused": 0, "bypassed": 0}
    async with await Flash.open(
        path,
        size_bytes=size_bytes,
        chunk_bytes=CHUNK_BYTES,
        segment_bytes=MIB,
        writer=f"worker {seed}",
        probe_seconds=0.05,
    ) as flash:
        say("ready")
        for _ in range(operations):
            try:
                await one(flash, chance, counts)
            except FlashTrouble:
                counts["refused"] += 1
            if not flash.is_healthy:
                say("bypass")
                counts["bypassed"] += 1
                await wait_for(lambda: flash.is_healthy)
                say("healthy")
            assert occupied_bytes(path) <= size_bytes, "flash is larger than its size"
    return counts


async def one(flash: Flash, chance: random.Random, counts: dict[str, int]) -> None:
    """Read a chunk; on a miss fill some, as a gateway would, if nobody else does."""
    number = min(int(chance.expovariate(0.1)), CATALOGUE - 1)
    length = 100 if number % 3 == 0 else CHUNK_BYTES
    row = row_of(f"object {number}", CHUNKS_MAX * length)
    chunk = chance.randrange(CHUNKS_MAX)
    data = await read(flash, row, chunk)
    if data is not None:
        assert data == data_of(row, chunk, length), "wrong bytes"
        flash.touch(row.body, chunk)
        counts["hits"] += 1
        return
    counts["misses"] += 1
    if chance.random() < 0.02:
        await flash.forgotten(row.name)
    if not flash.claim(row.body, chunk):
        return
    try:
        stop = chance.randrange(chunk, CHUNKS_MAX) + 1
        extents = await fill(flash, row, range(chunk, stop), length)
        counts["refused"] += not extents
        counts["written"] += len(extents)
        for written in extents:
            say(f"kept {row.name.key.split()[1]} {written}")
    finally:
        flash.release(row.body, chunk)


if __name__ == "__main__":
    result = asyncio.run(
        work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    )
    say("done " + json.dumps(result))
