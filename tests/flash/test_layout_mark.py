"""A directory written for other chunks is emptied, never misread; and never under others' hands."""

import os
from pathlib import Path

from gateway.flash.locks import Membership
from gateway.flash.store import Flash
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of


async def test_chunks_of_another_size_are_never_read(tmp_path):
    row = row_of("a", 4 * CHUNK_BYTES)
    async with checked_flash(tmp_path) as flash:
        await fill(flash, row, range(4), CHUNK_BYTES)
    async with checked_flash(tmp_path, chunk_bytes=CHUNK_BYTES // 2) as flash:
        assert flash.is_healthy
        assert flash.find_row(row.name) is None
        assert flash.extents(row.body, range(4)) == {}
        assert flash.stats()["segments"] == 0


async def test_the_same_size_keeps_everything(tmp_path):
    row = row_of("a", CHUNK_BYTES)
    for _ in range(3):
        async with checked_flash(tmp_path) as flash:
            if not flash.extents(row.body, range(1)):
                await fill(flash, row, range(1), CHUNK_BYTES)
            assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)
    assert flash._lifeline.division.chunk_bytes == CHUNK_BYTES
    assert [file.name for file in (tmp_path / "segments").glob("*.seg")] == ["00000001.seg"]


async def test_a_directory_that_others_use_is_left_alone(tmp_path):
    row = row_of("a", CHUNK_BYTES)
    async with checked_flash(tmp_path) as flash:
        await fill(flash, row, range(1), CHUNK_BYTES)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    other = Membership(descriptor)
    flash = await Flash.open(
        tmp_path, size_bytes=32 * MIB, chunk_bytes=CHUNK_BYTES // 2, writer="new"
    )
    assert "another size" in (flash.trouble or "")
    await flash.close()
    other.close()
    os.close(descriptor)
    async with checked_flash(tmp_path) as flash:
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_nobody_else_may_read_what_is_kept(tmp_path):
    async with checked_flash(tmp_path / "flash") as flash:
        await fill(flash, row_of("a", CHUNK_BYTES), range(1), CHUNK_BYTES)
        for folder, _, names in os.walk(tmp_path / "flash"):
            for place in (Path(folder), *(Path(folder) / name for name in names)):
                assert place.stat().st_mode & 0o077 == 0, place


async def test_somebodys_files_are_never_taken_for_flash(tmp_path):
    thesis = tmp_path / "segments" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("five years")
    async with checked_flash(tmp_path) as flash:
        assert "not flash's" in (flash.trouble or "")
    assert thesis.read_text() == "five years"
