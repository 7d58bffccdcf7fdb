"""Files created and appended to: what is seen before and after `close`, and who wins."""

import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core import growing
from gateway.core.growing import _Size
from gateway.demo.origin_faults import Fault
from gateway.filesystem.interface import Writer
from gateway.filesystem.status import Changes, NewAttributes
from gateway.model.failures import (
    AccessDenied,
    FileConflict,
    NotFound,
    NotSupported,
    OriginUnreachable,
    VersionChanged,
)
from gateway.model.ranges import ByteRange
from tests.support.origin_hooks import always
from tests.support.trees import Stage, running_stage

PART = 5 * 1024 * 1024
BODY = os.urandom(2 * PART + 77)
PLAIN = NewAttributes()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "SIZES", (_Size(10_000, PART, 2),))


async def create(stage: Stage, path: str, body: bytes = b"", **how) -> None:
    writer = await begun(stage, path, **how)
    await filled(writer, body)
    await writer.close()


async def begun(stage: Stage, path: str, attributes=PLAIN, *, overwrite=True, **how) -> Writer:
    caller = how.pop("caller", None) or stage.caller()
    return await stage.tree.create(caller, path, attributes, overwrite=overwrite, **how)


async def filled(writer: Writer, body: bytes) -> None:
    for start in range(0, len(body), 1_000_003):
        await writer.write(memoryview(body)[start : start + 1_000_003])


async def read(stage: Stage, path: str) -> bytes:
    opened = await stage.tree.open(stage.caller(), path)
    return await opened.read(ByteRange(0, opened.status.length))


def open_uploads(stage: Stage) -> list[str]:
    """The keys of uploads that were neither completed nor aborted."""
    uploads = stage.origin.store.uploads.values()
    return [upload.key for upload in uploads if upload.completed is None]


def stored(stage: Stage, key: str):
    return stage.origin.store.buckets["bucket"].find(key)


@pytest.mark.parametrize("length", [0, 10, len(BODY)])
async def test_a_file_is_what_was_written_and_its_attributes_travel(stage, length):
    attributes = NewAttributes(0o640, "alice", "staff", 5_000_000_001, xattrs={"user.a": b"\0\xff"})
    writer = await begun(stage, "/bucket/a/b.json", attributes)
    await filled(writer, BODY[:length])
    told = await writer.close()
    status = await stage.tree.status(stage.caller(), "/bucket/a/b.json")
    assert await read(stage, "/bucket/a/b.json") == BODY[:length]
    for one in (told, status):
        assert (one.length, one.mode, one.owner, one.group) == (length, 0o640, "alice", "staff")
        assert (one.modified_ns, one.xattrs) == (5_000_000_001, {"user.a": b"\0\xff"})
    headers = stored(stage, "a/b.json").headers
    assert headers["x-amz-meta-file-permissions"] == "0100640"
    assert headers["content-type"] == "application/json"


async def test_a_new_file_is_its_makers(stage):
    caller = stage.caller(user="bob", groups=("staff", "admins"))
    await create(stage, "/bucket/f", caller=caller)
    status = await stage.tree.status(stage.caller(), "/bucket/f")
    assert (status.owner, status.group, status.mode) == ("bob", "staff", 0o644)


async def test_what_is_new_has_the_group_that_the_marker_above_says_and_asks_no_more(stage):
    caller = stage.caller(user="bob", groups=("supergroup", "admins"))
    stage.put("marked/", owner="ann", group="data")
    stage.put("unmarked/x", b"x")
    stage.reset()
    await create(stage, "/bucket/unmarked/f", caller=caller)
    asked = stage.asked()
    stage.reset()
    await create(stage, "/bucket/marked/f", caller=caller)
    assert Counter(stage.asked()) == Counter(asked) + Counter(HeadObject=1)  # of the marker
    await stage.tree.make_symlink(caller, "/bucket/marked/link", "f")
    for path in ("marked/deep", "marked/x/y"):
        await stage.tree.make_directory(
            caller, f"/bucket/{path}", PLAIN, makes_parents=True, may_exist=True
        )
    await create(stage, "/bucket/marked/deep/er/f", caller=caller)
    paths = ("f", "link", "deep", "x", "x/y", "deep/er/f")
    told = [await stage.tree.status(caller, f"/bucket/marked/{path}") for path in paths]
    assert {status.group for status in told} == {"data"}
    assert (await stage.tree.status(caller, "/bucket/unmarked/f")).group == "supergroup"


@pytest.mark.parametrize("length", [10, len(BODY)])
async def test_nothing_is_seen_before_the_close_and_nothing_stays_of_an_abort(stage, length):
    await create(stage, "/bucket/old", b"old")
    for path in ("/bucket/new", "/bucket/old"):
        writer = await begun(stage, path)
        await filled(writer, BODY[:length])
        with pytest.raises(NotFound):
            await stage.tree.status(stage.caller(), "/bucket/new")
        assert await read(stage, "/bucket/old") == b"old"
        await writer.abort()
        await writer.abort()
    assert open_uploads(stage) == []
    assert stored(stage, "new") is None
    assert await read(stage, "/bucket/old") == b"old"


async def test_who_must_be_first_is_told_that_another_was(stage):
    for length in (10, len(BODY)):
        writer = await begun(stage, f"/bucket/{length}", overwrite=False)
        await filled(writer, BODY[:length])
        stage.put(str(length), b"theirs")
        with pytest.raises(FileConflict) as refused:
            await writer.close()
        assert refused.value.code == "FileExists"
        assert await read(stage, f"/bucket/{length}") == b"theirs"
        with pytest.raises(FileConflict):  # and at once, where it is there already
            await begun(stage, f"/bucket/{length}", overwrite=False)
    assert open_uploads(stage) == []


async def test_of_two_writers_the_last_to_close_is_seen(stage):
    one, other = await begun(stage, "/bucket/f"), await begun(stage, "/bucket/f")
    await filled(one, BODY)
    await filled(other, b"other")
    await other.close()
    assert await read(stage, "/bucket/f") == b"other"
    await one.close()
    assert await read(stage, "/bucket/f") == BODY


@pytest.mark.parametrize("length", [10, len(BODY)])
@pytest.mark.parametrize("stranger", ["nobody", "writes", "removes"])
async def test_what_is_made_of_a_version_replaces_that_one_and_no_other(stage, stranger, length):
    stage.put("f", b"old")
    etag = (await stage.tree.status(stage.caller(), "/bucket/f")).etag
    for body in (BODY[:length], BODY[1:length]):  # of what a writer made the next is made
        writer = await begun(stage, "/bucket/f", replacing=etag)
        await filled(writer, body)
        etag = (await writer.close()).etag
        assert etag == (await stage.tree.status(stage.caller(), "/bucket/f")).etag
    if stranger == "nobody":
        return
    writer = await begun(stage, "/bucket/f", replacing=etag)
    await filled(writer, BODY[2:length])
    if stranger == "writes":
        stage.put("f", b"theirs")
    else:
        stage.origin.store.delete("bucket", "f")
    with pytest.raises(VersionChanged):
        await writer.close()
    assert open_uploads(stage) == []
    found = stored(stage, "f")
    assert found is None or stage.origin.read("bucket", "f") == b"theirs"


async def test_a_body_made_of_another_keeps_what_the_object_said_beside_its_attributes(stage):
    stage.put("f", b"old", mode="0100600", owner="alice", colour="red")
    etag = (await stage.tree.status(stage.caller(), "/bucket/f")).etag
    await create(stage, "/bucket/f", b"new", attributes=NewAttributes(0o640), replacing=etag)
    after = stored(stage, "f")
    assert stage.origin.read("bucket", "f") == b"new"
    assert after.headers["x-amz-meta-colour"] == "red"
    assert after.headers["x-amz-meta-file-permissions"] == "0100640"


async def test_what_stands_in_the_way_is_said(stage):
    stage.put("file")
    stage.put("dir/x")
    for path, code in [
        ("/bucket/dir", "IsADirectory"),
        ("/bucket", "IsADirectory"),
        ("/bucket/file/below", "NotADirectory"),
        ("/bucket/file/further/below", "NotADirectory"),
    ]:
        with pytest.raises(FileConflict) as refused:
            await begun(stage, path)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await begun(stage, "/bucket/absent/f", makes_parents=False)
    with pytest.raises(AccessDenied):
        await begun(stage, "/")
    await create(stage, "/bucket/dir/f", makes_parents=False)


async def test_a_bucket_that_is_none_is_not_found(stage):
    with pytest.raises(NotFound):
        await begun(stage, "/none/f")


async def test_who_may_not_write_learns_it_at_once(stage):
    reader = [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}]
    stage.put("f", b"theirs")
    for act in (
        lambda caller: stage.tree.create(caller, "/bucket/f", PLAIN, overwrite=True),
        lambda caller: stage.tree.append(caller, "/bucket/f"),
        lambda caller: stage.tree.truncate(caller, "/bucket/f", 1),
        lambda caller: stage.tree.concat(caller, "/bucket/f", ["/bucket/g"]),
    ):
        with pytest.raises(AccessDenied):
            await act(stage.caller(policy=reader))
    assert set(stage.asked()) <= {"HeadObject", "ListObjectsV2"}


async def test_who_may_only_write_writes_blindly(stage):
    writer_only = [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "bucket/drop/*"}]
    caller = stage.caller(policy=writer_only)
    await create(stage, "/bucket/drop/f", b"x", caller=caller)
    assert await read(stage, "/bucket/drop/f") == b"x"
    with pytest.raises(FileConflict):
        await create(stage, "/bucket/drop/f", b"y", caller=caller, overwrite=False)


@pytest.mark.parametrize("old", [0, 10, PART - 1, PART, len(BODY)])
@pytest.mark.parametrize("new", [0, 10, len(BODY)])
async def test_an_append_is_the_old_bytes_and_the_new_and_keeps_the_rest(stage, old, new):
    stage.put("f", BODY[:old], mode="0100600", owner="alice", colour="red")
    stored(stage, "f").headers["cache-control"] = "no-store"
    stage.origin.store.retag("bucket", "f", "", (("k", "v w"),))
    stage.reset()
    writer = await stage.tree.append(stage.caller(), "/bucket/f")
    await filled(writer, BODY[:new])
    assert stored(stage, "f").size == old
    told = await writer.close()
    assert stage.origin.read("bucket", "f") == BODY[:old] + BODY[:new]
    assert told.length == old + new
    after = stored(stage, "f")
    assert after.headers["cache-control"] == "no-store"
    assert after.headers["x-amz-meta-colour"] == "red"
    assert after.tags == (("k", "v w"),)
    status = await stage.tree.status(stage.caller(), "/bucket/f")
    assert (status.mode, status.owner, status.length) == (0o600, "alice", old + new)
    # Few bytes of the object travelled: what is long enough to be a part was copied.
    if old >= PART:
        assert stage.origin.counters.body_bytes_sent == 0


async def test_of_two_appends_at_once_one_wins_and_the_other_is_told(stage):
    for old in (10, PART):
        stage.put("f", BODY[:old])
        one = await stage.tree.append(stage.caller(), "/bucket/f")
        other = await stage.tree.append(stage.caller(), "/bucket/f")
        await one.write(b"one")
        await other.write(b"other")
        await one.close()
        with pytest.raises(VersionChanged):
            await other.close()
        assert stage.origin.read("bucket", "f") == BODY[:old] + b"one"
        assert open_uploads(stage) == []


async def test_an_append_to_what_changed_meanwhile_is_refused(stage):
    stage.put("f", BODY[:PART])
    writer = await stage.tree.append(stage.caller(), "/bucket/f")
    stage.put("f", b"theirs")

    async def go_on() -> None:
        await writer.write(b"x")
        await writer.close()

    with pytest.raises(VersionChanged):
        await go_on()
    await writer.abort()
    assert stage.origin.read("bucket", "f") == b"theirs"
    assert open_uploads(stage) == []


async def test_an_append_may_name_the_version_that_it_adds_to(stage):
    stage.put("f", b"old")
    etag = (await stage.tree.status(stage.caller(), "/bucket/f")).etag
    for piece in (b" one", b" two"):
        writer = await stage.tree.append(stage.caller(), "/bucket/f", replacing=etag)
        await writer.write(piece)
        told = await writer.close()
        assert told.changed_ns == told.modified_ns
        etag = told.etag
    stage.put("f", b"theirs")
    with pytest.raises(VersionChanged):
        await stage.tree.append(stage.caller(), "/bucket/f", replacing=etag)


@pytest.mark.parametrize("how", ["create", "append", "set_attributes"])
async def test_who_lost_to_a_stranger_sees_the_strangers_next_whatever_the_rule(stage, how):
    path, caller = "/bucket/bounded/f", stage.caller()
    stage.put("bounded/f", b"old")
    assert await read(stage, path) == b"old"
    etag = (await stage.tree.status(caller, path)).etag
    stage.put("bounded/f", b"theirs")
    assert await read(stage, path) == b"old"

    async def lose() -> None:
        if how == "create":
            await create(stage, path, b"mine", replacing=etag)
        elif how == "append":
            await stage.tree.append(caller, path, replacing=etag)
        else:
            await stage.tree.set_attributes(caller, path, Changes(mode=0o600), etag=etag)

    with pytest.raises(VersionChanged):
        await lose()
    assert await read(stage, path) == b"theirs"


async def test_an_append_needs_a_file(stage):
    stage.put("dir/x")
    with pytest.raises(NotFound):
        await stage.tree.append(stage.caller(), "/bucket/absent")
    with pytest.raises(FileConflict):
        await stage.tree.append(stage.caller(), "/bucket/dir")


async def test_a_writer_whose_origin_fails_leaves_the_file_as_it_was(stage):
    stage.put("f", b"old")
    for body in (b"new", BODY):
        writer = await begun(stage, "/bucket/f")
        stage.origin.faults.append(always(Fault(code="InternalError"), method="PUT"))

        async def go_on(writer=writer, body=body) -> None:
            await filled(writer, body)
            await writer.close()

        with pytest.raises(OriginUnreachable):
            await go_on()
        stage.origin.faults.clear()
        await writer.abort()
        assert await read(stage, "/bucket/f") == b"old"
    assert open_uploads(stage) == []


async def test_where_conditions_would_be_ignored_what_needs_one_is_refused(tmp_path):
    async with running_stage(tmp_path) as stage:
        stage.core.senders.changing.judges_conditions = False
        await create(stage, "/bucket/f", b"x")
        with pytest.raises(NotSupported):
            await begun(stage, "/bucket/new", overwrite=False)
        with pytest.raises(NotSupported):
            await begun(stage, "/bucket/f", replacing='"e"')
        with pytest.raises(NotSupported):
            await stage.tree.append(stage.caller(), "/bucket/f")
        with pytest.raises(NotSupported):
            await stage.tree.truncate(stage.caller(), "/bucket/f", 0)
        assert await read(stage, "/bucket/f") == b"x"


async def test_what_is_closed_the_next_opener_sees_although_its_rule_asks_nobody(stage):
    for body in (b"first", b"second"):
        await create(stage, "/bucket/immutable/f", body)
        assert await read(stage, "/bucket/immutable/f") == body
    writer = await stage.tree.append(stage.caller(), "/bucket/immutable/f")
    await writer.write(b" third")
    await writer.close()
    assert await read(stage, "/bucket/immutable/f") == b"second third"


@pytest.mark.parametrize(
    ("is_looked_up", "asked"),
    [(False, {"HeadObject": 2, "ListObjectsV2": 2, "PutObject": 1}), (True, {"PutObject": 1})],
)
async def test_what_the_door_has_just_looked_up_is_not_asked_again(stage, is_looked_up, asked):
    await create(stage, "/bucket/here/first", b"1")
    stage.reset()
    await create(stage, "/bucket/here/second", b"2", is_looked_up=is_looked_up)
    assert stage.asked() == asked
    assert await read(stage, "/bucket/here/second") == b"2"


async def test_what_appears_after_the_look_is_not_overwritten_where_that_is_not_wanted(stage):
    writer = await begun(stage, "/bucket/raced", overwrite=False, is_looked_up=True)
    await create(stage, "/bucket/raced", b"somebody else's")
    await filled(writer, b"mine")
    with pytest.raises(FileConflict):
        await writer.close()
    assert await read(stage, "/bucket/raced") == b"somebody else's"
