"""Renames and recursive deletions: all of it there, or all of it here, and nobody's writes lost."""

import asyncio

import pytest

from gateway.core.bodies import BytesBody
from gateway.core.receipt import Receipt
from gateway.demo.origin_faults import Fault, Gate
from gateway.filesystem.journal import Phase
from gateway.model.failures import (
    AccessDenied,
    Failure,
    InvalidRequest,
    NotFound,
    OriginRefused,
    Overloaded,
)
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY
from tests.support.moves import BUCKET, attributes, fill, room_at, shown
from tests.support.origin_hooks import before, once
from tests.support.settling import settle_until


@pytest.fixture
async def room(origin, tmp_path):
    async with room_at(origin.endpoint, tmp_path / "moves") as made:
        yield made
        assert made.journal.moves() == []


def is_copy(call):
    return call.operation == "CopyObject" or "x-amz-copy-source" in call.headers


def copies_to(key):
    return lambda call: is_copy(call) and call.key == key


def is_listing(call):
    return call.method == "GET" and not call.key and "list-type" in call.query


def is_committed(room):
    return lambda _call: any(move.phase is Phase.COMMITTED for move in room.journal.moves())


def is_deletion(call):
    return call.method == "POST" and "delete" in call.query


async def test_a_directory_is_moved_with_bytes_and_attributes(origin, room):
    before_it = fill(origin, "a/", 1203)
    origin.put(BUCKET, "a/deep//..", b"odd", headers=attributes("odd"))
    origin.put(BUCKET, "ab", b"neighbour")
    await room.rename("a/", "b/c/")
    assert shown(origin, "b/c/") == {**before_it, "deep//..": (b"odd", "odd")}
    assert shown(origin, "a/") == {}
    assert origin.read(BUCKET, "ab") == b"neighbour"
    assert {"a/f0000", "b/c/f0000"} <= set(room.flash.names)
    assert room.journal.in_hand == set()


async def test_a_file_is_moved_and_what_it_is_a_prefix_of_stays(origin, room):
    origin.put(BUCKET, "f", b"body", headers=attributes("me"))
    origin.put(BUCKET, "f/child", b"child")
    origin.put(BUCKET, "fa", b"neighbour")
    await room.rename("f", "d/g")
    assert shown(origin, "d/g") == {"": (b"body", "me")}
    assert sorted(shown(origin, "f")) == ["/child", "a"]


async def test_what_is_not_there_is_not_moved(room):
    for source in ("absent", "absent/"):
        with pytest.raises(NotFound):
            await room.rename(source, "b/")


@pytest.mark.parametrize("target", ["a/", "a/b/", "a/b"])
async def test_nothing_is_moved_into_itself(origin, room, target):
    there = fill(origin, "a/", 2)
    with pytest.raises(InvalidRequest, match="into itself"):
        await room.rename("a/", target)
    assert shown(origin, "a/") == there


async def test_every_key_is_judged_before_the_first_change(origin, room):
    there = fill(origin, "a/", 1100)

    def admit(versions):
        if any(version.key.endswith("f1099") for version in versions):
            raise AccessDenied("no")

    for act in (room.rename("a/", "b/", admit=admit), room.remove("a/", admit=admit)):
        with pytest.raises(AccessDenied):
            await act
    assert shown(origin, "a/") == there
    assert not any(call.method in {"PUT", "POST"} for call in origin.counters.calls)


async def test_a_name_that_would_be_too_long_is_refused_before_the_first_change(origin, room):
    there = fill(origin, "a/", 1)
    origin.put(BUCKET, "a/" + "x" * 1022, b"")
    with pytest.raises(InvalidRequest, match="1024 bytes"):
        await room.rename("a/", "abc/")
    assert len(shown(origin, "a/")) == len(there) + 1
    assert shown(origin, "abc/") == {}


async def test_what_appears_changes_or_goes_before_the_commit_moves_as_it_is(origin, room):
    fill(origin, "a/", 3)

    def meddle():
        origin.put(BUCKET, "a/f0000", b"overwritten", headers=attributes("new"))
        origin.put(BUCKET, "a/added", b"added", headers=attributes("new"))
        origin.delete(BUCKET, "a/f0001")

    origin.faults.append(before(copies_to("b/"), meddle))  # the marker is copied last
    await room.rename("a/", "b/")
    assert shown(origin, "a/") == {}
    assert shown(origin, "b/") == {
        "": (b"", "marker"),
        "added": (b"added", "new"),
        "f0000": (b"overwritten", "new"),
        "f0002": (b"2 of a/", "2"),
    }


async def test_what_appears_after_the_commit_is_moved_too(origin, room):
    fill(origin, "a/", 3)

    def meddle():
        origin.put(BUCKET, "a/f0000", b"overwritten", headers=attributes("new"))
        origin.put(BUCKET, "a/added", b"added", headers=attributes("new"))

    origin.faults.append(before(is_committed(room), meddle))
    await room.rename("a/", "b/")
    assert shown(origin, "a/") == {}
    assert shown(origin, "b/")["added"] == (b"added", "new")
    assert shown(origin, "b/")["f0000"] == (b"overwritten", "new")


async def test_what_was_overwritten_since_the_last_listing_is_not_deleted(origin, room):
    fill(origin, "a/", 3)

    def overwrite():
        origin.put(BUCKET, "a/f0000", b"overwritten", headers=attributes("new"))

    origin.faults.append(before(is_deletion, overwrite))
    await room.rename("a/", "b/")
    assert shown(origin, "b/")["f0000"] == (b"overwritten", "new")
    assert shown(origin, "a/") == {}


async def test_what_appears_and_may_not_be_moved_stays_and_is_told(origin, room, caplog):
    fill(origin, "a/", 3)

    def admit(versions):
        if any(version.key == "a/added" for version in versions):
            raise AccessDenied("no")

    def meddle():
        origin.put(BUCKET, "a/added", b"added", headers=attributes("new"))

    origin.faults.append(before(is_committed(room), meddle))
    await room.rename("a/", "b/", admit=admit)
    assert shown(origin, "a/") == {"added": (b"added", "new")}
    assert "1 objects were written there meanwhile and are left, a/added for one" in caplog.text


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState"])
async def test_a_copy_that_is_refused_undoes_all(origin, room, code, caplog):
    there = fill(origin, "a/", 200)
    origin.faults.append(lambda call: Fault(code=code) if copies_to("b/f0150")(call) else None)
    with pytest.raises(Failure) as told:
        await room.rename("a/", "b/")
    assert told.type in {OriginRefused, AccessDenied}
    assert shown(origin, "a/") == there
    assert shown(origin, "b/") == {}
    assert "failed and is undone" in caplog.text


async def test_an_origin_that_cannot_for_long_undoes_all_before_the_caller_is_told(
    origin, room, caplog
):
    there = fill(origin, "a/", 20)
    copies = iter(range(1000))
    origin.faults.append(
        lambda call: (
            Fault(code="ServiceUnavailable") if is_copy(call) and next(copies) > 10 else None
        )
    )
    with pytest.raises(Failure):
        await room.rename("a/", "b/")
    assert shown(origin, "a/") == there
    assert shown(origin, "b/") == {}
    assert "failed and is undone" in caplog.text


async def test_a_hiccup_is_not_told(origin, room):
    there = fill(origin, "a/", 5)
    origin.faults += [
        once("PUT", Fault(code="SlowDown"), key="b/f0001"),
        once("PUT", Fault(is_answer_lost=True), key="b/f0002"),
        once("POST", Fault(code="InternalError")),
    ]
    await room.rename("a/", "b/")
    assert shown(origin, "b/") == there
    assert shown(origin, "a/") == {}


async def test_undoing_leaves_what_others_wrote_at_the_target(origin, room, caplog):
    there = fill(origin, "a/", 3)

    def meddle():
        origin.put(BUCKET, "b/foreign", b"foreign")
        origin.put(BUCKET, "b/f0000", b"foreign too")

    origin.faults += [
        before(copies_to("b/"), meddle),
        lambda call: Fault(code="AccessDenied") if copies_to("b/")(call) else None,
    ]
    with pytest.raises(Failure):
        await room.rename("a/", "b/")
    assert shown(origin, "a/") == there
    assert shown(origin, "b/") == {"foreign": (b"foreign", ""), "f0000": (b"foreign too", "")}
    assert "2 objects that others wrote there are left" in caplog.text


async def test_where_the_origin_refuses_to_delete_all_is_returned(origin, room, caplog):
    there = fill(origin, "a/", 5)
    deleted = origin.delete

    def refuse(call):
        if is_deletion(call):
            deleted(BUCKET, "a/f0003")  # some go before one is refused
            return Fault(code="AccessDenied")
        return None

    def only_first(call, hook=refuse):
        if is_deletion(call):
            origin.faults.remove(only_first)
        return hook(call)

    origin.faults.append(only_first)
    with pytest.raises(AccessDenied, match="not be deleted"):
        await room.rename("a/", "b/")
    assert shown(origin, "a/") == there
    assert shown(origin, "b/") == {}
    assert "is undone" in caplog.text


async def test_an_empty_directory_is_replaced_and_put_back_where_it_fails(origin, room, caplog):
    there = fill(origin, "a/", 3)
    held = {"content-type": "application/x-directory", "x-amz-meta-file-owner": "before"}
    origin.put(BUCKET, "b/", b"", headers=held)

    def hook(call):
        is_copied = shown(origin, "b/").get("") == (b"", "marker")
        return Fault(code="AccessDenied") if is_listing(call) and is_copied else None

    origin.faults.append(hook)
    with pytest.raises(Failure):
        await room.rename("a/", "b/", replaced=held, replaces=True)
    origin.faults.remove(hook)
    assert await room.recovery.run() == 0
    assert shown(origin, "b/") == {"": (b"", "before")}
    assert shown(origin, "a/") == there
    await room.rename("a/", "b/", replaced=held, replaces=True)
    assert shown(origin, "b/") == there
    assert "undone" in caplog.text


async def test_a_file_replaces_another_in_one_step(origin, room, caplog):
    origin.put(BUCKET, "old", b"old")
    origin.put(BUCKET, "new", b"new")
    origin.faults.append(lambda call: Fault(code="SlowDown") if is_copy(call) else None)
    with pytest.raises(Failure):
        await room.rename("new", "old", replaces=True)
    assert (origin.read(BUCKET, "old"), origin.read(BUCKET, "new")) == (b"old", b"new")
    origin.faults.clear()
    # Carried out each time, and each answer lost: nobody knows, and it is found out.
    origin.faults.append(lambda call: Fault(is_answer_lost=True) if is_copy(call) else None)
    await room.rename("new", "old", replaces=True)
    assert origin.read(BUCKET, "old") == b"new"
    assert shown(origin, "new") == {}
    assert "undone" in caplog.text


async def test_a_client_that_leaves_does_not_end_it_half_way(origin, room):
    there = fill(origin, "a/", 10)
    gate = Gate()
    origin.faults.append(once("PUT", Fault(hold_call=gate), key="b/f0003"))
    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(room.rename("a/", "b/"))
        await gate.wait_arrived()
        waiter.cancel()
    assert len(room.journal.moves()) == 1
    gate.release()
    await settle_until(lambda: not room.journal.moves())
    assert shown(origin, "b/") == there
    assert shown(origin, "a/") == {}


async def test_two_moves_of_the_same_objects_are_not_made_at_once(origin, room):
    there = fill(origin, "a/", 3)
    gate = Gate()
    origin.faults.append(once("PUT", Fault(hold_call=gate), key="b/f0001"))
    async with asyncio.TaskGroup() as group:
        group.create_task(room.rename("a/", "b/"))
        await gate.wait_arrived()
        for act in (room.rename("a/", "c/"), room.remove("a/"), room.rename("a/f0000", "c")):
            with pytest.raises(Overloaded, match="being moved"):
                await act
        gate.release()
    assert shown(origin, "b/") == there
    assert shown(origin, "c") == {}


async def test_what_cannot_be_ended_now_is_ended_later(origin, room, caplog):
    there = fill(origin, "a/", 5)
    is_away = is_committed(room)
    origin.faults.append(lambda call: Fault(code="ServiceUnavailable") if is_away(call) else None)
    with pytest.raises(Failure):
        await room.rename("a/", "b/")
    [left] = room.journal.moves()
    assert left.phase is Phase.COMMITTED
    assert await room.recovery.run() == 1
    origin.faults.clear()
    assert await room.recovery.run() == 0
    assert shown(origin, "b/") == there
    assert shown(origin, "a/") == {}
    assert "to be completed later" in caplog.text


async def test_what_one_copy_does_not_take_is_copied_in_parts(origin, room):
    room.objects.remaking.copy_bytes_max, room.objects.remaking.part_bytes = 1000, 5 << 20
    body = bytes(range(256)) * (44 << 10)
    headers = {**attributes("me"), "x-amz-tagging": "colour=blue&size=a%20b"}
    await put(room, "a/large", body, headers)
    await room.rename("a/", "b/")
    assert shown(origin, "b/") == {"large": (body, "me")}
    moved = origin.store.get_version(BUCKET, "b/large")
    assert moved.tags == (("colour", "blue"), ("size", "a b"))
    assert moved.headers["content-type"] == "text/x-test"
    assert len(moved.part_sizes) == 3
    assert shown(origin, "a/") == {}


async def put(room, key, body, headers):
    made = room.objects.changing
    await made.put(ObjectName(BUCKET, key), BytesBody(body), headers, FOREBAY, Receipt())
