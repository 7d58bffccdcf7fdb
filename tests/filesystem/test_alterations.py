"""Attributes, directories and links: what is altered, and that everything else is as it was."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.demo.origin_calls import Call
from gateway.filesystem.status import Changes, Kind, NewAttributes
from gateway.model.failures import (
    AccessDenied,
    FileConflict,
    InvalidRequest,
    NotFound,
    NotSupported,
    VersionChanged,
)
from tests.support.trees import LONG_AGO, Stage, running_stage

PART = 5 * 1024 * 1024
PLAIN = NewAttributes()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path) as opened:
        yield opened


def stored(stage: Stage, key: str):
    return stage.origin.store.buckets["bucket"].find(key)


async def mkdir(stage: Stage, path: str, attributes=PLAIN, *, makes_parents=True, may_exist=True):
    return await stage.tree.make_directory(
        stage.caller(), path, attributes, makes_parents=makes_parents, may_exist=may_exist
    )


async def test_what_is_set_is_shown_and_everything_else_of_the_object_stays(stage):
    stage.put("f", b"body", mode="0100644", colour="red", owner="alice")
    stored(stage, "f").headers.update({"cache-control": "no-store", "content-type": "text/x"})
    stored(stage, "f").headers["x-amz-storage-class"] = "STANDARD_IA"
    stage.origin.store.retag("bucket", "f", "", (("k", "v"),))
    changes = Changes(0o600, "bob", "staff", 7, 8, {"user.a": b"1", "user.b": b"2"})
    told = await stage.tree.set_attributes(stage.caller(), "/bucket/f", changes)
    status = await stage.tree.status(stage.caller(), "/bucket/f")
    assert told.changed_ns > status.modified_ns
    told, status = (replace(one, version=None, changed_ns=0) for one in (told, status))
    assert told == status
    assert (status.mode, status.owner, status.group) == (0o600, "bob", "staff")
    assert (status.modified_ns, status.accessed_ns) == (7, 8)
    assert status.xattrs == {"user.a": b"1", "user.b": b"2"}
    after = stored(stage, "f")
    kept = ("cache-control", "content-type", "x-amz-meta-colour", "x-amz-storage-class")
    assert [after.headers[name] for name in kept] == ["no-store", "text/x", "red", "STANDARD_IA"]
    assert after.tags == (("k", "v"),)
    assert stage.origin.read("bucket", "f") == b"body"
    changes = Changes(set_xattrs={"user.c": b"3"}, removed_xattrs=frozenset({"user.a"}))
    await stage.tree.set_attributes(stage.caller(), "/bucket/f", changes)
    status = await stage.tree.status(stage.caller(), "/bucket/f")
    assert status.xattrs == {"user.b": b"2", "user.c": b"3"}
    assert status.mode == 0o600


async def test_a_mode_that_changes_does_not_change_when_bytes_were_written(stage):
    stage.put("f", b"body")
    await stage.tree.set_attributes(stage.caller(), "/bucket/f", Changes(mode=0o600))
    status = await stage.tree.status(stage.caller(), "/bucket/f")
    assert status.modified_ns == int(LONG_AGO) * 10**9


async def test_what_one_copy_does_not_take_is_copied_by_parts(stage):
    body = os.urandom(PART + 9)
    stage.put("f", body, colour="red")
    stage.origin.store.retag("bucket", "f", "", (("k", "v"),))
    tree = stage.tree
    small = replace(tree, alterations=replace(tree.alterations, copy_bytes_max=PART))
    stage.reset()
    await small.set_attributes(stage.caller(), "/bucket/f", Changes(mode=0o600))
    assert stage.asked()["UploadPartCopy"] == 1
    assert stage.origin.counters.body_bytes_sent == 0
    assert stage.origin.read("bucket", "f") == body
    assert stored(stage, "f").headers["x-amz-meta-colour"] == "red"
    assert stored(stage, "f").tags == (("k", "v"),)
    assert (await tree.status(stage.caller(), "/bucket/f")).mode == 0o600


async def test_attributes_of_a_directory_are_its_markers(stage):
    stage.put("d/x", b"x")
    await stage.tree.set_attributes(stage.caller(), "/bucket/d", Changes(mode=0o700, owner="al"))
    status = await stage.tree.status(stage.caller(), "/bucket/d")
    assert (status.kind, status.mode, status.owner) == (Kind.DIRECTORY, 0o700, "al")
    await stage.tree.set_attributes(stage.caller(), "/bucket/d", Changes(group="staff"))
    status = await stage.tree.status(stage.caller(), "/bucket/d")
    assert (status.mode, status.owner, status.group) == (0o700, "al", "staff")
    with pytest.raises(AccessDenied):
        await stage.tree.set_attributes(stage.caller(), "/bucket", Changes(mode=0o700))


async def test_a_change_of_attributes_never_brings_back_old_bytes(stage):
    stage.put("f", b"old")

    def hook(call: Call) -> None:
        if call.operation == "CopyObject":
            stage.put("f", b"theirs")

    stage.origin.faults.append(hook)
    with pytest.raises(VersionChanged):
        await stage.tree.set_attributes(stage.caller(), "/bucket/f", Changes(mode=0o600))
    assert stage.origin.read("bucket", "f") == b"theirs"


async def test_attributes_are_set_of_the_version_that_is_named_and_of_no_other(stage):
    stage.put("f", b"old")
    etag = (await stage.tree.status(stage.caller(), "/bucket/f")).etag
    for mode in (0o600, 0o640):
        told = await stage.tree.set_attributes(
            stage.caller(), "/bucket/f", Changes(mode=mode), etag=etag
        )
        etag = told.etag
    stage.put("f", b"theirs", mode="0100644")
    with pytest.raises(VersionChanged):
        await stage.tree.set_attributes(stage.caller(), "/bucket/f", Changes(mode=0o604), etag=etag)
    assert (await stage.tree.status(stage.caller(), "/bucket/f")).mode == 0o644


async def test_more_than_an_object_can_say_of_itself_is_refused_and_nothing_is_cut(stage):
    stage.put("f", b"x", mode="0100644")
    changes = Changes(set_xattrs={"user.big": b"x" * 3000})
    with pytest.raises(NotSupported):
        await stage.tree.set_attributes(stage.caller(), "/bucket/f", changes)
    wanted = NewAttributes(xattrs=changes.set_xattrs)
    with pytest.raises(NotSupported):
        await stage.tree.create(stage.caller(), "/bucket/g", wanted, overwrite=True)
    assert (await stage.tree.status(stage.caller(), "/bucket/f")).xattrs == {}


async def test_nothing_can_be_set_of_what_is_not_there(stage):
    with pytest.raises(NotFound):
        await stage.tree.set_attributes(stage.caller(), "/bucket/f", Changes(mode=0o600))


async def test_a_directory_is_made_by_its_marker(stage):
    told = await mkdir(stage, "/bucket/a/b", NewAttributes(0o750, "alice", "staff"))
    status = await stage.tree.status(stage.caller(), "/bucket/a/b")
    assert (status.kind, status.mode, status.owner) == (Kind.DIRECTORY, 0o750, "alice")
    assert (told.kind, told.mode, told.modified_ns) == (status.kind, 0o750, status.modified_ns)
    assert stored(stage, "a/b/").headers["content-type"] == "application/x-directory"
    assert (await stage.tree.status(stage.caller(), "/bucket/a")).is_directory
    again = await mkdir(stage, "/bucket/a/b", NewAttributes(0o700))
    assert again.mode == 0o750
    with pytest.raises(FileConflict) as refused:
        await mkdir(stage, "/bucket/a/b", may_exist=False)
    assert refused.value.code == "FileExists"


async def test_directories_above_that_are_not_there_are_made_and_are_their_makers(stage):
    stage.put("a/x", b"x")
    wanted = NewAttributes(mode=0o450, xattrs={"user.a": b"b"})
    maker = stage.caller(user="ann", groups=("staff",))
    await stage.tree.make_directory(
        maker, "/bucket/a/b/c/d", wanted, makes_parents=True, may_exist=True
    )
    assert stored(stage, "a/") is None
    for path, mode, xattrs in (
        ("b", 0o750, {}),
        ("b/c", 0o750, {}),
        ("b/c/d", 0o450, {"user.a": b"b"}),
    ):
        status = await stage.tree.status(maker, f"/bucket/a/{path}")
        assert (status.owner, status.group, status.mode) == ("ann", "staff", mode)
        assert status.xattrs == xattrs
    stage.reset()
    await mkdir(stage, "/bucket/a/b/c/e")
    assert stage.asked()["PutObject"] == 1


async def test_a_directory_above_that_its_maker_may_not_mark_is_there_without(stage):
    policy = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["bucket", "bucket/home/ann/*"]},
    ]
    maker = stage.caller(policy=policy)
    await stage.tree.make_directory(
        maker, "/bucket/home/ann/b", PLAIN, makes_parents=True, may_exist=True
    )
    assert stored(stage, "home/") is None
    assert {"home/ann/", "home/ann/b/"} <= stage.origin.store.buckets["bucket"].versions.keys()


async def test_a_directory_above_that_somebody_makes_meanwhile_stays_theirs(stage):
    def hook(call: Call) -> None:
        if call.operation == "PutObject" and call.key == "a/" and stored(stage, "a/") is None:
            stage.put("a/", owner="bob")

    stage.origin.faults.append(hook)
    await mkdir(stage, "/bucket/a/b")
    assert (await stage.tree.status(stage.caller(), "/bucket/a")).owner == "bob"
    assert stored(stage, "a/b/") is not None


async def test_what_stands_in_the_way_of_a_directory_is_said(stage):
    stage.put("file")
    for path, code in [("/bucket/file", "FileExists"), ("/bucket/file/x/y", "NotADirectory")]:
        with pytest.raises(FileConflict) as refused:
            await mkdir(stage, path)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await mkdir(stage, "/bucket/absent/d", makes_parents=False)
    assert (await mkdir(stage, "/bucket")).is_directory
    with pytest.raises(AccessDenied):
        await mkdir(stage, "/")


async def test_a_link_says_its_target_and_is_altered_itself(stage):
    status = await stage.tree.make_symlink(stage.caller(), "/bucket/l", "../x/é")
    assert (status.kind, status.symlink, status.length) == (Kind.SYMLINK, "../x/é", 7)
    found = await stage.tree.status(stage.caller(), "/bucket/l")
    assert (found.kind, found.symlink, found.mode) == (Kind.SYMLINK, "../x/é", 0o777)
    await stage.tree.set_attributes(stage.caller(), "/bucket/l", Changes(owner="bob"))
    found = await stage.tree.status(stage.caller(), "/bucket/l")
    assert (found.kind, found.symlink, found.owner) == (Kind.SYMLINK, "../x/é", "bob")
    with pytest.raises(FileConflict):
        await stage.tree.make_symlink(stage.caller(), "/bucket/l", "y")
    with pytest.raises(NotFound):
        await stage.tree.make_symlink(stage.caller(), "/bucket/absent/l", "y")
    for target in ("", "a\0b", "x" * 4097):
        with pytest.raises(InvalidRequest):
            await stage.tree.make_symlink(stage.caller(), "/bucket/m", target)


async def test_who_may_not_write_alters_nothing(stage):
    stage.put("f", b"x")
    stage.put("d/x", b"x")
    reader = [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}]
    caller = stage.caller(policy=reader)
    for path in ("/bucket/f", "/bucket/d"):
        with pytest.raises(AccessDenied):
            await stage.tree.set_attributes(caller, path, Changes(mode=0o600))
    with pytest.raises(AccessDenied):
        await stage.tree.make_symlink(caller, "/bucket/l", "x")
    with pytest.raises(AccessDenied):
        await stage.tree.make_directory(
            caller, "/bucket/e", PLAIN, makes_parents=True, may_exist=True
        )
