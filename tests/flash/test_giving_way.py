"""Giving way on a full disk: rows that were left behind go, whoever has to see to it."""

import pytest

from gateway.flash.giving_way import give_way
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, fill, row_of, wait_for


@pytest.mark.parametrize("left", [0, 2])
async def test_rows_left_behind_by_a_process_that_was_killed_are_purged_by_the_next(tmp_path, left):
    async with checked_flash(tmp_path, segment_bytes=MIB) as flash:
        rows = [row_of(f"object {number}", 16 * CHUNK_BYTES) for number in range(4)]
        for row in rows:
            assert len(await fill(flash, row, range(16), CHUNK_BYTES)) == 16
    # All that the killed one came to: files went, the index could not be written.
    while len(list((tmp_path / "segments").glob("*.seg"))) > left:
        assert give_way(tmp_path)
    async with checked_flash(tmp_path, segment_bytes=MIB) as flash:
        await wait_for(lambda: flash._lifeline.keeper.background is None)
        assert await flash.check() == []
    assert not (tmp_path / "purge").exists()
