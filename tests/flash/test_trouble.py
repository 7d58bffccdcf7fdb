"""Flash in trouble is a bypass: it gives and takes nothing, nobody fails; then it comes back."""

import asyncio
import errno
import shutil
from dataclasses import replace

import lmdb
import pytest

from gateway.flash.faults import Faults
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble
from tests.flash.rooms import (
    CHUNK_BYTES,
    MIB,
    checked_flash,
    data_of,
    fill,
    read,
    row_of,
    wait_for,
)


async def attempt(flash: Flash, row, chunks):
    """Fill as a gateway would: trouble is not the caller's failure."""
    try:
        return await fill(flash, row, chunks, CHUNK_BYTES)
    except FlashTrouble:
        return {}


async def assert_bypassed(flash: Flash, row) -> None:
    """Assert that nothing is given or taken, and nothing raised."""
    assert not flash.is_healthy
    assert flash.trouble
    assert flash.find_row(row.name) is None
    assert flash.extents(row.body, range(10)) == {}
    assert await flash.reserve(row, 0, [1]) is None
    assert not flash.claim(row.body, 0)
    flash.release(row.body, 0)
    flash.touch(row.body, 0)
    flash.put_row(row)
    await flash.drop()
    assert flash.stats() == {}
    assert len(await flash.check()) == 1


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EROFS", "ENOENT"])
@pytest.mark.parametrize("point", ["segment.write", "record.append", "index.commit"])
async def test_a_failing_write_is_a_bypass_until_it_works_again(tmp_path, point, fault):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults) as flash:
        row = row_of("a", CHUNK_BYTES)
        assert await fill(flash, row, range(1), CHUNK_BYTES)
        faults.faults[point] = fault
        with pytest.raises(FlashTrouble):
            await fill(flash, row_of("b", CHUNK_BYTES), range(1), CHUNK_BYTES)
        await assert_bypassed(flash, row)
        faults.faults.clear()
        await wait_for(lambda: flash.is_healthy)
        assert flash.trouble is None
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)
        assert await fill(flash, row_of("b", CHUNK_BYTES), range(1), CHUNK_BYTES)


async def test_a_probe_does_not_believe_in_a_fault_that_is_still_there(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults) as flash:
        faults.faults["segment.write"] = "EIO"
        assert await attempt(flash, row_of("b", CHUNK_BYTES), range(1)) == {}
        lifeline = flash._lifeline
        await wait_for(lambda: "segment.write" in (flash.trouble or ""))
        for _ in range(3):
            ticks = lifeline.keeper.call(lambda: None)
            await asyncio.wrap_future(ticks)
            assert not flash.is_healthy
        assert lifeline.bypasses == 1


async def test_no_space_for_a_segment_is_a_bypass(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults) as flash:
        faults.faults["segment.create"] = "ENOSPC"
        row = row_of("a", CHUNK_BYTES)
        assert await flash.reserve(row, 0, [CHUNK_BYTES]) is None
        assert "No space" in (flash.trouble or "")
        assert list((tmp_path / "segments").iterdir()) == []


async def test_a_failing_read_is_a_miss_and_a_bypass(tmp_path):
    faults = Faults()
    row = row_of("a", CHUNK_BYTES)
    async with checked_flash(tmp_path) as flash:
        await fill(flash, row, range(1), CHUNK_BYTES)
    async with checked_flash(tmp_path, faults=faults) as flash:
        faults.faults["segment.read"] = "EIO"
        extent = flash.extents(row.body, range(1))[0]
        assert not await flash.proven(row.body, 0, extent)
        await assert_bypassed(flash, row)
        faults.faults.clear()
        await wait_for(lambda: flash.is_healthy)
        # What could not be read is not bad: the chunk is still there.
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_a_directory_deleted_under_a_live_process_is_made_anew(tmp_path):
    path = tmp_path / "flash"
    async with checked_flash(path) as flash:
        row, other = row_of("a", CHUNK_BYTES), row_of("b", CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES])
        assert run is not None
        await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
        volume = flash._lifeline.live
        shutil.rmtree(path)
        await wait_for(lambda: flash._lifeline.live not in (volume, None))
        assert await read(flash, row, 0) is None
        with pytest.raises(FlashTrouble):
            await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
        flash.finish(run)
        assert await fill(flash, other, range(1), CHUNK_BYTES)
        assert await read(flash, other, 0) == data_of(other, 0, CHUNK_BYTES)
        assert (path / "segments" / "00000001.seg").exists()


async def test_an_index_deleted_under_a_live_process_is_rebuilt(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", CHUNK_BYTES)
        await fill(flash, row, range(1), CHUNK_BYTES)
        volume = flash._lifeline.live
        shutil.rmtree(tmp_path / "index")
        await wait_for(lambda: flash._lifeline.live not in (volume, None))
        await wait_for(lambda: bool(flash.extents(row.body, range(1))))
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_what_is_forgotten_in_bypass_is_gone_when_flash_is_back(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults) as flash:
        row, kept = row_of("a", CHUNK_BYTES), row_of("b", CHUNK_BYTES)
        await fill(flash, row, range(1), CHUNK_BYTES)
        await fill(flash, kept, range(1), CHUNK_BYTES)
        await flash.forgotten(row_of("committed with the rows", 1).name)
        faults.faults["index.commit"] = "EIO"
        await flash.forgotten(row.name)
        assert not flash.is_healthy
        await flash.forgotten(row_of("c", 1).name)
        faults.faults.clear()
        await wait_for(lambda: flash.is_healthy)
        assert flash.find_row(row.name) is None
        # The others could not be told by the index: what was confirmed before counts no more.
        assert flash.find_row(kept.name) == replace(kept, confirmed_ns=0)
        await wait_for(lambda: not flash._lifeline.unforgotten)
        assert flash.find_row(row.name) is None


async def test_a_disk_that_does_not_answer_is_a_bypass(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults, patience_seconds=0.05) as flash:
        row = row_of("a", CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES])
        assert run is not None
        faults.faults["record.append"] = "slow:0.3"
        with pytest.raises(FlashTrouble, match="does not come to its end"):
            await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
        flash.finish(run)
        assert not flash.is_healthy
        faults.faults.clear()
        await wait_for(lambda: flash.is_healthy)


async def test_flash_that_cannot_be_opened_is_a_bypass_and_comes_back(tmp_path):
    path = tmp_path / "flash"
    path.write_text("a file where the directory should be")
    async with checked_flash(path) as flash:
        row = row_of("a", CHUNK_BYTES)
        await assert_bypassed(flash, row)
        path.unlink()
        await wait_for(lambda: flash.is_healthy)
        assert await fill(flash, row, range(1), CHUNK_BYTES)


async def test_an_index_beyond_repair_is_discarded_under_a_live_process(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", CHUNK_BYTES)
        await fill(flash, row, range(1), CHUNK_BYTES)
        volume = flash._lifeline.live
        assert volume is not None
        flash._lifeline.report(lmdb.CorruptedError("as a test says"))
        assert not flash.is_healthy
        await wait_for(lambda: flash.is_healthy)
        assert flash._lifeline.live is not volume
        await wait_for(lambda: bool(flash.extents(row.body, range(1))))
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_nothing_raises_after_the_end(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES])
        assert run is not None
    await assert_bypassed(flash, row)
    with pytest.raises(FlashTrouble):
        await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
    flash.finish(run)
    flash.forget(row.name)
    await flash.forgotten(row.name)


async def test_a_full_index_gives_rows_up_instead_of_failing(tmp_path):
    # Rows alone: no segment's eviction would ever take them.
    async with checked_flash(tmp_path, size_bytes=8 * MIB, segment_bytes=None) as flash:
        for start in range(0, 6000, 200):
            rows = [row_of(f"only a row {number}", 0) for number in range(start, start + 200)]
            for row in rows:
                flash.put_row(row)
            await flash.forgotten(rows[0].name)
            assert flash.is_healthy, flash.trouble
        stats = flash.stats()
        assert stats["index_bytes"] <= 2 * MIB + 64 * 1024
        assert stats["bypasses"] == 0
        assert await fill(flash, row_of("a", CHUNK_BYTES), range(1), CHUNK_BYTES)


async def test_a_disk_that_is_full_before_flash_is_gets_the_oldest_back(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults, segment_bytes=MIB) as flash:
        rows = [row_of(f"object {number}", 16 * CHUNK_BYTES) for number in range(6)]
        for row in rows:
            assert len(await fill(flash, row, range(16), CHUNK_BYTES)) == 16
        faults.faults["segment.create"] = "ENOSPC"
        assert await flash.reserve(rows[0], 0, [CHUNK_BYTES] * 16) is None
        await wait_for(lambda: len(list((tmp_path / "segments").glob("*.seg"))) < 4)
        faults.faults.clear()
        await wait_for(lambda: flash.is_healthy)
        # The rows whose files went first lead nowhere until they are purged; nothing is wrong then.
        await wait_for(lambda: flash._lifeline.keeper.background is None)
        assert await read(flash, rows[0], 0) is None
        assert await read(flash, rows[5], 0) == data_of(rows[5], 0, CHUNK_BYTES)


def test_errors_of_the_disk_are_named_in_words():
    with pytest.raises(OSError, match="No space left") as caught:
        Faults({"x": "ENOSPC"}).at("x")
    assert caught.value.errno == errno.ENOSPC
