"""Beside strangers, who write to the same files: nothing of theirs is written over unseen."""

import errno
import os
from dataclasses import replace
from typing import Any

import pytest

from gateway.doors.fuse.room import Room
from gateway.filesystem.status import NewAttributes
from tests.doors.fuse.conftest import ME, lost_to_a_stranger, refused
from tests.doors.fuse.test_writing import NEW, FieldsOf, body, closed, opened
from tests.doubles.memory_tree import MemoryTree

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")


@pytest.fixture
def ops(room: Room) -> Any:
    return operations.Operations(room)


async def test_what_the_origin_cannot_keep_from_being_lost_is_refused_at_the_first_change(
    ops, tree: MemoryTree
):
    tree.put("/a", b"old")
    tree.entries["/a"].status = replace(tree.entries["/a"].status, version=None, etag="")
    _, handle = await opened(ops, b"a", os.O_RDWR)
    assert await refused(ops.write(handle, 0, b"x")) == errno.ENOTSUP
    assert bytes(await ops.read(handle, 0, 9)) == b"old"
    await closed(ops, handle)
    _, handle = await opened(ops, b"a", os.O_WRONLY | os.O_TRUNC)
    await ops.write(handle, 0, b"new")
    await closed(ops, handle)
    assert body(tree, "/a") == b"new"


async def test_writing_to_what_somebody_else_replaced_is_stale(ops, tree: MemoryTree):
    tree.put("/a", b"old")
    _, handle = await opened(ops, b"a", os.O_WRONLY)
    ops.room.node(ops.handles.get(handle).contents.node.number).contents.source = None
    tree.put("/a", b"theirs")
    assert await refused(ops.write(handle, 0, b"x")) == errno.ESTALE
    await closed(ops, handle)
    assert body(tree, "/a") == b"theirs"


@pytest.mark.parametrize("stranger", ["writes", "removes"])
async def test_what_somebody_else_wrote_before_close_is_not_written_over(
    ops, tree: MemoryTree, stranger: str
):
    tree.put("/a", b"old")
    before, handle = await opened(ops, b"a", os.O_RDWR)
    await ops.write(handle, 0, b"OLD")
    await lost_to_a_stranger(ops, tree, handle, stranger)
    if stranger == "writes":
        assert (await ops.lookup(1, b"a", ME)).st_ino != before


async def test_after_an_fsync_the_version_it_made_is_what_the_next_one_replaces(
    ops, tree: MemoryTree
):
    for name in (b"new", b"old"):
        tree.put("/old", b"old")
        path = f"/{name.decode()}"
        if name == b"new":
            handle = (await ops.create(1, name, 0o600, NEW, ME))[0].fh
        else:
            _, handle = await opened(ops, name, os.O_RDWR)
        for piece in (b"1", b"2"):
            await ops.write(handle, 0, piece)
            await ops.fsync(handle, datasync=False)
            assert body(tree, path)[:1] == piece
        tree.put(path, b"theirs")
        await ops.write(handle, 0, b"3")
        assert await refused(ops.flush(handle)) == errno.ESTALE
        await ops.release(handle)
        assert body(tree, path) == b"theirs"


async def test_what_is_cut_to_nothing_builds_on_what_was_read_and_what_is_opened_so_does_not(
    ops, tree: MemoryTree
):
    tree.put("/a", b"old")
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    attributes = pyfuse3.EntryAttributes()
    attributes.st_size = 0
    await ops.setattr(inode, attributes, FieldsOf("size"), handle, ME)
    await ops.write(handle, 0, b"made of old")
    tree.put("/a", b"theirs")
    assert await refused(ops.flush(handle)) == errno.ESTALE
    await ops.release(handle)
    assert body(tree, "/a") == b"theirs"
    for is_there in (True, False):
        _, handle = await opened(ops, b"a", os.O_WRONLY | os.O_TRUNC)
        await ops.write(handle, 0, b"made of nothing")
        tree.put("/a", b"theirs")
        if not is_there:
            del tree.entries["/a"]
        await closed(ops, handle)
        assert body(tree, "/a") == b"made of nothing"


async def test_a_change_of_attributes_or_name_between_two_changes_is_no_strangers(
    ops, tree: MemoryTree
):
    tree.put("/a", b"old")
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode = 0o600
    for at, piece in enumerate((b"1", b"2", b"3")):
        await ops.write(handle, at, piece)
        await ops.fsync(handle, datasync=False)
        await ops.setattr(inode, attributes, FieldsOf("mode"), handle, ME)
    await ops.rename(1, b"a", 1, b"b", 0, ME)
    await ops.write(handle, 3, b"4")
    await closed(ops, handle)
    assert body(tree, "/b") == b"1234"


async def test_attributes_are_set_of_the_version_that_is_known_and_of_no_other(
    ops, tree: MemoryTree
):
    tree.put("/a", b"old")
    inode, handle = await opened(ops, b"a", os.O_RDONLY)
    tree.put("/a", b"theirs", NewAttributes(0o604))
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode = 0o600
    assert await refused(ops.setattr(inode, attributes, FieldsOf("mode"), None, ME)) == errno.ESTALE
    await ops.release(handle)
    assert await refused(ops.setattr(inode, attributes, FieldsOf("mode"), None, ME)) == errno.ESTALE
    assert tree.entries["/a"].status.mode == 0o604


async def test_the_kernel_is_told_to_forget_a_name_where_a_call_learns_of_another_version(
    ops, tree: MemoryTree, forgotten: list[tuple[int, bytes]]
):
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode = 0o600
    tree.keeps_nothing = True

    async def set_mode(inode: int) -> None:
        await ops.setattr(inode, attributes, FieldsOf("mode"), None, ME)

    async def read(inode: int) -> None:
        await ops.read(reading, 0, 3)

    async def look(inode: int) -> None:
        await ops.getattr(inode, ME)

    async def open_it(inode: int) -> None:
        ops.room.node(inode).looked_up_at = 0.0
        await ops.open(inode, os.O_RDONLY, ME)

    for call in (set_mode, look, open_it, read):
        tree.put("/a", b"old")
        entry = await ops.lookup(1, b"a", ME)
        if call is read:
            reading = (await ops.open(entry.st_ino, os.O_RDONLY, ME)).fh
        await call(entry.st_ino)
        assert forgotten == []
        tree.put("/a", b"theirs")
        assert await refused(call(entry.st_ino)) == errno.ESTALE
        assert forgotten == [(1, b"a")]
        forgotten.clear()
    await ops.release(reading)


async def test_the_kernel_is_told_to_forget_a_file_that_did_not_come_home(
    ops, tree: MemoryTree, forgotten: list[tuple[int, bytes]]
):
    tree.put("/a", b"old")
    _, handle = await opened(ops, b"a", os.O_RDWR)
    await ops.write(handle, 0, b"mine, and longer")
    tree.put("/a", b"theirs")
    assert await refused(ops.flush(handle)) == errno.ESTALE
    await ops.release(handle)
    assert forgotten == [(1, b"a")]
