"""Distrust: what all processes share when the index can be told nothing."""

import time
from dataclasses import replace
from pathlib import Path

from gateway.flash.distrust import Distrust
from gateway.flash.faults import Faults
from gateway.flash.store import Flash
from tests.flash.rooms import MIB, checked_flash, row_of


def test_the_moment_is_shared_and_never_goes_back(tmp_path: Path) -> None:
    one, other = Distrust(tmp_path / "distrust"), Distrust(tmp_path / "distrust")
    assert other.until_ns == 0
    one.distrust(7)
    other.distrust(5)
    assert (one.until_ns, other.until_ns) == (7, 7)
    assert Distrust().until_ns == 0


async def test_rows_confirmed_before_a_removal_that_failed_count_as_never_confirmed(tmp_path):
    faults = Faults()
    async with checked_flash(tmp_path, faults=faults) as flash:
        row = row_of("a", 1, confirmed_ns=time.time_ns())
        flash.put_row(row)
        await flash.forgotten(row_of("committed with the row", 1).name)
        assert flash.find_row(row.name) == row
        faults.faults["index.commit"] = "EIO"
        await flash.forgotten(row_of("b", 1).name)
        faults.faults.clear()
        while not flash.is_healthy:
            await flash.forgotten(row_of("b", 1).name)
        assert flash.find_row(row.name) == replace(row, confirmed_ns=0)


async def test_after_a_clean_close_confirmations_count(tmp_path):
    row = row_of("a", 1, confirmed_ns=time.time_ns())
    async with checked_flash(tmp_path) as flash:
        flash.put_row(row)
        await flash.forgotten(row_of("committed with the row", 1).name)
    async with checked_flash(tmp_path) as flash:
        assert flash.find_row(row.name) == row


async def test_what_was_noted_before_a_distrust_is_forgotten(tmp_path):
    path = tmp_path / "distrust"
    async with await Flash.open(
        tmp_path / "flash", size_bytes=32 * MIB, writer="test", distrust_path=path
    ) as flash:
        notes = flash.notes()
        assert notes is not None
        notes[row_of("a", 1).name] = "concluded"
        Distrust(path).distrust(time.time_ns())
        assert flash.notes() == {}
