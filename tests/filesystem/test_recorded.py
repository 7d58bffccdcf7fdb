"""Snapshots as directories: what was recorded, whatever came after; judged as their source."""

from contextlib import closing

import pytest

from gateway.filesystem.status import NewAttributes, Summary
from gateway.model.failures import AccessDenied, Failure, NotFound, NotSupported
from gateway.model.ranges import ByteRange
from tests.support.snapshot_taker import Taker
from tests.support.trees import running_stage

WHOLE = ByteRange(0, 1 << 20)
OF_SOURCE = [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "bucket"},
]
OF_NAME = [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "snap-1/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "snap-1"},
]


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as stage:
        for key in ("a", "a!", "a/b", "d/", "d/e/f"):
            stage.put(key, key.encode() * (key[-1] != "/"), mode="0100640")
        yield stage


@pytest.fixture
async def taker(stage):
    taker = Taker(stage)
    with closing(taker.snapshots):
        yield taker


async def test_a_snapshot_is_a_directory_of_what_was_recorded(stage, taker):
    name = await taker.take("")
    stage.put("new", b"x")
    names, after = [], ""
    while after is not None:
        page = await stage.tree.children(stage.caller(), f"/{name}", after, 2)
        names += [(one.base_name, one.is_directory, one.length) for one in page.entries]
        after = page.after
    assert names == [("%-a", False, 1), ("a", True, 0), ("a!", False, 2), ("d", True, 0)]
    assert await stage.tree.summary(stage.caller(), f"/{name}") == Summary(4, 4, 11)
    status = await stage.tree.status(stage.caller(), f"/{name}/a/b")
    assert (status.length, status.mode) == (3, 0o640)
    with pytest.raises(NotFound):
        await stage.tree.status(stage.caller(), f"/{name}/new")
    root = await stage.tree.children(stage.caller(), "/")
    assert name in [one.base_name for one in root.entries]


async def test_a_recorded_version_is_read_or_it_is_said_that_it_is_gone(stage, taker):
    name = await taker.take("")
    file = await stage.tree.open(stage.caller(), f"/{name}/d/e/f", WHOLE)
    assert await file.read(WHOLE) == b"d/e/f"
    stage.put("a/b", b"another", modified=None)
    with pytest.raises(Failure) as gone:
        await stage.tree.open(stage.caller(), f"/{name}/a/b", WHOLE)
    assert gone.value.code == "PreconditionFailed"


async def test_a_snapshot_is_judged_as_its_source(stage, taker):
    name = await taker.take("")
    stage.reset()
    for path in (f"/{name}", f"/{name}/a/b", f"/{name}/none"):
        with pytest.raises(AccessDenied):
            await stage.tree.status(stage.caller(policy=OF_NAME), path)
    assert stage.asked() == {}
    found = await stage.tree.status(stage.caller(policy=OF_SOURCE), f"/{name}/a/b")
    assert found.length == 3


async def test_nothing_changes_a_snapshot_and_one_that_expired_is_gone(stage, taker):
    name = await taker.take("", seconds=100)
    stage.reset()
    for path in (f"/{name}/x", f"/{name}/a/b"):
        with pytest.raises(NotSupported):
            await stage.tree.create(stage.caller(), path, NewAttributes(), overwrite=True)
    with pytest.raises(NotSupported):
        await stage.tree.remove(stage.caller(), f"/{name}/a/b", recursive=False)
    assert "PutObject" not in stage.asked()
    assert "DeleteObject" not in stage.asked()
    stage.clock.ahead_seconds = 200
    for path in (f"/{name}", f"/{name}/a/b"):
        with pytest.raises(NotFound):
            await stage.tree.status(stage.caller(), path)
    with pytest.raises(AccessDenied):
        await stage.tree.status(stage.caller(policy=OF_NAME), f"/{name}")
