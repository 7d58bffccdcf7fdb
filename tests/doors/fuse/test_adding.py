"""A large file that is only added to: its old bytes stay at the origin, what is new is sent."""

import errno
import os
import random
from typing import Any

import pytest

from gateway.doors.fuse import contents, sending
from gateway.doors.fuse.room import Room
from gateway.model.failures import AccessDenied
from tests.doors.fuse.conftest import ME, STAGED_BYTES_MAX, lost_to_a_stranger, refused
from tests.doors.fuse.test_writing import FieldsOf, body, closed, opened
from tests.doubles.memory_tree import MemoryTree

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")
OLD = random.Random(1).randbytes(5000)


@pytest.fixture
def ops(room: Room, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module in (contents, sending):
        monkeypatch.setattr(module, "KEPT_BYTES_MIN", 1000)
    monkeypatch.setattr(sending, "AHEAD_BYTES_MIN", 3000)
    return operations.Operations(room)


def asked(tree: MemoryTree, word: str) -> int:
    return tree.asked.count((word, "/a"))


async def resized(ops: Any, inode: int, handle: int, length: int) -> None:
    attributes = pyfuse3.EntryAttributes()
    attributes.st_size = length
    await ops.setattr(inode, attributes, FieldsOf("size"), handle, ME)


async def test_only_what_is_added_is_staged_and_old_and_new_are_read(ops, tree: MemoryTree):
    tree.put("/a", OLD)
    inode, handle = await opened(ops, b"a", os.O_RDWR | os.O_APPEND)
    whole = OLD
    for piece in (b"one", b"two", b"three"):
        await ops.write(handle, 0, piece)
        whole += piece
        assert ops.room.staging.budget.used == len(piece)
        assert (await ops.getattr(inode, ME)).st_size == len(whole)
        assert bytes(await ops.read(handle, 0, 9000)) == whole
        assert bytes(await ops.read(handle, 4990, 9000)) == whole[4990:]
        assert bytes(await ops.read(handle, 5001, 3)) == whole[5001:5004]
        await ops.fsync(handle, datasync=False)
        assert body(tree, "/a") == whole
    assert bytes(await ops.read(handle, 0, 9000)) == whole
    await closed(ops, handle)
    assert (asked(tree, "append"), asked(tree, "close")) == (3, 3)
    assert (await ops.lookup(1, b"a", ME)).st_ino == inode
    assert ops.room.staging.budget.used == 0


async def test_what_an_fsync_has_brought_home_is_not_sent_again(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, os.O_CREAT | os.O_RDWR, ME)
    await ops.write(info.fh, 0, OLD)
    await ops.fsync(info.fh, datasync=False)
    assert asked(tree, "append") == 0
    for at, piece in ((5000, b"added"), (7, b"changed"), (5005, b"added too")):
        await ops.write(info.fh, at, piece)
        await ops.fsync(info.fh, datasync=False)
    assert asked(tree, "append") == 2
    assert ("open", "/a") not in tree.asked
    await closed(ops, info.fh)
    assert body(tree, "/a") == OLD[:7] + b"changed" + OLD[14:] + b"added" + b"added too"


async def test_a_file_larger_than_what_may_be_staged_is_added_to(ops, tree: MemoryTree):
    old = b"x" * (STAGED_BYTES_MAX + 1)
    tree.put("/a", old)
    _, handle = await opened(ops, b"a", os.O_WRONLY | os.O_APPEND)
    added = b""
    for number in range(45):
        piece = bytes([number]) * (1 << 20)
        await ops.write(handle, 0, piece)
        added += piece
        assert ops.room.staging.budget.used <= STAGED_BYTES_MAX
    assert bytes(await ops.read(handle, 7, 9)) == b"x" * 9
    assert await refused(ops.read(handle, len(old), 9)) == errno.EFBIG
    assert await refused(ops.write(await reopened(ops), 0, b"y")) == errno.EFBIG
    await closed(ops, handle)
    assert body(tree, "/a") == old + added


async def reopened(ops: Any) -> int:
    return (await opened(ops, b"a", os.O_RDWR))[1]


@pytest.mark.parametrize("stranger", ["writes", "removes"])
async def test_nothing_is_added_to_what_somebody_else_wrote(ops, tree: MemoryTree, stranger: str):
    tree.put("/a", OLD)
    _, handle = await opened(ops, b"a", os.O_WRONLY | os.O_APPEND)
    await ops.write(handle, 0, b"mine")
    await lost_to_a_stranger(ops, tree, handle, stranger)


async def test_attributes_that_were_set_meanwhile_are_those_it_has_then(ops, tree: MemoryTree):
    tree.put("/a", OLD)
    inode, handle = await opened(ops, b"a", os.O_WRONLY | os.O_APPEND)
    await ops.write(handle, 0, b"new")
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode, attributes.st_mtime_ns = 0o604, 12345
    await ops.setattr(inode, attributes, FieldsOf("mode", "mtime"), handle, ME)
    await ops.fsync(handle, datasync=False)
    status = tree.entries["/a"].status
    assert (status.mode, status.modified_ns) == (0o604, 12345)
    await ops.write(handle, 0, b"newer")
    await closed(ops, handle)
    assert tree.entries["/a"].status.mode == 0o604
    assert tree.entries["/a"].status.modified_ns > 12345
    assert asked(tree, "set_attributes") == 1


async def test_a_file_that_is_added_to_is_read_on_whole_when_its_name_goes(ops, tree: MemoryTree):
    tree.put("/a", OLD)
    tree.keeps_nothing = True
    _, handle = await opened(ops, b"a", os.O_RDWR | os.O_APPEND)
    await ops.write(handle, 0, b"new")
    await ops.unlink(1, b"a", ME)
    assert bytes(await ops.read(handle, 0, 9000)) == OLD + b"new"
    await closed(ops, handle)
    assert "/a" not in tree.entries


@pytest.mark.parametrize("seed", range(6))
async def test_it_is_changed_as_a_file_on_a_disk(ops, tree: MemoryTree, seed: int):
    chance = random.Random(seed)
    model = bytearray(OLD)
    tree.put("/a", OLD)
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    for _ in range(120):
        act = chance.choice(
            ["add", "add", "add", "write", "cut", "read", "fsync", "empty", "chmod"]
        )
        at, piece = chance.randrange(len(model) + 1), chance.randbytes(chance.randrange(1, 1500))
        if act == "add":
            at = len(model) + chance.choice([0, 0, 0, 100])
        if act in {"add", "write"}:
            await ops.write(handle, at, piece)
            model.extend(bytes(max(0, at - len(model))))
            model[at : at + len(piece)] = piece
        elif act == "cut":
            length = chance.choice([at, len(model) + 50])
            await resized(ops, inode, handle, length)
            model = model[:length] + bytes(max(0, length - len(model)))
        elif act == "empty" and chance.random() < 0.2:
            await ops.release((await ops.open(inode, os.O_WRONLY | os.O_TRUNC, ME)).fh)
            model = bytearray()
        elif act == "fsync":
            await ops.fsync(handle, datasync=False)
            assert body(tree, "/a") == model
        elif act == "chmod":
            attributes = pyfuse3.EntryAttributes()
            attributes.st_mode = 0o600
            await ops.setattr(inode, attributes, FieldsOf("mode"), handle, ME)
        assert bytes(await ops.read(handle, at // 2, 20_000)) == model[at // 2 : at // 2 + 20_000]
    await closed(ops, handle)
    assert body(tree, "/a") == model
    assert ops.room.staging.budget.used == 0


async def test_what_was_added_is_not_added_twice_where_attributes_could_not_be_set(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    tree.put("/a", OLD)
    inode, handle = await opened(ops, b"a", os.O_RDWR | os.O_APPEND)
    await ops.write(handle, 0, b"new")
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode = 0o604
    await ops.setattr(inode, attributes, FieldsOf("mode"), handle, ME)

    async def set_attributes(*_: Any, **__: Any) -> None:
        raise AccessDenied("no")

    with monkeypatch.context() as patch:
        patch.setattr(tree, "set_attributes", set_attributes)
        assert await refused(ops.fsync(handle, datasync=False)) == errno.EACCES
    await closed(ops, handle)
    assert body(tree, "/a") == OLD + b"new"
    assert tree.entries["/a"].status.mode == 0o604
