"""Another size while flash is in use: larger at once, smaller within seconds, and true on disk."""

import asyncio
import contextlib
import json
import random
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from gateway.flash.check import occupied_bytes
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of, wait_for

ROOT = Path(__file__).parents[2]


async def count_held(flash: Flash, count: int) -> int:
    held = 0
    for number in range(count):
        row = row_of(f"{number}", 15 * CHUNK_BYTES)
        data = await read(flash, row, 14)
        assert data in (None, data_of(row, 14, CHUNK_BYTES))
        held += data is not None
    return held


async def fill_many(flash: Flash, count: int) -> None:
    for number in range(count):
        await fill(flash, row_of(f"{number}", 15 * CHUNK_BYTES), range(15), CHUNK_BYTES)


async def purged(flash: Flash) -> None:
    volume = flash._lifeline.live
    assert volume is not None
    await wait_for(lambda: not volume.is_purge_due())


async def test_larger_is_larger_at_once_and_keeps_what_is_there(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB, checked_bytes=64 * MIB) as flash:
        await fill_many(flash, 10)
        before = await count_held(flash, 10)
        await flash.resize(64 * MIB, MIB)
        assert flash.is_healthy
        assert await count_held(flash, 10) == before
        await fill_many(flash, 40)
        assert await count_held(flash, 40) == 40


async def test_smaller_is_smaller_at_once_and_keeps_the_newest(tmp_path):
    async with checked_flash(tmp_path, size_bytes=64 * MIB) as flash:
        await fill_many(flash, 40)
        await flash.resize(16 * MIB, MIB)
        assert occupied_bytes(tmp_path) <= 16 * MIB
        assert 5 < await count_held(flash, 40) < 16
        assert await read(flash, row_of("39", 15 * CHUNK_BYTES), 0) is not None
        await purged(flash)
        assert await flash.check(with_data=True) == []


async def test_a_size_that_fits_no_segment_is_refused_and_changes_nothing(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        with pytest.raises(ValueError, match="too small"):
            await flash.resize(MIB, MIB)
        await fill_many(flash, 10)
        assert await count_held(flash, 10) > 5


async def test_a_process_that_was_not_told_keeps_to_the_size_of_all(tmp_path):
    async with checked_flash(tmp_path, size_bytes=64 * MIB) as flash:
        await fill_many(flash, 20)
        await flash.resize(16 * MIB, MIB)
        arguments = [str(tmp_path), str(64 * MIB), "1", "300"]
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.flash.worker", *arguments, cwd=ROOT, stdout=PIPE
        )
        output, _ = await worker.communicate()
        assert worker.returncode == 0
        assert json.loads(output.splitlines()[-1].removeprefix(b"done "))["written"] > 30
        assert occupied_bytes(tmp_path) <= 16 * MIB
        await purged(flash)
        assert await flash.check() == []


async def test_under_load_no_byte_is_wrong_and_the_size_holds(tmp_path):
    async with checked_flash(tmp_path, size_bytes=64 * MIB) as flash:
        is_done = False

        async def load(seed: int) -> None:
            chance = random.Random(seed)
            while not is_done:
                await asyncio.to_thread(lambda: None)  # a hit waits for nothing
                row = row_of(f"{chance.randrange(60)}", 15 * CHUNK_BYTES)
                if await read(flash, row, 3) is None:
                    with contextlib.suppress(FlashTrouble):
                        await fill(flash, row, range(15), CHUNK_BYTES)

        async with asyncio.TaskGroup() as tasks:
            for seed in range(4):
                tasks.create_task(load(seed))
            await wait_for(lambda: occupied_bytes(tmp_path) > 40 * MIB)
            for size_bytes in (16 * MIB, 48 * MIB, 24 * MIB):
                await flash.resize(size_bytes, MIB)
                assert flash.is_healthy
                for _ in range(20):
                    assert occupied_bytes(tmp_path) <= size_bytes
                    await asyncio.to_thread(lambda: None)
            await wait_for(lambda: occupied_bytes(tmp_path) > 18 * MIB)
            is_done = True
        await purged(flash)
        assert occupied_bytes(tmp_path) <= 24 * MIB
        await count_held(flash, 60)
