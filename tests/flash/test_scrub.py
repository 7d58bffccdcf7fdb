"""The scrub finds what rotted, tells whose it was, and goes on where it stopped."""

import fcntl
import os

import pytest

from gateway.flash.index import DOUBTED_KEY
from gateway.flash.safeguards import Safeguards
from gateway.flash.scrub import Scrub
from gateway.telemetry import metrics
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of, wait_for

ROWS = [row_of(f"models/{number}", 4 * CHUNK_BYTES) for number in range(12)]
QUICK = 1 << 40


def flip(path, segment, chunk):
    with (path / "segments" / f"{segment:08d}.seg").open("r+b") as file:
        file.seek(chunk * CHUNK_BYTES + 5)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


async def filled(flash):
    """Fill three segments of 16 chunks."""
    for row in ROWS:
        await fill(flash, row, range(4), CHUNK_BYTES)
        flash.put_row(row)


def scrub_of(flash, bytes_per_second=QUICK):
    return Scrub(flash._lifeline.live.parts, bytes_per_second)


def chunks(flash):
    return sum(len(flash.extents(row.body, range(4))) for row in ROWS)


async def test_a_round_reads_everything_and_finds_nothing_wrong(tmp_path, caplog):
    before = metrics.scrub_bytes.value
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        assert scrub_of(flash).run_round()
        assert chunks(flash) == 48
    assert metrics.scrub_bytes.value - before == 48 * CHUNK_BYTES
    assert metrics.scrub_finished.value > 1.7e9
    assert caplog.text == ""


async def test_what_rotted_is_dropped_told_of_and_repaired_by_the_next_read(tmp_path, caplog):
    repaired = metrics.chunks_repaired.value
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        flip(tmp_path, 1, 6)
        flip(tmp_path, 2, 0)
        scrub_of(flash).run_round()
        await wait_for(lambda: chunks(flash) == 46)
        assert "chunk 2 of bucket/models/1 is not what was written" in caplog.text
        assert caplog.text.count("is not what was written") == 2
        await fill(flash, ROWS[1], range(2, 3), CHUNK_BYTES)
        assert await read(flash, ROWS[1], 2) == data_of(ROWS[1], 2, CHUNK_BYTES)
    assert metrics.chunks_repaired.value == repaired + 1


async def test_what_nobody_reads_any_more_is_not_judged(tmp_path, caplog):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        volume = flash._lifeline.live
        extent = flash.extents(ROWS[0].body, range(1))[0]
        volume.committer.wait_committed(lambda w: w.delete_chunk(ROWS[0].body, 0, extent))
        flip(tmp_path, 1, 0)
        scrub_of(flash).run_round()
    assert caplog.text == ""


async def test_a_scrub_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        stopped = scrub_of(flash)
        seen = []
        scrub_chunk = Scrub._scrub_chunk

        def counted(self, record):
            seen.append(record.extent.segment)
            scrub_chunk(self, record)
            if len(seen) == 20:
                stopped._stop.set()

        monkeypatch.setattr(Scrub, "_scrub_chunk", counted)
        assert not stopped.run_round()
        assert seen == [1] * 16 + [2] * 4
        assert scrub_of(flash).run_round()
        assert seen[20:] == [2] * 16 + [3] * 16
        assert scrub_of(flash).run_round()
        assert len(seen) == 52 + 48


async def test_one_process_at_a_time(tmp_path):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        with (tmp_path / "scrub").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            before = metrics.scrub_bytes.value
            assert not scrub_of(flash).run_round()
            assert metrics.scrub_bytes.value == before
        assert scrub_of(flash).run_round()


async def test_the_budget_is_kept(tmp_path, monkeypatch):
    waits = []
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        scrub = scrub_of(flash, bytes_per_second=MIB)
        monkeypatch.setattr(scrub._stop, "wait", lambda seconds: bool(waits.append(seconds)))
        scrub.run_round()
    # Nothing was waited for in fact, so that each wait is the whole debt until then.
    assert max(waits) == pytest.approx(48 * CHUNK_BYTES / MIB, rel=0.2)


async def test_it_waits_while_a_reader_waits_for_the_disk(tmp_path, monkeypatch):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
        scrub = scrub_of(flash)
        readers = flash._lifeline.live.readers
        waits = []

        def wait(seconds):
            waits.append(seconds)
            if len(waits) == 5:
                readers._reads = 0
            return False

        readers._reads = 1
        monkeypatch.setattr(scrub._stop, "wait", wait)
        scrub.run_round()
    assert waits[1:5] == [0.02] * 4


async def test_a_chunk_that_cannot_be_read_is_left_alone(tmp_path, monkeypatch):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)

        def fail(extent):
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(flash._lifeline.live.readers, "is_right_on_flash", fail)
            assert scrub_of(flash).run_round()
        assert chunks(flash) == 48
        assert flash.is_healthy


async def test_a_round_after_a_power_loss_ends_the_doubt(tmp_path):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
    (tmp_path / "boot").write_text("11111111-2222-3333-4444-555555555555 open\n")
    (tmp_path / "scrub").write_bytes(bytes([3]) + bytes(23))
    async with checked_flash(tmp_path) as flash:
        await wait_for(lambda: chunks(flash) == 48)
        index = flash._lifeline.live.index
        assert int(index.find_meta(DOUBTED_KEY)) == 4
        before = metrics.scrub_bytes.value
        assert scrub_of(flash).run_round()
        assert metrics.scrub_bytes.value - before == 48 * CHUNK_BYTES
        assert index.find_meta(DOUBTED_KEY) == b"0"


async def test_it_runs_by_itself_and_ends_with_flash(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.flash.scrub._LOOK_SECONDS", 0.01)
    async with checked_flash(tmp_path, safeguards=Safeguards("first", QUICK)) as flash:
        await filled(flash)
        flip(tmp_path, 2, 3)
        await wait_for(lambda: chunks(flash) == 47)
