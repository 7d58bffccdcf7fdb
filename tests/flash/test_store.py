"""Flash as the rooms above use it: in one process, without trouble."""

import asyncio
import os
import time
from dataclasses import replace

import pytest

from gateway.flash.store import Extent, Flash
from gateway.model.names import ObjectName
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of


async def committed(flash: Flash) -> None:
    """Wait until everything queued so far is committed: the queue keeps its order."""
    await flash.forgotten(ObjectName("bucket", "waited for"))


async def test_what_is_written_is_read(tmp_path):
    async with checked_flash(tmp_path) as flash:
        assert flash.is_healthy
        assert flash.trouble is None
        row = row_of("a", 3 * CHUNK_BYTES + 5)
        run = await flash.reserve(row, 0, [CHUNK_BYTES] * 3 + [5])
        assert run is not None
        assert run.numbers == range(4)
        lengths = [CHUNK_BYTES] * 3 + [5]
        written = {
            number: await flash.write(run, number, data_of(row, number, length))
            for number, length in enumerate(lengths)
        }
        flash.finish(run)
        flash.put_row(row)
        assert flash.find_row(row.name) == row
        assert flash.extents(row.body, range(10)) == written
        assert list(flash.extents(row.body, range(1, 3))) == [1, 2]
        assert flash.extents(row.body, range(0)) == {}
        assert flash.extents(bytes(16), range(10)) == {}
        for number, length in enumerate(lengths):
            assert flash.is_proven(written[number])
            assert await read(flash, row, number) == data_of(row, number, length)
            handle = flash.fd(written[number])
            assert handle is not None
            with handle:
                found = os.pread(handle.fileno(), length, written[number].offset)
            assert found == data_of(row, number, length)


async def test_chunks_of_a_run_lie_contiguously(tmp_path):
    async with checked_flash(tmp_path) as flash:
        extents = await fill(flash, row_of("a", 8 * CHUNK_BYTES), range(8), CHUNK_BYTES)
        assert {extent.segment for extent in extents.values()} == {1}
        assert [extent.offset for extent in extents.values()] == [
            number * CHUNK_BYTES for number in range(8)
        ]


async def test_a_run_longer_than_a_segment_goes_on_in_the_next(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 40 * CHUNK_BYTES)
        extents = await fill(flash, row, range(40), CHUNK_BYTES)
        assert len(extents) == 40
        assert {extent.segment for extent in extents.values()} == {1, 2, 3}
        assert await read(flash, row, 39) == data_of(row, 39, CHUNK_BYTES)


async def test_space_that_was_not_written_is_given_back(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 8 * CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES] * 8)
        assert run is not None
        await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
        flash.finish(run)
        flash.finish(run)
        extents = await fill(flash, row_of("b", CHUNK_BYTES), range(1), CHUNK_BYTES)
        assert extents[0].offset == CHUNK_BYTES


async def test_what_a_run_has_no_space_for_is_refused(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 2 * CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES])
        assert run is not None
        with pytest.raises(Exception, match="no space"):
            await flash.write(run, 1, bytes(CHUNK_BYTES))
        with pytest.raises(ValueError, match="reserved"):
            await flash.write(run, 0, b"short")
        flash.finish(run)
        with pytest.raises(Exception, match="no space"):
            await flash.write(run, 0, bytes(CHUNK_BYTES))
        with pytest.raises(ValueError, match="chunk_bytes"):
            await flash.reserve(row, 0, [CHUNK_BYTES + 1])


async def test_a_row_yields_only_to_one_confirmed_later(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 5)
        older = replace(row, confirmed_ns=row.confirmed_ns - 10, headers=(("x", "old"),))
        newer = replace(row, confirmed_ns=row.confirmed_ns + 10, headers=(("x", "new"),))
        flash.put_row(row)
        flash.put_row(older)
        await committed(flash)
        assert flash.find_row(row.name) == row
        flash.put_row(newer)
        assert flash.find_row(row.name) == newer
        await committed(flash)
        assert flash.find_row(row.name) == newer


async def test_what_is_looked_at_once_is_told_alike_and_not_remembered(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row, later = row_of("a", 5), row_of("b", 5)
        flash.put_row(row)
        await committed(flash)
        flash.put_row(later)
        assert flash.peek_row(row.name) == row
        assert flash.peek_row(later.name) == later  # on its way
        flash.forget(later.name)
        assert flash.peek_row(later.name) is None
        await committed(flash)
        assert flash.peek_row(row.name) == row
        assert flash._lifeline.live.remembered._rows == {}
        assert flash.find_row(row.name) == row
        assert [*flash._lifeline.live.remembered._rows] == [row.name]


async def test_a_row_from_the_future_does_not_stay_for_ever(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 5)
        flash.put_row(replace(row, confirmed_ns=time.time_ns() + 10**12))
        await committed(flash)
        flash.put_row(row)
        await committed(flash)
        assert flash.find_row(row.name) == row


async def test_what_is_forgotten_is_gone_at_once_and_an_older_answer_cannot_bring_it_back(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 5)
        flash.put_row(row)
        await committed(flash)
        flash.forget(row.name)
        assert flash.find_row(row.name) is None
        flash.put_row(row)
        assert flash.find_row(row.name) is None
        await committed(flash)
        assert flash.find_row(row.name) is None
        # Put once more, now that only the index knows of the forgetting.
        flash.put_row(row)
        assert flash.find_row(row.name) is None
        fresh = row_of("a", 5)
        flash.put_row(fresh)
        assert flash.find_row(row.name) == fresh
        await committed(flash)
        assert flash.find_row(row.name) == fresh


async def test_a_restart_keeps_everything(tmp_path):
    row = row_of("a", 3 * CHUNK_BYTES)
    async with checked_flash(tmp_path) as flash:
        written = await fill(flash, row, range(3), CHUNK_BYTES)
        await committed(flash)
    async with checked_flash(tmp_path) as flash:
        assert flash.find_row(row.name) == row
        assert flash.extents(row.body, range(3)) == written
        assert not flash.is_proven(written[0])
        assert await read(flash, row, 2) == data_of(row, 2, CHUNK_BYTES)
        assert flash.is_proven(written[2])


async def test_a_chunk_that_rotted_is_a_miss_and_dropped(tmp_path):
    row = row_of("a", 2 * CHUNK_BYTES)
    async with checked_flash(tmp_path) as flash:
        await fill(flash, row, range(2), CHUNK_BYTES)
    with (tmp_path / "segments" / "00000001.seg").open("r+b") as file:
        file.seek(CHUNK_BYTES + 100)
        file.write(b"rot")
    async with checked_flash(tmp_path) as flash:
        extents = flash.extents(row.body, range(2))
        assert flash.read_now(row.body, 1, extents[1], 100, 3) is None
        assert await read(flash, row, 1) is None
        await committed(flash)
        assert list(flash.extents(row.body, range(2))) == [0]
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)
        assert flash.stats()["bad"] == 1


async def test_a_segment_that_is_gone_is_a_miss(tmp_path):
    async with checked_flash(tmp_path) as flash:
        gone = Extent(4000, 0, 5, 0)
        assert flash.fd(gone) is None
        assert flash.read_now(bytes(16), 0, gone, 0, 5) is None
        assert not flash.is_proven(gone)
        assert not await flash.proven(bytes(16), 0, gone)


async def test_a_reader_finishes_on_a_segment_that_is_evicted(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        row = row_of("a", CHUNK_BYTES)
        extent = (await fill(flash, row, range(1), CHUNK_BYTES))[0]
        handle = flash.fd(extent)
        assert handle is not None
        with handle:
            await flash.drop()
            assert flash.extents(row.body, range(1)) == {}
            found = os.pread(handle.fileno(), extent.length, extent.offset)
        assert found == data_of(row, 0, CHUNK_BYTES)
        with pytest.raises(ValueError, match="closed"):
            handle.fileno()


async def test_the_oldest_leave_and_the_touched_stay(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        hot, cold = row_of("hot", CHUNK_BYTES), row_of("cold", CHUNK_BYTES)
        await fill(flash, hot, range(1), CHUNK_BYTES)
        await fill(flash, cold, range(1), CHUNK_BYTES)
        for number in range(40):
            flash.touch(hot.body, 0)
            filler = row_of(f"filler {number}", 16 * CHUNK_BYTES)
            assert len(await fill(flash, filler, range(16), CHUNK_BYTES)) == 16
        assert await read(flash, hot, 0) == data_of(hot, 0, CHUNK_BYTES)
        assert await read(flash, cold, 0) is None
        await committed(flash)
        assert flash.find_row(hot.name) == hot
        assert flash.find_row(cold.name) is None
        assert await read(flash, filler, 15) == data_of(filler, 15, CHUNK_BYTES)
        stats = flash.stats()
        assert stats["segments_evicted"] > 20
        assert stats["bytes_carried"] >= CHUNK_BYTES


async def test_many_small_objects_fill_no_more_than_the_size(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        rows = [row_of(f"small {number}", 100) for number in range(3000)]
        for start in range(0, 3000, 100):
            await asyncio.gather(
                *(fill(flash, row, range(1), 100) for row in rows[start : start + 100])
            )
        await committed(flash)
        assert flash.find_row(rows[-1].name) == rows[-1]
        extent = flash.extents(rows[-1].body, range(1))[0]
        assert flash.read_now(rows[-1].body, 0, extent, 0, 100) == data_of(rows[-1], 0, 100)


async def test_drop_takes_those_under_a_prefix(tmp_path):
    async with checked_flash(tmp_path) as flash:
        one, other = row_of("models/a", CHUNK_BYTES), row_of("images/a", CHUNK_BYTES)
        await fill(flash, one, range(1), CHUNK_BYTES)
        await fill(flash, other, range(1), CHUNK_BYTES)
        await committed(flash)
        await flash.drop("bucket/models/")
        assert flash.find_row(one.name) is None
        assert flash.extents(one.body, range(1)) == {}
        assert flash.find_row(other.name) == other
        assert await read(flash, other, 0) is not None
        await flash.drop()
        assert flash.find_row(other.name) is None
        assert flash.extents(other.body, range(1)) == {}
        assert flash.stats()["segments"] == 0


async def test_a_cancelled_write_never_shares_its_space(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", CHUNK_BYTES)
        run = await flash.reserve(row, 0, [CHUNK_BYTES])
        assert run is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await flash.write(run, 0, data_of(row, 0, CHUNK_BYTES))
        flash.finish(run)
        other = row_of("b", CHUNK_BYTES)
        extents = await fill(flash, other, range(1), CHUNK_BYTES)
        assert extents[0].offset == CHUNK_BYTES


async def test_empty_flash_has_no_problems(tmp_path):
    async with checked_flash(tmp_path) as flash:
        assert await flash.check(with_data=True) == []
        assert flash.stats()["chunks"] == 0


async def test_nothing_is_noted_while_rows_are_on_their_way_or_distrusted(tmp_path):
    async with checked_flash(tmp_path) as flash:
        row = row_of("a", 5)
        assert flash.notes() == {}
        flash.put_row(row)
        assert flash.notes() is None
        await committed(flash)
        notes = flash.notes()
        assert notes is not None
        notes[row.name] = "concluded"
        assert flash.notes() == {row.name: "concluded"}
        flash.forget(row.name)
        assert flash.notes() is None
        await committed(flash)
        assert flash.notes() == {}
