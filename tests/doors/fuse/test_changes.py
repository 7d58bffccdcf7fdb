"""Names and attributes: made, taken away, moved and set, with files open meanwhile."""

import errno
import os
import stat
from dataclasses import replace
from typing import Any

import pytest

from gateway.doors.fuse.room import Room
from gateway.filesystem.status import NewAttributes
from tests.doors.fuse.conftest import ME, STAGED_BYTES_MAX, refused
from tests.doors.fuse.test_writing import NEW, FieldsOf, body, closed, opened
from tests.doubles.memory_tree import MemoryTree

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")


@pytest.fixture
def ops(room: Room) -> Any:
    return operations.Operations(room)


async def test_a_directory_is_made_once_and_removed_when_it_is_empty(ops, tree: MemoryTree):
    made = await ops.mkdir(1, b"d", 0o750, ME)
    assert made.st_mode == stat.S_IFDIR | 0o750
    assert tree.entries["/d"].status.owner == "me"
    assert await refused(ops.mkdir(1, b"d", 0o750, ME)) == errno.EEXIST
    tree.put("/d/a", b"1")
    assert await refused(ops.rmdir(1, b"d", ME)) == errno.ENOTEMPTY
    inside = await ops.lookup(made.st_ino, b"a", ME)
    await ops.unlink(made.st_ino, b"a", ME)
    await ops.rmdir(1, b"d", ME)
    assert set(tree.entries) == {"/"}
    assert inside.st_ino != made.st_ino


async def test_a_file_that_is_only_here_keeps_its_directory(ops, tree: MemoryTree):
    made = await ops.mkdir(1, b"d", 0o750, ME)
    info, _ = await ops.create(made.st_ino, b"a", 0o600, NEW, ME)
    assert await refused(ops.rmdir(1, b"d", ME)) == errno.ENOTEMPTY
    await closed(ops, info.fh)
    assert "/d/a" in tree.entries


async def test_nothing_is_made_in_a_directory_that_was_removed(ops, tree: MemoryTree):
    made = await ops.mkdir(1, b"d", 0o750, ME)
    await ops.rmdir(1, b"d", ME)
    assert await refused(ops.create(made.st_ino, b"a", 0o600, NEW, ME)) == errno.ENOENT
    assert await refused(ops.mkdir(made.st_ino, b"e", 0o700, ME)) == errno.ENOENT


async def test_a_set_group_id_directory_hands_its_group_down(ops, tree: MemoryTree):
    tree.make("/d", 0o2775)
    tree.entries["/d"].status = tree.entries["/d"].status.__class__(
        "/d", tree.entries["/d"].status.kind, mode=0o2775, group="team"
    )
    entry = await ops.lookup(1, b"d", ME)
    info, _ = await ops.create(entry.st_ino, b"a", 0o600, NEW, ME)
    await closed(ops, info.fh)
    await ops.mkdir(entry.st_ino, b"e", 0o755, ME)
    assert tree.entries["/d/a"].status.group == "team"
    assert tree.entries["/d/e"].status.mode == 0o2755


async def test_a_link_shows_its_target_and_a_hard_one_is_refused(ops, tree: MemoryTree):
    made = await ops.symlink(1, b"s", "ziel/ü".encode(), ME)
    assert stat.S_ISLNK(made.st_mode)
    assert await ops.readlink(made.st_ino, ME) == "ziel/ü".encode()
    assert await refused(ops.link(made.st_ino, 1, b"t", ME)) == errno.EPERM


async def test_a_node_is_an_empty_file_a_pipe_a_socket_or_a_device(ops, tree: MemoryTree):
    device = os.makedev(8, 300)
    for kind in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK):
        name = f"{kind:o}"
        made = await ops.mknod(1, name.encode(), kind | 0o640, device, ME)
        found = await ops.lookup(1, name.encode(), ME)
        assert (made.st_mode, found.st_mode) == (kind | 0o640, kind | 0o640)
        assert found.st_rdev == (0 if kind == stat.S_IFREG else device)
        assert body(tree, f"/{name}") == b""


async def test_an_unlinked_file_is_read_and_written_on_and_goes_with_its_last_handle(
    ops, tree: MemoryTree
):
    tree.put("/a", b"0123456789")
    tree.keeps_nothing = True
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    await ops.unlink(1, b"a", ME)
    assert "/a" not in tree.entries
    assert bytes(await ops.read(handle, 0, 10)) == b"0123456789"
    await ops.write(handle, 0, b"x")
    assert bytes(await ops.read(handle, 0, 3)) == b"x12"
    assert (await ops.getattr(inode, ME)).st_nlink == 0
    await closed(ops, handle)
    assert "/a" not in tree.entries
    assert ops.room.staging.budget.used == 0


@pytest.mark.parametrize("how", ["unlink", "rename"])
@pytest.mark.parametrize("is_on_flash", [True, False])
async def test_a_name_is_taken_from_a_file_too_large_to_be_kept_and_flash_alone_has_it_then(
    ops, tree: MemoryTree, how: str, *, is_on_flash: bool
):
    tree.put("/a", b"x" * (STAGED_BYTES_MAX + 1))
    tree.put("/b", b"new")
    tree.keeps_nothing = not is_on_flash
    _, handle = await opened(ops, b"a", os.O_RDWR)
    if how == "unlink":
        await ops.unlink(1, b"a", ME)
        assert "/a" not in tree.entries
    else:
        await ops.rename(1, b"b", 1, b"a", 0, ME)
        assert body(tree, "/a") == b"new"
    if is_on_flash:
        assert bytes(await ops.read(handle, STAGED_BYTES_MAX - 1, 9)) == b"xx"
        assert await refused(ops.write(handle, 0, b"y")) == errno.ENOSPC
    else:
        assert await refused(ops.read(handle, 0, 9)) == errno.ESTALE
    await closed(ops, handle)
    assert tree.entries.get("/a") is None or body(tree, "/a") == b"new"
    assert ops.room.staging.budget.used == 0


async def test_a_new_file_that_is_unlinked_before_it_is_closed_never_appears(ops, tree: MemoryTree):
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    await ops.write(info.fh, 0, b"x")
    await ops.unlink(1, b"a", ME)
    await closed(ops, info.fh)
    assert "/a" not in tree.entries
    assert ("close", "/a") not in tree.asked


async def test_what_somebody_else_removed_is_enoent(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    await ops.lookup(1, b"a", ME)
    del tree.entries["/a"]
    assert await refused(ops.unlink(1, b"a", ME)) == errno.ENOENT


async def test_a_rename_keeps_the_inode_and_what_is_open(ops, tree: MemoryTree):
    tree.put("/a", b"123")
    inode, handle = await opened(ops, b"a", os.O_RDWR)
    await ops.rename(1, b"a", 1, b"b", 0, ME)
    assert (await ops.lookup(1, b"b", ME)).st_ino == inode
    assert bytes(await ops.read(handle, 0, 9)) == b"123"
    await ops.write(handle, 3, b"4")
    await closed(ops, handle)
    assert body(tree, "/b") == b"1234"
    assert "/a" not in tree.entries


async def test_what_is_being_written_comes_home_before_it_is_moved(ops, tree: MemoryTree):
    made = await ops.mkdir(1, b"d", 0o755, ME)
    info, _ = await ops.create(made.st_ino, b"a", 0o600, NEW, ME)
    await ops.write(info.fh, 0, b"one")
    await ops.rename(1, b"d", 1, b"e", 0, ME)
    assert body(tree, "/e/a") == b"one"
    await ops.write(info.fh, 3, b" two")
    await closed(ops, info.fh)
    assert body(tree, "/e/a") == b"one two"
    assert "/d/a" not in tree.entries


async def test_a_file_that_is_renamed_over_is_read_on_by_who_has_it_open(ops, tree: MemoryTree):
    tree.put("/a", b"new")
    tree.put("/b", b"old")
    tree.keeps_nothing = True
    _, handle = await opened(ops, b"b", os.O_RDONLY)
    moved = await ops.lookup(1, b"a", ME)
    await ops.rename(1, b"a", 1, b"b", 0, ME)
    assert bytes(await ops.read(handle, 0, 9)) == b"old"
    assert (await ops.lookup(1, b"b", ME)).st_ino == moved.st_ino
    assert body(tree, "/b") == b"new"
    await ops.release(handle)


async def test_rename_flags_are_kept_or_refused(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    tree.put("/b", b"2")
    no_replace, exchange = pyfuse3.RENAME_NOREPLACE, pyfuse3.RENAME_EXCHANGE
    assert await refused(ops.rename(1, b"a", 1, b"b", no_replace, ME)) == errno.EEXIST
    assert await refused(ops.rename(1, b"a", 1, b"b", exchange, ME)) == errno.EINVAL
    info, _ = await ops.create(1, b"c", 0o600, NEW, ME)
    assert await refused(ops.rename(1, b"a", 1, b"c", no_replace, ME)) == errno.EEXIST
    await closed(ops, info.fh)
    assert (body(tree, "/a"), body(tree, "/b")) == (b"1", b"2")


async def test_modes_owners_and_times_are_set_and_shown(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    wanted = pyfuse3.EntryAttributes()
    wanted.st_mode, wanted.st_uid, wanted.st_gid = 0o4711, ME.uid, ME.gid
    wanted.st_mtime_ns, wanted.st_atime_ns = 111, 222
    fields = FieldsOf("mode", "uid", "gid", "mtime", "atime")
    shown = await ops.setattr(entry.st_ino, wanted, fields, None, ME)
    status = tree.entries["/a"].status
    assert (status.mode, status.owner, status.group) == (0o4711, "me", "us")
    assert (status.modified_ns, status.accessed_ns) == (111, 222)
    assert (shown.st_mode, shown.st_uid) == (stat.S_IFREG | 0o4711, ME.uid)


async def test_xattrs_are_set_and_removed(ops, tree: MemoryTree):
    tree.put("/a", b"1", NewAttributes(xattrs={"user.old": b"1"}))
    entry = await ops.lookup(1, b"a", ME)
    await ops.setxattr(entry.st_ino, b"user.new", b"\0\1", ME)
    await ops.removexattr(entry.st_ino, b"user.old", ME)
    assert dict(tree.entries["/a"].status.xattrs) == {"user.new": b"\0\1"}
    assert await refused(ops.removexattr(entry.st_ino, b"user.old", ME)) == errno.ENODATA
    assert await refused(ops.setxattr(entry.st_ino, b"trusted.x", b"1", ME)) == errno.ENOTSUP


async def test_what_is_made_here_is_listed_with_the_others(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    names: list[str] = []

    def reply(_token: Any, name: bytes, _entry: Any, _place: int) -> bool:
        names.append(name.decode())
        return True

    monkeypatch.setattr(pyfuse3, "readdir_reply", reply)
    tree.put("/b", b"1")
    info, _ = await ops.create(1, b"a", 0o600, NEW, ME)
    handle = await ops.opendir(1, ME)
    await ops.readdir(handle, 0, None)
    assert names == [".", "..", "b", "a"]
    await closed(ops, info.fh)
    names.clear()
    await ops.readdir(handle, 0, None)
    assert names == [".", "..", "a", "b"]


async def test_a_directory_is_as_young_as_its_newest_name_until_its_time_is_set(ops, tree):
    made = await ops.mkdir(1, b"d", 0o750, ME)
    number = made.st_ino

    async def moment() -> int:
        told = await ops.getattr(number, ME)
        assert told.st_ctime_ns >= told.st_mtime_ns
        return int(told.st_mtime_ns)

    moments = [made.st_mtime_ns]
    info, _ = await ops.create(number, b"a", 0o600, NEW, ME)
    moments.append(await moment())
    await closed(ops, info.fh)
    for call in (
        lambda: ops.mkdir(number, b"e", 0o700, ME),
        lambda: ops.symlink(number, b"s", b"a", ME),
        lambda: ops.mknod(number, b"m", stat.S_IFREG | 0o600, 0, ME),
        lambda: ops.rename(number, b"a", number, b"b", 0, ME),
        lambda: ops.unlink(number, b"b", ME),
        lambda: ops.rmdir(number, b"e", ME),
    ):
        await call()
        moments.append(await moment())
    assert moments == sorted(set(moments))
    wanted = pyfuse3.EntryAttributes()
    wanted.st_mtime_ns = 5
    await ops.setattr(number, wanted, FieldsOf("mtime"), None, ME)
    told = await ops.getattr(number, ME)
    assert told.st_mtime_ns == 5


async def test_the_change_of_a_file_is_told_by_the_origin_to_the_second(ops, tree: MemoryTree):
    second = 1_700_000_000 * 10**9
    for modified_ns, shown in (
        (second + 7, second + 7),  # written in that second: nobody knows better
        (second - 1, second),
        (second + 10**9, second),
    ):
        tree.put("/a", b"1", NewAttributes(modified_ns=modified_ns))
        entry = tree.entries["/a"]
        entry.status = replace(entry.status, changed_ns=second)
        told = await ops.lookup(1, b"a", ME)
        assert (told.st_mtime_ns, told.st_ctime_ns) == (modified_ns, shown)
