"""Writing: one staged copy for all handles, at the origin once it is closed, or not at all."""

import errno
import os
import random
from time import time_ns
from typing import Any

import pytest

from gateway.doors.fuse import contents, sending
from gateway.doors.fuse.room import Room
from gateway.filesystem.status import NewAttributes
from gateway.model.failures import AccessDenied
from tests.doors.fuse.conftest import ME, STAGED_BYTES_MAX, refused
from tests.doubles.memory_tree import MemoryTree

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")

NEW = os.O_CREAT | os.O_WRONLY
MIB = 1 << 20


@pytest.fixture
def ops(room: Room) -> Any:
    return operations.Operations(room)


async def opened(ops: Any, name: bytes, flags: int) -> tuple[int, int]:
    entry = await ops.lookup(1, name, ME)
    return entry.st_ino, (await ops.open(entry.st_ino, flags, ME)).fh


async def closed(ops: Any, handle: int) -> None:
    await ops.flush(handle)
    await ops.release(handle)


def body(tree: MemoryTree, path: str) -> bytes:
    return tree.entries[path].body


async def test_a_new_file_is_seen_here_at_once_and_at_the_origin_when_it_is_closed(
    ops, tree: MemoryTree
):
    info, entry = await ops.create(1, b"a", 0o640, NEW, ME)
    await ops.write(info.fh, 0, b"hello")
    assert "/a" not in tree.entries
    assert (await ops.lookup(1, b"a", ME)).st_size == 5
    assert (await ops.getattr(entry.st_ino, ME)).st_size == 5
    await closed(ops, info.fh)
    status = tree.entries["/a"].status
    assert body(tree, "/a") == b"hello"
    assert (status.mode, status.owner, status.group) == (0o640, "me", "us")
    assert (await ops.lookup(1, b"a", ME)).st_ino == entry.st_ino


async def test_a_small_new_file_costs_one_write_with_the_attributes_it_was_closed_with(
    ops, tree: MemoryTree
):
    info, entry = await ops.create(1, b"a", 0o600, NEW, ME)
    await ops.write(info.fh, 0, b"x")
    attributes = pyfuse3.EntryAttributes()
    attributes.st_mode, attributes.st_mtime_ns = 0o755, 12345
    fields = FieldsOf("mode", "mtime")
    await ops.setattr(entry.st_ino, attributes, fields, info.fh, ME)
    await closed(ops, info.fh)
    status = tree.entries["/a"].status
    assert (status.mode, status.modified_ns) == (0o755, 12345)
    assert ("set_attributes", "/a") not in tree.asked
    assert tree.asked.count(("close", "/a")) == 1


async def test_each_change_within_one_second_makes_a_file_younger(ops, tree: MemoryTree):
    tree.put("/a", b"old", NewAttributes(modified_ns=time_ns()))
    moments = [tree.entries["/a"].status.modified_ns]
    for piece in (b"one", b"two"):
        _, handle = await opened(ops, b"a", os.O_RDWR)
        await ops.write(handle, 0, piece)
        await closed(ops, handle)
        moments.append(tree.entries["/a"].status.modified_ns)
    assert moments == sorted(set(moments))


async def test_a_large_new_file_is_not_written_again_for_the_moment_of_its_last_byte(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "AHEAD_BYTES_MIN", 1000)
    clock = [10 * 10**9]
    for module in (sending, contents):
        monkeypatch.setattr(module, "time_ns", lambda: clock[0])
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    for at in range(3):
        await ops.write(info.fh, at * 1000, bytes(1000))
        clock[0] += 30 * 10**9
    await closed(ops, info.fh)
    assert ("set_attributes", "/a") not in tree.asked
    assert (await ops.lookup(1, b"a", ME)).st_mtime_ns == tree.entries["/a"].status.modified_ns


class FieldsOf:
    """Which attributes are to be set."""

    def __init__(self, *names: str):
        for name in ("mode", "uid", "gid", "atime", "mtime", "ctime", "size"):
            setattr(self, f"update_{name}", name in names)


async def test_who_may_not_write_hears_it_when_it_opens(ops, tree: MemoryTree, monkeypatch):
    async def create(*_: Any, **__: Any) -> None:
        raise AccessDenied("no")

    monkeypatch.setattr(tree, "create", create)
    assert await refused(ops.create(1, b"a", 0o600, NEW, ME)) == errno.EACCES
    assert await refused(ops.lookup(1, b"a", ME)) == errno.ENOENT


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC])
async def test_who_may_not_change_a_file_hears_it_when_it_opens_it(
    ops, tree: MemoryTree, monkeypatch, flags: int
):
    async def create(*_: Any, **__: Any) -> None:
        raise AccessDenied("no")

    tree.put("/a", b"old")
    entry = await ops.lookup(1, b"a", ME)
    monkeypatch.setattr(tree, "create", create)
    assert await refused(ops.open(entry.st_ino, flags, ME)) == errno.EACCES
    handle = (await ops.open(entry.st_ino, os.O_RDONLY, ME)).fh
    assert bytes(await ops.read(handle, 0, 9)) == b"old"
    await ops.release(handle)


async def test_an_error_of_the_origin_is_told_by_close_and_nothing_is_left(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    await ops.write(info.fh, 0, b"x")
    tree.refuses_writes = AccessDenied("no")
    assert await refused(ops.flush(info.fh)) == errno.EACCES
    await ops.release(info.fh)
    tree.refuses_writes = None
    assert "/a" not in tree.entries
    assert await refused(ops.lookup(1, b"a", ME)) == errno.ENOENT
    assert ops.room.staging.budget.used == 0


async def test_a_failed_overwrite_leaves_the_old_file(ops, tree: MemoryTree):
    tree.put("/a", b"old")
    before, handle = await opened(ops, b"a", os.O_WRONLY)
    await ops.write(handle, 0, b"new!")
    tree.refuses_writes = AccessDenied("no")
    assert await refused(ops.fsync(handle, datasync=False)) == errno.EACCES
    await ops.release(handle)
    entry = await ops.lookup(1, b"a", ME)
    assert entry.st_size == 3
    assert entry.st_ino != before
    assert body(tree, "/a") == b"old"


async def test_o_excl_is_judged_at_the_end_too(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW | os.O_EXCL, ME)
    tree.put("/a", b"somebody else's")
    assert await refused(ops.flush(info.fh)) == errno.EEXIST
    await ops.release(info.fh)
    assert body(tree, "/a") == b"somebody else's"


async def test_bytes_in_the_middle_are_changed_and_the_others_stay(ops, tree: MemoryTree):
    tree.put("/a", b"0123456789", NewAttributes(0o604, xattrs={"user.x": b"1"}))
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    await ops.write(handle, 3, b"abc")
    assert bytes(await ops.read(handle, 0, 100)) == b"012abc6789"
    assert body(tree, "/a") == b"0123456789"
    await ops.fsync(handle, datasync=False)
    assert body(tree, "/a") == b"012abc6789"
    await ops.write(handle, 10, b"!")
    await closed(ops, handle)
    assert body(tree, "/a") == b"012abc6789!"
    status = tree.entries["/a"].status
    assert (status.mode, dict(status.xattrs)) == (0o604, {"user.x": b"1"})
    assert (await ops.lookup(1, b"a", ME)).st_ino == inode


async def test_two_handles_share_one_copy_and_o_append_goes_to_its_end(ops, tree: MemoryTree):
    tree.put("/a", b"one\n")
    inode, first = await opened(ops, b"a", os.O_WRONLY | os.O_APPEND)
    second = (await ops.open(inode, os.O_RDWR, ME)).fh
    await ops.write(first, 0, b"two\n")
    await ops.write(second, 0, b"ONE")
    await ops.write(first, 0, b"three\n")
    assert bytes(await ops.read(second, 0, 100)) == b"ONE\ntwo\nthree\n"
    await closed(ops, first)
    await closed(ops, second)
    assert body(tree, "/a") == b"ONE\ntwo\nthree\n"
    assert ops.room.staging.budget.used == 0


async def test_a_reader_goes_on_with_what_was_written_beside_it(ops, tree: MemoryTree):
    tree.put("/a", b"old")
    inode, reading = await opened(ops, b"a", os.O_RDONLY)
    assert bytes(await ops.read(reading, 0, 10)) == b"old"
    writing = (await ops.open(inode, os.O_WRONLY, ME)).fh
    await ops.write(writing, 0, b"newer")
    assert bytes(await ops.read(reading, 0, 10)) == b"newer"
    await closed(ops, writing)
    assert bytes(await ops.read(reading, 0, 10)) == b"newer"
    await ops.release(reading)


async def test_o_trunc_empties_the_file_also_when_nothing_is_written(ops, tree: MemoryTree):
    tree.put("/a", b"old")
    _, handle = await opened(ops, b"a", os.O_WRONLY | os.O_TRUNC)
    assert body(tree, "/a") == b"old"
    await closed(ops, handle)
    assert body(tree, "/a") == b""


@pytest.mark.parametrize("length", [0, 3, 10, 14])
async def test_truncate_by_path_is_done_when_it_returns(ops, tree: MemoryTree, length: int):
    tree.put("/a", b"0123456789")
    entry = await ops.lookup(1, b"a", ME)
    attributes = pyfuse3.EntryAttributes()
    attributes.st_size = length
    shown = await ops.setattr(entry.st_ino, attributes, FieldsOf("size"), None, ME)
    assert shown.st_size == length
    assert body(tree, "/a") == b"0123456789"[:length].ljust(length, b"\0")
    assert ops.room.staging.budget.used == 0


async def test_a_large_file_is_sent_while_it_grows(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    whole = random.Random(1).randbytes(30 * MIB)
    for at in range(0, len(whole), MIB):
        await ops.write(info.fh, at, whole[at : at + MIB])
    assert ops.handles.get(info.fh).contents._sending.sent >= 16 * MIB
    assert bytes(await ops.read(info.fh, 5, 100)) == whole[5:105]
    await closed(ops, info.fh)
    assert body(tree, "/a") == whole
    assert ops.room.staging.budget.used == 0


async def test_a_change_before_what_was_sent_begins_the_upload_anew(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    whole = bytearray(random.Random(1).randbytes(20 * MIB))
    for at in range(0, len(whole), MIB):
        await ops.write(info.fh, at, bytes(whole[at : at + MIB]))
    await ops.write(info.fh, 7, b"changed")
    whole[7:14] = b"changed"
    assert ("abort", "/a") in tree.asked
    await closed(ops, info.fh)
    assert body(tree, "/a") == whole


async def test_a_file_beyond_the_staging_is_written_in_order_and_only_so(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    whole = random.Random(1).randbytes(STAGED_BYTES_MAX + 20 * MIB)
    for at in range(0, len(whole), MIB):
        await ops.write(info.fh, at, whole[at : at + MIB])
        assert ops.room.staging.budget.used <= STAGED_BYTES_MAX
    assert await refused(ops.write(info.fh, 0, b"x")) == errno.EFBIG
    assert await refused(ops.read(info.fh, 0, 1)) == errno.EFBIG
    await closed(ops, info.fh)
    assert body(tree, "/a") == whole


async def test_a_file_that_cannot_be_staged_is_enospc_and_stays_as_it_was(ops, tree: MemoryTree):
    tree.put("/a", b"x" * (STAGED_BYTES_MAX + 1))
    _, handle = await opened(ops, b"a", os.O_RDWR)
    assert await refused(ops.write(handle, 0, b"y")) == errno.ENOSPC
    await closed(ops, handle)
    assert body(tree, "/a")[:1] == b"x"
    assert ops.room.staging.budget.used == 0


async def test_what_is_open_comes_home_when_the_mount_ends(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    await ops.write(info.fh, 0, b"hello")
    await ops.finish()
    assert body(tree, "/a") == b"hello"
    await ops.release(info.fh)


async def test_a_read_only_mount_refuses_every_change(ops, tree: MemoryTree, monkeypatch):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    monkeypatch.setattr(ops.room, "appearance", ReadOnly())
    attributes = pyfuse3.EntryAttributes()
    for call in (
        ops.open(entry.st_ino, os.O_WRONLY, ME),
        ops.create(1, b"b", 0o600, NEW, ME),
        ops.mkdir(1, b"d", 0o700, ME),
        ops.mknod(1, b"m", 0o100600, 0, ME),
        ops.symlink(1, b"s", b"a", ME),
        ops.unlink(1, b"a", ME),
        ops.rmdir(1, b"a", ME),
        ops.rename(1, b"a", 1, b"b", 0, ME),
        ops.link(entry.st_ino, 1, b"l", ME),
        ops.setattr(entry.st_ino, attributes, FieldsOf("mode"), None, ME),
        ops.setxattr(entry.st_ino, b"user.x", b"1", ME),
        ops.removexattr(entry.st_ino, b"user.x", ME),
    ):
        assert await refused(call) == errno.EROFS
    assert set(tree.entries) == {"/", "/a"}


class ReadOnly:
    """How a read-only mount looks."""

    uid = gid = umask = None
    is_read_only = True
