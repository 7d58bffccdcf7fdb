"""What stands at a path: files, directories, links, and what each look costs at the origin."""

import pytest

from gateway.filesystem.status import Kind
from gateway.model.failures import NotFound
from gateway.model.names import ObjectName
from tests.support.trees import LONG_AGO, running_stage

HOUR_NS = 3600 * 10**9


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as stage:
        yield stage


def shown(status):
    return status.path, status.kind, status.length, status.mode, status.owner, status.group


async def test_an_object_is_a_file_with_the_attributes_of_its_metadata(stage):
    stage.put("a/b", b"12345", mode="0100640", owner="alice", group="staff", mtime="7000000001ns")
    status = await stage.tree.status(stage.caller(), "/bucket/a/b")
    assert shown(status) == ("/bucket/a/b", Kind.FILE, 5, 0o640, "alice", "staff")
    assert (status.modified_ns, status.accessed_ns) == (7_000_000_001, 0)
    assert status.name == ObjectName("bucket", "a/b")
    assert status.version.size == 5
    assert status.base_name == "b"
    assert stage.asked() == {"HeadObject": 1, "ListObjectsV2": 1}


async def test_what_has_no_attributes_shows_the_defaults_and_last_modified(stage):
    stage.put("plain", b"x")
    status = await stage.tree.status(stage.caller(), "/bucket/plain")
    assert shown(status) == ("/bucket/plain", Kind.FILE, 1, 0o644, "forebay", "forebay")
    assert status.modified_ns == int(LONG_AGO) * 10**9


async def test_a_common_prefix_is_a_directory_and_a_marker_has_its_attributes(stage):
    stage.put("d/e/f", b"x")
    stage.put("d/m/", mode="0040700", owner="bob", mtime="5ns")
    found = await stage.tree.status(stage.caller(), "/bucket/d/e")
    assert shown(found) == ("/bucket/d/e", Kind.DIRECTORY, 0, 0o755, "forebay", "forebay")
    assert found.name is None
    marked = await stage.tree.status(stage.caller(), "/bucket/d/m")
    assert shown(marked) == ("/bucket/d/m", Kind.DIRECTORY, 0, 0o700, "bob", "forebay")
    assert (marked.modified_ns, marked.name) == (5, ObjectName("bucket", "d/m/"))


async def test_a_directory_beside_an_object_of_its_name_has_the_plain_name(stage):
    stage.put("a", b"object")
    stage.put("a/b", b"x")
    assert (await stage.tree.status(stage.caller(), "/bucket/a")).is_directory
    status = await stage.tree.status(stage.caller(), "/bucket/%-a")
    assert (status.kind, status.length, status.name.key) == (Kind.FILE, 6, "a")


async def test_a_marker_with_bytes_is_a_file_in_its_directory(stage):
    stage.put("x/", b"bytes")
    assert (await stage.tree.status(stage.caller(), "/bucket/x")).is_directory
    status = await stage.tree.status(stage.caller(), "/bucket/x/%-")
    assert (status.kind, status.length, status.name.key) == (Kind.FILE, 5, "x/")
    stage.put("y/")
    with pytest.raises(NotFound):
        await stage.tree.status(stage.caller(), "/bucket/y/%-")


async def test_keys_that_cannot_be_paths_are_there_all_the_same(stage):
    keys = ["//a", "./b", "../c", "long" * 200, "n\0ul", "%-x", "a/%-/b"]
    for key in keys:
        stage.put(key, key.encode())
    table = {
        "/bucket/%-/%-/a": "//a",
        "/bucket/%-%2E/b": "./b",
        "/bucket/%-%2E%2E/c": "../c",
        "/bucket/%-n%00ul": "n\0ul",
        "/bucket/%-%25-x": "%-x",
        "/bucket/a/%-%25-/b": "a/%-/b",
    }
    for path, key in table.items():
        status = await stage.tree.status(stage.caller(), path)
        assert (status.name.key, status.length) == (key, len(key.encode()))
    assert (await stage.tree.status(stage.caller(), "/bucket/%-")).is_directory


async def test_a_part_that_is_too_long_is_found_by_listing(stage):
    long = "long" * 100
    stage.put(f"d/{long}/{long}x", b"12")
    stage.put(f"d/{long}y", b"123")
    children = await stage.tree.children(stage.caller(), "/bucket/d")
    assert [entry.length for entry in children.entries] == [0, 3]
    directory = children.entries[0]
    assert (await stage.tree.status(stage.caller(), directory.path)) == directory
    below = await stage.tree.children(stage.caller(), directory.path)
    status = await stage.tree.status(stage.caller(), below.entries[0].path)
    assert (status.length, status.name.key) == (2, f"d/{long}/{long}x")
    with pytest.raises(NotFound):
        await stage.tree.status(stage.caller(), f"/bucket/d/%-{'long' * 10}~{'0' * 32}")


async def test_a_symbolic_link_is_shown_with_its_target(stage):
    stage.put("link", b"../target", mode="0120777")
    stage.put("wide", b"x" * 5000, mode="0120777")
    status = await stage.tree.status(stage.caller(), "/bucket/link")
    assert (status.kind, status.symlink, status.length) == (Kind.SYMLINK, "../target", 9)
    wide = await stage.tree.status(stage.caller(), "/bucket/wide")
    assert (wide.kind, wide.symlink) == (Kind.FILE, "")


async def test_what_is_not_there_is_not_found(stage):
    for path in ("/bucket/none", "/nobucket", "/nobucket/a", "/bucket/none/deeper"):
        with pytest.raises(NotFound):
            await stage.tree.status(stage.caller(), path)


async def test_the_root_and_buckets_are_directories(stage):
    assert (await stage.tree.status(stage.caller(), "/")).is_directory
    assert stage.asked() == {}
    assert (await stage.tree.status(stage.caller(), "/bucket")).is_directory


async def test_mounts_show_a_part_of_a_bucket(tmp_path):
    async with running_stage(tmp_path, mounts={"/models/prod": "s3://bucket/p"}) as stage:
        stage.put("p/a", b"x")
        stage.put("p/", mode="0040711")
        for path in ("/", "/models"):
            assert (await stage.tree.status(stage.caller(), path)).is_directory
        assert stage.asked() == {}
        assert (await stage.tree.status(stage.caller(), "/models/prod")).mode == 0o711
        assert (await stage.tree.status(stage.caller(), "/models/prod/a")).name.key == "p/a"


@pytest.mark.parametrize(("rule", "asked"), [("immutable", {}), ("exclusive", {}), ("bounded", {})])
async def test_what_is_at_hand_is_shown_unasked_where_its_rule_says_so(stage, rule, asked):
    stage.put(f"{rule}/k", b"x", mode="0100600")
    path = f"/bucket/{rule}/k"
    first = await stage.tree.status(stage.caller(), path)
    stage.reset()
    assert await stage.tree.status(stage.caller(), path) == first
    assert stage.asked() == asked


@pytest.mark.parametrize("rule", ["bypass", "k"])
async def test_what_flash_must_not_keep_is_shown_as_it_is_now(stage, rule):
    stage.put(f"{rule}/k", b"x", mode="0100600")
    path = f"/bucket/{rule}/k"
    await stage.tree.status(stage.caller(), path)
    stage.put(f"{rule}/k", b"xy", mode="0100400")
    status = await stage.tree.status(stage.caller(), path)
    assert (status.length, status.mode) == (2, 0o400)
