"""Recursive removals: what was there and judged goes, and nothing else."""

import pytest

from gateway.demo.origin_faults import Fault
from gateway.filesystem.move_plan import may_be_later, newest
from gateway.model.failures import AccessDenied
from gateway.protocol.s3.listings import ListedObject
from tests.support.moves import BUCKET, fill, room_at, shown
from tests.support.origin_hooks import before

BEGUN = "Sat, 28 Nov 2026 21:00:10 GMT"


@pytest.fixture
async def room(origin, tmp_path):
    async with room_at(origin.endpoint, tmp_path / "moves") as made:
        yield made
        assert made.journal.moves() == []


def is_deletion(call):
    return call.method == "POST" and "delete" in call.query


async def test_what_is_removed_is_what_was_there(origin, room):
    fill(origin, "a/", 1203)
    origin.put(BUCKET, "ab", b"neighbour")
    later = origin.store.clock() + 3600

    def add():
        origin.put(BUCKET, "a/later", b"later", modified=later)

    origin.faults.append(before(is_deletion, add))
    await room.remove("a/")
    assert shown(origin, "a") == {"/later": (b"later", ""), "b": (b"neighbour", "")}


async def test_what_came_after_the_judgement_is_judged_before_it_is_removed(origin, room, caplog):
    fill(origin, "a/", 3)
    moment = origin.store.clock()

    def admit(versions):
        if any(version.key == "a/theirs" for version in versions):
            raise AccessDenied("no")

    def add():
        for key in ("a/theirs", "a/mine"):
            origin.put(BUCKET, key, b"as old as the listing, by its date", modified=moment)

    origin.faults.append(before(is_deletion, add))
    await room.remove("a/", admit=admit)
    assert sorted(shown(origin, "a/")) == ["theirs"]
    assert "a/theirs for one" in caplog.text


async def test_what_was_judged_is_removed_though_the_answer_s_clock_be_behind_it(origin, room):
    fill(origin, "a/", 3)
    origin.put(BUCKET, "a/ahead", b"x", modified=origin.store.clock() + 2)
    await room.remove("a/")
    assert shown(origin, "a/") == {}


async def test_a_deletion_that_the_origin_refuses_in_part_removes_the_rest(origin, room):
    fill(origin, "a/", 1003)
    calls = iter(range(9))
    origin.faults.append(
        lambda call: Fault(code="AccessDenied") if is_deletion(call) and not next(calls) else None
    )
    with pytest.raises(AccessDenied, match="1000 objects not be deleted, a/ for one"):
        await room.remove("a/")
    assert len(shown(origin, "a/")) == 1000
    assert room.journal.moves() == []


@pytest.mark.parametrize(
    ("etag", "second", "begun", "expected"),
    [
        ("plain", 7, BEGUN, False),
        ("plain", 8, BEGUN, True),  # clocks of one origin may be so far apart
        ("plain", 11, BEGUN, True),
        ("of-2", 0, BEGUN, True),  # S3 dates an upload in parts by its beginning
        ("plain", 0, "", True),  # and who tells no clock tells nothing
    ],
)
def test_what_may_have_come_later_than_it_is_dated(etag, second, begun, expected):
    version = ListedObject("k", f'"{etag}"', 1, f"Sat, 28 Nov 2026 21:00:{second:02} GMT", "")
    assert may_be_later(version, begun) is expected


def test_what_a_listing_shows_was_there_however_late_the_clock_of_its_answer_is():
    late, shown = "Sat, 28 Nov 2026 21:00:00 GMT", "Sat, 28 Nov 2026 21:00:02 GMT"
    assert newest((late, shown, "")) == shown
    assert newest(("", "")) == ""
