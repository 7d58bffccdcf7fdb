"""After a power loss the index is rebuilt; what never reached the disk is a miss, none is wrong."""

import os
import random
import shutil
import time
from dataclasses import replace

import pytest

from gateway.flash import recovery
from gateway.flash.faults import Faults
from gateway.flash.purposes import NEW
from gateway.flash.record import RecordReader, Seal
from gateway.flash.store import Flash
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

OBJECTS = 20
CHUNKS = 10


async def filled(path, size_bytes=32 * MIB):
    """Fill a flash with objects of known bytes, and close it."""
    rows = [row_of(f"object {number}", CHUNKS * CHUNK_BYTES) for number in range(OBJECTS)]
    async with checked_flash(path, size_bytes=size_bytes) as flash:
        for row in rows:
            await fill(flash, row, range(CHUNKS), CHUNK_BYTES)
    return rows


def lose_power(path):
    """Make flash look as if it was left open in another boot of the kernel."""
    (path / "boot").write_text("11111111-2222-3333-4444-555555555555 open\n")


async def rebuilt(flash: Flash):
    """Wait until the index holds every segment again."""
    volume = flash._lifeline.live
    assert volume is not None
    await wait_for(lambda: volume.index.find_meta(b"rebuild") == b"")


async def count_hits(flash, rows):
    """Read everything; assert that no byte is wrong, return the number of hits."""
    hits = 0
    for row in rows:
        for number in range(CHUNKS):
            data = await read(flash, row, number)
            if data is not None:
                assert data == data_of(row, number, CHUNK_BYTES)
                hits += 1
    return hits


async def test_a_kill_in_the_same_boot_keeps_the_index(tmp_path):
    rows = await filled(tmp_path)
    inode = (tmp_path / "index" / "data.mdb").stat().st_ino
    (tmp_path / "boot").write_text(f"{recovery.boot_id()} open\n")
    async with checked_flash(tmp_path) as flash:
        assert await count_hits(flash, rows) == OBJECTS * CHUNKS
    assert (tmp_path / "index" / "data.mdb").stat().st_ino == inode


async def test_an_orderly_end_keeps_the_index_over_a_boot(tmp_path):
    rows = await filled(tmp_path)
    inode = (tmp_path / "index" / "data.mdb").stat().st_ino
    _, _, state = (tmp_path / "boot").read_text().partition(" ")
    (tmp_path / "boot").write_text(f"11111111-2222-3333-4444-555555555555 {state}")
    async with checked_flash(tmp_path) as flash:
        assert await count_hits(flash, rows) == OBJECTS * CHUNKS
        assert flash.find_row(rows[3].name) == rows[3]
    assert (tmp_path / "index" / "data.mdb").stat().st_ino == inode


async def test_an_orderly_end_counts_only_with_the_segments_it_spoke_of(tmp_path):
    rows = await filled(tmp_path)
    _, _, state = (tmp_path / "boot").read_text().partition(" ")
    (tmp_path / "boot").write_text(f"11111111-2222-3333-4444-555555555555 {state}")
    os.truncate(tmp_path / "segments" / "00000002.rec", 1000)
    async with checked_flash(tmp_path) as flash:
        await rebuilt(flash)
        hits = await count_hits(flash, rows)
        assert 0 < hits < OBJECTS * CHUNKS


async def test_a_power_loss_rebuilds_everything_that_reached_the_disk(tmp_path):
    rows = await filled(tmp_path)
    lose_power(tmp_path)
    async with checked_flash(tmp_path) as flash:
        await rebuilt(flash)
        assert await count_hits(flash, rows) == OBJECTS * CHUNKS
        row = flash.find_row(rows[7].name)
        assert row is not None
        assert row.version == rows[7].version
        assert row.body == rows[7].body
        assert (row.confirmed_ns, row.headers) == (0, ())
        confirmed = replace(rows[7], confirmed_ns=time.time_ns())
        flash.put_row(confirmed)
        assert flash.find_row(confirmed.name) == confirmed


async def test_the_newest_version_of_a_rebuilt_object_counts(tmp_path):
    old, new = (row_of("a", CHUNK_BYTES, etag=etag) for etag in ('"1"', '"2"'))
    async with checked_flash(tmp_path) as flash:
        for row in (old, new):
            await fill(flash, row, range(1), CHUNK_BYTES)
    lose_power(tmp_path)
    async with checked_flash(tmp_path) as flash:
        await rebuilt(flash)
        row = flash.find_row(old.name)
        assert row is not None
        assert row.version == new.version
        assert await read(flash, old, 0) == data_of(old, 0, CHUNK_BYTES)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_a_power_loss_took_no_byte_is_wrong(tmp_path, seed):
    rows = await filled(tmp_path)
    chance = random.Random(seed)
    for file in sorted((tmp_path / "segments").iterdir()):
        length = file.stat().st_size
        fate = chance.choice(["kept", "kept", "short", "zeroed", "holed", "gone"])
        if fate == "short":
            os.truncate(file, chance.randrange(length + 1))
        elif fate == "zeroed":
            start = chance.randrange(length + 1)
            os.truncate(file, start)
            os.truncate(file, length)
        elif fate == "holed":
            with file.open("r+b") as pages:
                for _ in range(5):
                    pages.seek(chance.randrange(length) // 4096 * 4096)
                    pages.write(bytes(4096))
        elif fate == "gone":
            file.unlink()
    lose_power(tmp_path)
    if chance.random() < 0.5:
        shutil.rmtree(tmp_path / "index")
    # The records may speak of bytes that never came, so the data is not what the check is about.
    flash = await Flash.open(
        tmp_path,
        size_bytes=32 * MIB,
        chunk_bytes=CHUNK_BYTES,
        segment_bytes=MIB,
        writer="test",
    )
    async with flash:
        await rebuilt(flash)
        await count_hits(flash, rows)
        await flash.forgotten(rows[0].name)
        assert await flash.check(with_data=True) == []
        for row in rows[:5]:
            await fill(flash, row, range(CHUNKS), CHUNK_BYTES)
            assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_a_rebuild_goes_on_where_a_process_was_killed(tmp_path):
    rows = await filled(tmp_path)
    lose_power(tmp_path)
    faults = Faults({"rebuild.step": "EIO"})
    flash = await Flash.open(
        tmp_path,
        size_bytes=32 * MIB,
        chunk_bytes=CHUNK_BYTES,
        segment_bytes=MIB,
        writer="test",
        faults=faults,
        probe_seconds=1000,
    )
    await wait_for(lambda: not flash.is_healthy)
    await flash.close()
    async with checked_flash(tmp_path) as again:
        await rebuilt(again)
        assert await count_hits(again, rows) == OBJECTS * CHUNKS


async def test_a_segment_of_a_dead_process_is_cut_to_what_it_holds(tmp_path):
    row = row_of("a", CHUNK_BYTES)
    flash = await Flash.open(
        tmp_path, size_bytes=32 * MIB, chunk_bytes=CHUNK_BYTES, segment_bytes=MIB, writer="test"
    )
    await fill(flash, row, range(1), CHUNK_BYTES)
    volume = flash._lifeline.live
    assert volume is not None
    volume.active[NEW].abandon()
    await flash.close()
    assert (tmp_path / "segments" / "00000001.seg").stat().st_size == MIB
    async with checked_flash(tmp_path) as again:
        await fill(again, row_of("b", CHUNK_BYTES), range(1), CHUNK_BYTES)
        assert (tmp_path / "segments" / "00000001.seg").stat().st_size == CHUNK_BYTES
        log = (tmp_path / "segments" / "00000001.rec").read_bytes()
        assert list(RecordReader(None).feed(log))[-1] == Seal(1, CHUNK_BYTES)
        assert await read(again, row, 0) == data_of(row, 0, CHUNK_BYTES)


@pytest.mark.parametrize("damage", ["garbage", "short", "empty", "foreign version"])
async def test_an_index_that_is_no_index_is_rebuilt(tmp_path, damage):
    rows = await filled(tmp_path)
    file = tmp_path / "index" / "data.mdb"
    if damage == "garbage":
        file.write_bytes(random.Random(1).randbytes(100_000))
    elif damage == "short":
        os.truncate(file, 8192 + 100)
    elif damage == "empty":
        os.truncate(file, 0)
    else:
        with file.open("r+b") as pages:
            pages.seek(20)
            pages.write(b"\xff\xff")
    async with checked_flash(tmp_path) as flash:
        await wait_for(lambda: flash.is_healthy)
        await rebuilt(flash)
        assert await count_hits(flash, rows) == OBJECTS * CHUNKS


async def test_a_smaller_size_is_kept_from_the_start(tmp_path):
    await filled(tmp_path)
    async with checked_flash(tmp_path, size_bytes=10 * MIB) as flash:
        assert flash.is_healthy
        assert flash.stats()["segments_bytes"] < 10 * MIB
        volume = flash._lifeline.live
        assert volume is not None
        await wait_for(lambda: not volume.is_purge_due())
