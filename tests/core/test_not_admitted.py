"""What flash does not take streams past it: right bytes, the reason in words, few questions."""

import asyncio

from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Keep, Rule, Rules, Share
from tests.core.test_objects import BODY, CHUNK, NAME, content, drain, house, make_house
from tests.support.settling import settle_until

__all__ = ["house", "make_house"]
SMALL = ObjectName("b", "small")


def keep(house, **terms):
    house.objects.rules = Rules([Rule("b/*", keep=Keep(**terms))])
    house.flash.put_rules(house.objects.rules)


async def test_a_small_object_costs_each_reader_alone_one_request_and_says_why(house):
    keep(house, admit_bytes_min=1 << 30)
    house.origin.put("small", BODY[: CHUNK * 2])
    for count in (1, 2, 3):
        body, receipt = await house.read(SMALL)
        assert body == BODY[: CHUNK * 2]
        assert receipt.cache == "MISS"
        await settle_until(lambda: not house.filling.budget.taken_bytes)
        assert [one.method for one in house.origin.asked] == ["GET"] * count
    assert house.flash.stats()["chunks"] == 0


async def test_readers_at_once_share_one_request(house):
    keep(house, admit_bytes_min=1 << 30)
    house.origin.put("small", BODY[: CHUNK * 2])
    bodies = await asyncio.gather(*(house.read(SMALL) for _ in range(20)))
    assert all(body == BODY[: CHUNK * 2] for body, _ in bodies)
    assert len(house.origin.asked) == 1


async def test_a_large_object_costs_one_request_more_and_its_bytes_once(house):
    keep(house, admit_bytes_max=CHUNK)
    body, receipt = await house.read()
    assert body == BODY
    assert (receipt.cache, receipt.reason) == ("MISS", "larger than its rule admits to flash")
    assert len(house.origin.asked) == 2
    assert house.flash.stats()["chunks"] == 0
    wanted = ByteRange(CHUNK * 5, CHUNK * 6 + 7)
    assert (await house.read(wanted=wanted))[0] == BODY[wanted.start : wanted.stop]


async def test_what_is_asked_for_often_enough_is_admitted(house):
    keep(house, admit_hits_min=3)
    for _ in range(2):
        body, receipt = await house.read()
        assert body == BODY
        assert receipt.reason == "asked for less often than its rule admits to flash"
    assert house.flash.stats()["chunks"] == 0
    await house.warm()
    await settle_until(lambda: house.flash.stats()["chunks"] == 41)
    assert (await house.read())[1].cache == "REVALIDATED"


async def test_a_slow_reader_of_what_passes_stalls_nobody(make_house):
    house = make_house(memory_chunks=16)
    keep(house, admit_bytes_min=1 << 30)
    house.origin.put("small", BODY[: CHUNK * 4])
    stalled = []
    for number in range(8):
        name = f"slow{number}"
        house.origin.put(name, BODY[: CHUNK * 4])
        read, _ = await house.open(ObjectName("b", name))
        stalled.append((read, content(await anext(read.pieces))))
    assert (await house.read(SMALL))[0] == BODY[: CHUNK * 4]
    keep(house)
    assert (await house.read())[0] == BODY
    for read, first in stalled:
        assert first + await drain(read) == BODY[: CHUNK * 4]
    await settle_until(lambda: not house.filling.budget.taken_bytes)


async def test_a_share_that_is_full_and_held_streams_the_rest_past(house):
    keep(house, hold_seconds=3600, share=Share(count_bytes=4 << 20))
    for number in range(40):
        house.origin.put(f"k{number}", BODY[: CHUNK * 4])
    reasons = set()
    for _ in range(2):
        for number in range(40):
            body, receipt = await house.read(ObjectName("b", f"k{number}"))
            assert body == BODY[: CHUNK * 4]
            reasons.add(receipt.reason)
    assert "the share of its rule is full, and held" in reasons | {
        house.flash.refusal(NAME, 1) or ""
    }
    held = house.flash.stats()["chunks"]
    assert 0 < held * CHUNK <= 4 << 20
    asked = len(house.origin.asked)
    for number in range(40):
        await house.read(ObjectName("b", f"k{number}"))
    # What is held costs its question, what is not costs its GET and, once a second, one more.
    assert 40 <= len(house.origin.asked) - asked <= 43
    assert house.flash.stats()["chunks"] == held
