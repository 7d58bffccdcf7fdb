"""What is held, as people ask for it: complete, by prefix, and never more than a group at once."""

import pytest

from gateway.flash import holdings
from gateway.model.failures import FlashTrouble
from tests.flash.rooms import CHUNK_BYTES, checked_flash, fill, row_of


async def test_groups_are_small_and_together_they_are_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(holdings, "_GROUP_ROWS", 3)
    async with checked_flash(tmp_path) as flash:
        for number in range(10):
            row = row_of(f"{'ab'[number % 2]}/{number}", CHUNK_BYTES)
            await fill(flash, row, range(1), CHUNK_BYTES)
            flash.put_row(row)
        await flash.forgotten(row_of("a/0", CHUNK_BYTES).name)
        sizes, found = [], set()
        async for group in flash.holdings.groups("bucket/a/"):
            sizes.append(len(group))
            found |= {one.row.name.key for one in group}
            assert all(one.is_whole and one.bytes_held == CHUNK_BYTES for one in group)
        assert found == {"a/2", "a/4", "a/6", "a/8"}
        assert max(sizes) <= 3


async def test_an_index_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("gone")

    async with checked_flash(tmp_path) as flash:
        monkeypatch.setattr(holdings, "_group", fail)
        with pytest.raises(FlashTrouble):
            _ = [group async for group in flash.holdings.groups()]
