"""When bytes are proven, by `flash.verify`; a chunk that fails is told of, dropped, repaired."""

import os

import pytest

from gateway.flash.safeguards import Safeguards
from gateway.telemetry import metrics
from tests.flash.rooms import CHUNK_BYTES, checked_flash, data_of, fill, read, row_of, wait_for

ROW = row_of("models/a", 4 * CHUNK_BYTES)
AT = 100


def flip(path, chunk, at=AT):
    """Turn one bit of a chunk in the first segment, in the page cache as on the disk."""
    with (path / "segments" / "00000001.seg").open("r+b") as file:
        file.seek(chunk * CHUNK_BYTES + at)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


def lose_power(path):
    (path / "boot").write_text("11111111-2222-3333-4444-555555555555 open\n")


async def filled(path):
    async with checked_flash(path) as flash:
        await fill(flash, ROW, range(4), CHUNK_BYTES)
        flash.put_row(ROW)


async def dropped(flash, number):
    await wait_for(lambda: number not in flash.extents(ROW.body, range(4)))


async def test_always_finds_a_flip_that_memory_itself_suffered(tmp_path):
    async with checked_flash(tmp_path, safeguards=Safeguards("always")) as flash:
        await fill(flash, ROW, range(4), CHUNK_BYTES)
        assert await read(flash, ROW, 1) == data_of(ROW, 1, CHUNK_BYTES)
        flip(tmp_path, 1)
        assert await read(flash, ROW, 1) is None
        await dropped(flash, 1)
        assert await read(flash, ROW, 0) == data_of(ROW, 0, CHUNK_BYTES)


async def test_always_judges_the_whole_chunk_for_a_part_of_it(tmp_path):
    async with checked_flash(tmp_path, safeguards=Safeguards("always")) as flash:
        await fill(flash, ROW, range(4), CHUNK_BYTES)
        flip(tmp_path, 1, CHUNK_BYTES - 1)
        extent = flash.extents(ROW.body, range(4))[1]
        assert flash.read_now(ROW.body, 1, extent, 0, 10) is None
        assert not await flash.proven(ROW.body, 1, extent)
        await dropped(flash, 1)


async def test_first_judges_once_in_a_process(tmp_path):
    await filled(tmp_path)
    flip(tmp_path, 2)
    async with checked_flash(tmp_path) as flash:
        assert await read(flash, ROW, 2) is None
        await dropped(flash, 2)


async def test_scrub_leaves_the_judging_to_the_scrub(tmp_path):
    await filled(tmp_path)
    flip(tmp_path, 2)
    async with checked_flash(tmp_path, safeguards=Safeguards("scrub")) as flash:
        found = await read(flash, ROW, 2)
        assert found is not None
        assert found != data_of(ROW, 2, CHUNK_BYTES)
        flip(tmp_path, 2)


async def test_scrub_judges_what_a_power_loss_may_have_taken(tmp_path):
    await filled(tmp_path)
    flip(tmp_path, 2)
    lose_power(tmp_path)
    async with checked_flash(tmp_path, safeguards=Safeguards("scrub")) as flash:
        await wait_for(lambda: len(flash.extents(ROW.body, range(4))) == 4)
        assert await read(flash, ROW, 2) is None
        await dropped(flash, 2)


@pytest.mark.parametrize("verify", ["always", "first"])
async def test_a_damaged_chunk_is_told_of_by_name_and_its_repair_counted(tmp_path, caplog, verify):
    await filled(tmp_path)
    flip(tmp_path, 3)
    corrupt, repaired = metrics.chunks_corrupt.value, metrics.chunks_repaired.value
    async with checked_flash(tmp_path, safeguards=Safeguards(verify)) as flash:
        assert await read(flash, ROW, 3) is None
        await dropped(flash, 3)
        assert "chunk 3 of bucket/models/a is not what was written" in caplog.text
        await fill(flash, ROW, range(3, 4), CHUNK_BYTES)
        assert await read(flash, ROW, 3) == data_of(ROW, 3, CHUNK_BYTES)
    assert metrics.chunks_corrupt.value == corrupt + 1
    assert metrics.chunks_repaired.value == repaired + 1


async def test_a_chunk_that_was_evicted_meanwhile_is_not_damaged(tmp_path):
    before = metrics.chunks_corrupt.value, metrics.chunks_repaired.value
    async with checked_flash(tmp_path) as flash:
        await fill(flash, ROW, range(4), CHUNK_BYTES)
        extents = flash.extents(ROW.body, range(4))
        await flash.drop()
        assert not await flash.proven(ROW.body, 1, extents[1])
        await fill(flash, ROW, range(4), CHUNK_BYTES)
    assert (metrics.chunks_corrupt.value, metrics.chunks_repaired.value) == before
