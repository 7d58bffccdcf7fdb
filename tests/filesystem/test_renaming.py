"""Renames and removals by path: what stands there decides, and the caller's policy on every key."""

import pytest

from gateway.filesystem.status import Kind, NewAttributes
from gateway.model.failures import AccessDenied, FileConflict, InvalidRequest, NotFound
from tests.support.trees import running_stage


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as made:
        yield made


def keys(stage, bucket="bucket"):
    held = stage.origin.store.get_bucket(bucket)
    return [key for key in held.keys if held.is_visible(key)]


async def rename(stage, source, target, *, replaces=False, **who):
    await stage.tree.rename(
        stage.caller(**who), f"/bucket/{source}", f"/bucket/{target}", replaces=replaces
    )


async def test_a_directory_takes_all_under_it_along_and_its_parent_stays(stage):
    stage.put("p/d/f", b"body", mode="0100600", owner="me")
    stage.put("p/d/sub/", mode="0040700")
    stage.put("p/d/sub//..", b"odd")
    stage.put("q/", b"")
    await rename(stage, "p/d", "q/e")
    assert keys(stage) == ["p/", "q/", "q/e/f", "q/e/sub/", "q/e/sub//.."]
    moved = await stage.tree.status(stage.caller(), "/bucket/q/e/f")
    assert (moved.mode, moved.owner, moved.length) == (0o600, "me", 4)
    assert (await stage.tree.status(stage.caller(), "/bucket/p")).kind is Kind.DIRECTORY
    with pytest.raises(NotFound):
        await stage.tree.status(stage.caller(), "/bucket/p/d")


async def test_a_parent_that_keeps_a_child_gets_no_marker(stage):
    stage.put("p/a", b"")
    stage.put("p/b", b"")
    stage.put("p/c", b"")
    await rename(stage, "p/a", "p/d")
    await rename(stage, "p/b", "x")
    assert keys(stage) == ["p/c", "p/d", "x"]


async def test_a_key_that_is_also_a_directory_moves_without_it(stage):
    stage.put("a", b"file")
    stage.put("a/b", b"child")
    await rename(stage, "%-a", "c")
    assert keys(stage) == ["a/b", "c"]
    stage.put("a", b"file")
    await rename(stage, "a", "d")
    assert keys(stage) == ["a", "c", "d/b"]


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("absent", "x", "NoSuchKey"),
        ("f", "absent/x", "NoSuchKey"),
        ("f", "g/x", "NotADirectory"),
        ("f", "g", "FileExists"),
        ("d", "e", "FileExists"),
        ("d", "d/x", "InvalidRequest"),
        ("d", "d", "InvalidRequest"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(stage, source, target, code):
    for key in ("f", "g", "d/x", "e/"):
        stage.put(key, b"")
    before = keys(stage)
    with pytest.raises((NotFound, FileConflict, InvalidRequest, AccessDenied)) as told:
        await rename(stage, source, target)
    assert told.value.code == code
    assert told.value.message
    assert keys(stage) == before


async def test_nothing_leaves_its_bucket_or_mount(stage):
    stage.put("a/f", b"")
    with pytest.raises(FileConflict) as told:
        await stage.tree.rename(stage.caller(), "/bucket/a", "/other/a", replaces=False)
    assert told.value.code == "CrossDevice"
    tree = stage.tree_of({"/m/one": "s3://bucket/a", "/m/two": "s3://bucket/b"})
    for source, target, code in [
        ("/m/one/f", "/m/two/f", "CrossDevice"),
        ("/m/one", "/m/two/x", "AccessDenied"),
        ("/m", "/m/two/x", "AccessDenied"),
    ]:
        with pytest.raises((FileConflict, AccessDenied)) as told:
            await tree.rename(stage.caller(), source, target, replaces=False)
        assert told.value.code == code


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("f", "d", "IsADirectory"),
        ("d", "f", "NotADirectory"),
        ("e", "d", "DirectoryNotEmpty"),
    ],
)
async def test_only_the_same_kind_is_replaced(stage, source, target, code):
    for key in ("f", "d/x", "e/"):
        stage.put(key, b"")
    with pytest.raises(FileConflict) as told:
        await rename(stage, source, target, replaces=True)
    assert told.value.code == code
    assert keys(stage) == ["d/x", "e/", "f"]


async def test_a_file_and_an_empty_directory_are_replaced(stage):
    stage.put("f", b"new", owner="me")
    stage.put("g", b"old")
    stage.put("d/x", b"x")
    stage.put("e/", b"", owner="before")
    await rename(stage, "f", "g", replaces=True)
    await rename(stage, "d", "e", replaces=True)
    await rename(stage, "g", "g", replaces=True)
    assert keys(stage) == ["e/", "e/x", "g"]
    assert stage.origin.read("bucket", "g") == b"new"


async def test_policies_judge_every_key(stage):
    stage.put("d/open", b"")
    stage.put("d/shut", b"")
    base = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket*"]}
    for action, resource in [
        ("s3:GetObject", "bucket/d/shut"),
        ("s3:DeleteObject", "bucket/d/shut"),
        ("s3:PutObject", "bucket/e/shut"),
    ]:
        deny = {"Effect": "Deny", "Action": action, "Resource": f"arn:aws:s3:::{resource}"}
        policy = {"Version": "2012-10-17", "Statement": [base, deny]}
        with pytest.raises(AccessDenied):
            await rename(stage, "d", "e", policy=policy)
        if action == "s3:DeleteObject":
            with pytest.raises(AccessDenied):
                await stage.tree.remove(stage.caller(policy=policy), "/bucket/d", recursive=True)
    assert keys(stage) == ["d/open", "d/shut"]


async def test_what_is_removed_leaves_its_parent(stage):
    for key in ("p/f", "q/d/x", "q/d/y/z", "r/e/"):
        stage.put(key, b"")
    remove = stage.tree.remove
    assert await remove(stage.caller(), "/bucket/p/f", recursive=False)
    assert not await remove(stage.caller(), "/bucket/p/f", recursive=False)
    with pytest.raises(FileConflict) as told:
        await remove(stage.caller(), "/bucket/q/d", recursive=False)
    assert told.value.code == "DirectoryNotEmpty"
    assert await remove(stage.caller(), "/bucket/q/d", recursive=True)
    assert await remove(stage.caller(), "/bucket/r/e", recursive=False)
    assert keys(stage) == ["p/", "q/", "r/"]
    with pytest.raises(AccessDenied):
        await remove(stage.caller(), "/bucket", recursive=True)


@pytest.mark.parametrize(("source", "target"), [("a", "t"), ("d", "t")])
async def test_of_two_who_rename_to_one_name_the_later_fails(stage, source, target, monkeypatch):
    stage.put("a", b"mine")
    stage.put("d/f", b"mine")
    stage.put("b", b"other")
    stage.put("e/f", b"other")
    moves = stage.tree.renaming.moves
    judged = type(moves)._judged

    async def overtaken(self, move, wish):
        found = await judged(self, move, wish)
        if move.source.key.rstrip("/") == source:
            await rename(stage, {"a": "b", "d": "e"}[source], target)
        return found

    monkeypatch.setattr(type(moves), "_judged", overtaken)
    with pytest.raises(FileConflict) as conflict:
        await rename(stage, source, target)
    assert conflict.value.code == "FileExists"
    moved = {"a": "t", "d": "t/f"}[source]
    assert stage.origin.read("bucket", moved) == b"other"
    assert stage.origin.read("bucket", {"a": "a", "d": "d/f"}[source]) == b"mine"
    assert moves.journal.moves() == []


async def test_no_directory_is_made_by_the_name_of_an_object_alone(stage):
    stage.put("d/f", b"x")
    with pytest.raises(InvalidRequest):
        await rename(stage, "d", "%-e")
    with pytest.raises(InvalidRequest):
        await stage.tree.make_directory(
            stage.caller(), "/bucket/%-e", NewAttributes(), makes_parents=True, may_exist=True
        )
    assert keys(stage) == ["d/f"]
