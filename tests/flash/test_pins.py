"""Pins: kept over restarts, never evicted, bounded in words, and let go again."""

import asyncio
from functools import partial

import pytest

from gateway.flash.pin_list import PINS_MAX
from gateway.flash.purposes import group_of
from gateway.flash.safeguards import Safeguards
from gateway.model.failures import FlashTrouble
from gateway.model.rules import Keep, Rule, Rules
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, fill, row_of
from tests.flash.test_keeping import count_read, filled


async def test_what_is_there_and_what_comes_is_never_evicted_over_restarts(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        there = await filled(flash, "pinned", 3)
        await flash.pin("bucket/pinned/")
        assert flash.pins == ("bucket/pinned/",)
        later = row_of("pinned/later", 15 * CHUNK_BYTES)
        assert len(await fill(flash, later, range(15), CHUNK_BYTES)) == 15
        await filled(flash, "other", 40)
        assert await count_read(flash, [*there, "pinned/later"]) == 4
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        assert flash.pins == ("bucket/pinned/",)
        await filled(flash, "more", 40)
        assert await count_read(flash, [*there, "pinned/later"]) == 4
        await flash.pin("bucket/pinned/", is_removed=True)
        assert flash.pins == ()
        volume = flash._lifeline.live
        assert volume is not None
        evicted = flash._lifeline.keeper.call(lambda: volume.space.evict_next(16))
        await asyncio.wrap_future(evicted)
        assert await count_read(flash, there) == 0


async def test_more_than_half_is_refused_in_words_and_nothing_is_pinned(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        await filled(flash, "much", 11)
        with pytest.raises(FlashTrouble, match="more than may be pinned"):
            await flash.pin("bucket/much/")
        assert flash.pins == ()


async def test_what_is_not_pinned_cannot_be_let_go_and_pins_are_bounded(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        with pytest.raises(FlashTrouble, match="not pinned"):
            await flash.pin("bucket/a", is_removed=True)
        for number in range(PINS_MAX):
            await flash.pin(f"bucket/{number}/")
        with pytest.raises(FlashTrouble, match="remove one"):
            await flash.pin("bucket/one more/")
        assert len(flash.pins) == PINS_MAX


async def test_sealed_flash_keeps_pins_and_tells_nobody_whose(tmp_path):
    safeguards = Safeguards(keys=(bytes(32),))
    rules = Rules([Rule("bucket/secret-rule/*", keep=Keep(hold_seconds=3600))])
    guarded = partial(checked_flash, tmp_path, size_bytes=16 * MIB, safeguards=safeguards)
    async with guarded(rules=rules) as flash:
        there = await filled(flash, "secret-pin", 3)
        held = await filled(flash, "secret-rule", 1)
        await flash.pin("bucket/secret-pin/")
        await filled(flash, "other", 40)
        assert await count_read(flash, there) == 3
    async with guarded(rules=rules) as flash:
        assert flash.pins == ("bucket/secret-pin/",)
        await filled(flash, "more", 40)
        assert await count_read(flash, [*there, *held]) == 4
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"secret-pin" not in kept
    for words in ("pin bucket/secret-pin/", "bucket/secret-rule/*"):
        assert group_of(words) not in kept
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        assert flash.pins == ()
        await flash.pin("bucket/plain-pin/")
    async with guarded() as flash:
        assert flash.pins == ()
    assert b"plain-pin" not in b"".join(
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    )
