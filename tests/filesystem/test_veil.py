"""What file doors show while something moves: all of it here, then all of it there."""

import asyncio

import pytest

from gateway.demo.origin_faults import Fault, Gate
from gateway.filesystem.journal import Phase
from gateway.model.failures import NotFound
from tests.support.settling import settle_until
from tests.support.trees import running_stage


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as made:
        yield made


def held(stage, is_meant):
    gate = Gate()
    stage.origin.faults.append(lambda call: Fault(hold_call=gate) if is_meant(call) else None)
    return gate


async def names(stage, path):
    page = await stage.tree.children(stage.caller(), path)
    return [entry.base_name for entry in page.entries]


async def is_there(stage, path):
    try:
        await stage.tree.status(stage.caller(), path)
    except NotFound:
        return False
    return True


async def looks(stage):
    """Return what is seen of source and target, by status and by listing, in all ways alike."""
    seen = []
    for name in ("a", "b"):
        by_status = await is_there(stage, f"/bucket/{name}")
        assert by_status == await is_there(stage, f"/bucket/{name}/f0")
        assert by_status == (name in await names(stage, "/bucket"))
        seen.append(by_status)
    return seen


async def test_a_rename_shows_at_its_commit(stage):
    for number in range(4):
        stage.put(f"a/f{number}", b"x")
    stage.put("c", b"neighbour")
    copies = held(stage, lambda call: call.key == "b/f3" and call.method == "PUT")
    deletions = held(stage, lambda call: "delete" in call.query)
    journal = stage.core.moves.journal
    async with asyncio.TaskGroup() as group:
        group.create_task(
            stage.tree.rename(stage.caller(), "/bucket/a", "/bucket/b", replaces=False)
        )
        await copies.wait_arrived()
        await settle_until(lambda: stage.origin.store.get_bucket("bucket").find("b/f0") is not None)
        assert await looks(stage) == [True, False]
        assert await names(stage, "/bucket") == ["a", "c"]
        copies.release()
        await deletions.wait_arrived()
        assert [move.phase for move in journal.moves()] == [Phase.COMMITTED]
        stage.origin.delete("bucket", "a/f1")
        assert await looks(stage) == [False, True]
        assert await names(stage, "/bucket/b") == ["f0", "f1", "f2", "f3"]
        deletions.release()
    assert await looks(stage) == [False, True]


async def test_a_removal_shows_at_once(stage):
    stage.put("a/f0", b"x")
    stage.put("b/f0", b"x")
    deletions = held(stage, lambda call: "delete" in call.query)
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.tree.remove(stage.caller(), "/bucket/a", recursive=True))
        await deletions.wait_arrived()
        assert await looks(stage) == [False, True]
        deletions.release()
    assert await looks(stage) == [False, True]


async def test_a_file_that_is_replaced_is_there_all_the_time(stage):
    stage.put("new", b"new body")
    stage.put("old", b"old")
    copies = held(stage, lambda call: call.key == "old" and call.method == "PUT")
    async with asyncio.TaskGroup() as group:
        group.create_task(
            stage.tree.rename(stage.caller(), "/bucket/new", "/bucket/old", replaces=True)
        )
        await copies.wait_arrived()
        assert (await stage.tree.status(stage.caller(), "/bucket/old")).length == 3
        copies.release()
    assert (await stage.tree.status(stage.caller(), "/bucket/old")).length == 8
    assert await names(stage, "/bucket") == ["old"]


async def test_what_is_hidden_at_the_beginning_of_a_page_hides_nothing_behind_it(stage):
    for name in ("d/a/x", "d/b/x", "d/z"):
        stage.put(name, b"x")
    stage.put("s/x", b"x")
    stage.put("t/x", b"x")
    deletions = held(stage, lambda call: "delete" in call.query)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b"):
            group.create_task(
                stage.tree.remove(stage.caller(), f"/bucket/d/{name}", recursive=True)
            )
        await deletions.wait_arrived(2)
        assert await is_there(stage, "/bucket/d")
        assert await names(stage, "/bucket/d") == ["z"]
        deletions.release()
