"""Terms on real flash: what is held, pinned, shared and aged, over restarts and processes."""

from gateway.flash.store import Flash
from gateway.model.rules import Keep, Rule, Rules, Share
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of, wait_for

HELD = Rules([Rule("bucket/held/*", keep=Keep(hold_seconds=3600))])
PINNED = Rules([Rule("bucket/pinned/*", keep=Keep(is_pinned=True))])
SHARED = Rules([Rule("bucket/shared/*", keep=Keep(share=Share(count_bytes=4 * MIB)))])
AGED = Rules([Rule("bucket/aged/*", keep=Keep(ttl_seconds=0.4))])


async def filled(flash: Flash, prefix: str, count: int) -> list[str]:
    """Fill objects of one segment's size each; return the keys of those that found room."""
    found = []
    for number in range(count):
        row = row_of(f"{prefix}/{number}", 15 * CHUNK_BYTES)
        if len(await fill(flash, row, range(15), CHUNK_BYTES)) == 15:
            found.append(row.name.key)
    return found


async def count_read(flash: Flash, keys: list[str]) -> int:
    """Return of how many of those objects the last chunk is right and there."""
    count = 0
    for key in keys:
        row = row_of(key, 15 * CHUNK_BYTES)
        data = await read(flash, row, 14)
        assert data in (None, data_of(row, 14, CHUNK_BYTES))
        count += data is not None
    return count


async def test_what_is_held_is_not_evicted_by_its_like_over_restarts(tmp_path):
    for _ in range(2):
        async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=HELD) as flash:
            first = await filled(flash, "held", 30)
            name = row_of("held/new", 1).name
            assert flash.refusal(name, 1) == "flash is full, and its rule holds what is there"
            assert await count_read(flash, [f"held/{number}" for number in range(10)]) == 10
    assert first == []
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=HELD) as flash:
        assert len(await filled(flash, "other", 5)) == 5
        assert await count_read(flash, [f"held/{number}" for number in range(10)]) < 10


async def test_a_drop_ends_the_holding(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=HELD) as flash:
        await filled(flash, "held", 30)
        await flash.drop()
        await wait_for(lambda: flash.refusal(row_of("held/new", 1).name, 1) is None)
        assert len(await filled(flash, "held", 5)) == 5


async def test_what_is_pinned_is_never_evicted_and_takes_half_at_most(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=PINNED) as flash:
        pinned = await filled(flash, "pinned", 30)
        assert 4 <= len(pinned) <= 8
        reason = flash.refusal(row_of("pinned/new", 1).name, 1)
        assert reason == "what may be pinned of flash is full"
        assert len(await filled(flash, "other", 40)) == 40
        assert await count_read(flash, pinned) == len(pinned)
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=PINNED) as flash:
        assert len(await filled(flash, "more", 40)) == 40
        assert await count_read(flash, pinned) == len(pinned)


async def test_a_share_is_not_exceeded_and_its_own_oldest_make_room(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=SHARED) as flash:
        others = await filled(flash, "other", 4)
        shared = await filled(flash, "shared", 20)
        assert len(shared) == 20
        assert await count_read(flash, others) == 4
        assert 1 <= await count_read(flash, shared) <= 4
        assert await count_read(flash, shared[-1:]) == 1


async def test_what_has_a_time_to_live_leaves_by_itself(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB, rules=AGED) as flash:
        keys = await filled(flash, "aged", 3)
        others = await filled(flash, "other", 3)
        assert len(keys) == 3
        await wait_for(lambda: not flash.extents(row_of(keys[2], 15 * CHUNK_BYTES).body, range(15)))
        assert await count_read(flash, keys) == 0
        assert await count_read(flash, others) == 3


async def test_rules_that_are_read_again_count_from_then_on(tmp_path):
    async with checked_flash(tmp_path, size_bytes=16 * MIB) as flash:
        await filled(flash, "held", 30)
        flash.put_rules(HELD)
        # What came before the rule is of the common pool, and makes room.
        held = await filled(flash, "held", 30)
        assert 5 < len(held) < 20
        assert await count_read(flash, held) == len(held)
        flash.put_rules(Rules())
        assert len(await filled(flash, "new", 30)) == 30
        assert await count_read(flash, held) < len(held)


async def test_a_scan_does_not_evict_what_is_read_again(tmp_path):
    async with checked_flash(tmp_path, size_bytes=32 * MIB) as flash:
        hot = await filled(flash, "hot", 8)
        for _ in range(3):
            assert await count_read(flash, hot) >= 6
            for key in hot:
                for number in range(15):
                    flash.touch(row_of(key, 15 * CHUNK_BYTES).body, number)
            await filled(flash, "warm", 20)
        await filled(flash, "scan", 100)
        assert await count_read(flash, hot) >= 6


async def test_what_comes_back_soon_is_kept_over_a_scan(tmp_path):
    async with checked_flash(tmp_path, size_bytes=32 * MIB) as flash:
        await filled(flash, "full", 40)
        await filled(flash, "back", 2)
        await filled(flash, "scan", 30)
        assert await count_read(flash, ["back/0"]) == 0
        assert await filled(flash, "back", 1) == ["back/0"]
        await filled(flash, "more", 40)
        assert await count_read(flash, ["back/0"]) == 1
