"""Files joined, cut and lengthened where they lie: few bytes travel, and no update is lost."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.origin_calls import Call
from gateway.model.failures import FileConflict, InvalidRequest, NotFound, VersionChanged
from tests.support.trees import Stage, running_stage

PART = 5 * 1024 * 1024
BODY = os.urandom(2 * PART + 77)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path) as opened:
        yield opened


def open_uploads(stage: Stage) -> list[str]:
    """The keys of uploads that were neither completed nor aborted."""
    uploads = stage.origin.store.uploads.values()
    return [upload.key for upload in uploads if upload.completed is None]


def stored(stage: Stage, key: str):
    return stage.origin.store.buckets["bucket"].find(key)


@pytest.mark.parametrize(
    "sizes", [(3, 4), (0, 0, 5), (PART, 3, PART), (len(BODY), len(BODY), 10), (10, PART, 1)]
)
async def test_a_concat_is_all_bodies_in_order_and_the_sources_go(stage, sizes):
    for number, size in enumerate(sizes):
        stage.put(f"d/{number}", BODY[:size], mode="0100600", colour="red")
    sources = [f"/bucket/d/{number}" for number in range(1, len(sizes))]
    status = await stage.tree.concat(stage.caller(), "/bucket/d/0", sources)
    assert stage.origin.read("bucket", "d/0") == b"".join(BODY[:size] for size in sizes)
    assert status.length == sum(sizes)
    assert stored(stage, "d/0").headers["x-amz-meta-colour"] == "red"
    page = await stage.tree.children(stage.caller(), "/bucket/d")
    assert [one.path for one in page.entries] == ["/bucket/d/0"]
    assert open_uploads(stage) == []


async def test_a_concat_refuses_what_hdfs_refuses(stage):
    stage.put("d/0", b"0")
    stage.put("d/1", b"1")
    stage.put("d/e/2", b"2")
    for sources in ([], ["/bucket/d/0"], ["/bucket/d/1", "/bucket/d/1"], ["/bucket/d/e/2"]):
        with pytest.raises(InvalidRequest):
            await stage.tree.concat(stage.caller(), "/bucket/d/0", sources)
    with pytest.raises(NotFound):
        await stage.tree.concat(stage.caller(), "/bucket/d/0", ["/bucket/d/1", "/bucket/d/9"])
    with pytest.raises(FileConflict):
        await stage.tree.concat(stage.caller(), "/bucket/d/0", ["/bucket/d/e"])
    assert stage.origin.read("bucket", "d/1") == b"1"


@pytest.mark.parametrize("sources", [["%-0"], ["1", "%-1"]])
async def test_a_concat_takes_no_object_twice_whatever_its_paths(stage, sources):
    stage.put("d/0", b"0")
    stage.put("d/1", b"1")
    with pytest.raises(InvalidRequest):
        await stage.tree.concat(
            stage.caller(), "/bucket/d/0", [f"/bucket/d/{name}" for name in sources]
        )
    assert stage.origin.read("bucket", "d/0") == b"0"
    assert stage.origin.read("bucket", "d/1") == b"1"


async def test_a_concat_loses_to_a_write_to_any_of_its_files(stage):
    for raced in ("d/0", "d/1"):
        stage.put("d/0", BODY[:PART])
        stage.put("d/1", BODY[:PART])
        stage.origin.faults[:] = [_writes_once(stage, raced)]
        with pytest.raises(VersionChanged):
            await stage.tree.concat(stage.caller(), "/bucket/d/0", ["/bucket/d/1"])
        assert stage.origin.read("bucket", raced) == b"theirs"
        assert stage.origin.read("bucket", "d/1")
        assert open_uploads(stage) == []


@pytest.mark.parametrize("size", [0, 10, PART, len(BODY)])
@pytest.mark.parametrize("length", [0, 7, PART - 1, PART, PART + 1, len(BODY) + 10])
async def test_a_truncated_file_has_its_first_bytes_or_zeros_behind(stage, size, length):
    stage.put("f", BODY[:size], mode="0100600", colour="red")
    stage.reset()
    status = await stage.tree.truncate(stage.caller(), "/bucket/f", length)
    assert status.length == length
    assert stage.origin.read("bucket", "f") == BODY[:size][:length].ljust(length, b"\0")
    assert stored(stage, "f").headers["x-amz-meta-colour"] == "red"
    assert stage.origin.counters.body_bytes_sent < PART


async def test_a_truncate_loses_to_a_write(stage):
    for size in (10, len(BODY)):
        stage.put("f", BODY[:size])
        stage.origin.faults[:] = [_writes_once(stage, "f")]
        with pytest.raises(VersionChanged):
            await stage.tree.truncate(stage.caller(), "/bucket/f", 5)
        assert stage.origin.read("bucket", "f") == b"theirs"


async def test_a_link_is_no_file_to_be_changed(stage):
    """The tree machine cut one: its target would have been another."""
    await stage.tree.make_symlink(stage.caller(), "/bucket/l", "target")
    stage.put("f", b"x")
    for act in (
        lambda: stage.tree.append(stage.caller(), "/bucket/l"),
        lambda: stage.tree.truncate(stage.caller(), "/bucket/l", 1),
        lambda: stage.tree.concat(stage.caller(), "/bucket/l", ["/bucket/f"]),
        lambda: stage.tree.concat(stage.caller(), "/bucket/f", ["/bucket/l"]),
    ):
        with pytest.raises(InvalidRequest):
            await act()
    assert stage.origin.read("bucket", "l") == b"target"


def _writes_once(stage: Stage, key: str):
    """Have somebody write the key as soon as it was looked at to be changed."""
    left = [True]

    def hook(call: Call) -> None:
        is_changing = call.method == "PUT" or call.operation == "CreateMultipartUpload"
        if (is_changing or call.method == "GET") and call.key and left:
            left.pop()
            stage.put(key, b"theirs")

    return hook
