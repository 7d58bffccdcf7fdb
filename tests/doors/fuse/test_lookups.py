"""Lookups: asked for by each call, as long believed as the rule allows, listed by pages."""

import errno
import stat
from typing import Any

import pytest

from gateway.doors.fuse.room import Room
from gateway.filesystem.status import NewAttributes
from gateway.model.rules import Freshness, Mode
from tests.doors.fuse.conftest import ME, refused
from tests.doubles.memory_tree import MemoryTree

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")


@pytest.fixture
def ops(room: Room) -> Any:
    return operations.Operations(room)


class Replies:
    """What readdir_reply was told; it takes `count_max` entries of each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count_max: int = 10_000):
        self.names: list[str] = []
        self.places: list[int] = []
        self.left = self.count_max = count_max
        monkeypatch.setattr(pyfuse3, "readdir_reply", self.reply)

    def reply(self, _token: Any, name: bytes, _entry: Any, place: int) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.names.append(name.decode())
        self.places.append(place)
        return True


async def test_a_lookup_shows_what_the_tree_says(ops, tree: MemoryTree):
    tree.put("/a", b"12345", NewAttributes(0o640, "me", "us", 17, 18))
    entry = await ops.lookup(1, b"a", ME)
    assert entry.st_mode == stat.S_IFREG | 0o640
    assert (entry.st_uid, entry.st_gid) == (ME.uid, ME.gid)
    assert (entry.st_size, entry.st_blocks, entry.st_nlink) == (5, 1, 1)
    assert (entry.st_mtime_ns, entry.st_atime_ns) == (17, 18)


async def test_a_strict_lookup_is_believed_for_no_time_and_asked_again(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    first = await ops.lookup(1, b"a", ME)
    assert first.entry_timeout == 0
    tree.put("/a", b"22")
    second = await ops.lookup(1, b"a", ME)
    assert second.st_size == 2
    assert second.st_ino != first.st_ino


async def test_bounded_is_believed_for_what_is_left_and_immutable_for_a_day(
    ops, tree: MemoryTree, freshness: list[Freshness]
):
    tree.put("/a", b"1")
    freshness[0] = Freshness(Mode.BOUNDED, 30.0)
    assert (await ops.lookup(1, b"a", ME)).entry_timeout == 30.0
    freshness[0] = Freshness(Mode.IMMUTABLE)
    assert (await ops.lookup(1, b"a", ME)).entry_timeout == 86400.0


async def test_what_is_not_there_is_enoent(ops):
    assert await refused(ops.lookup(1, b"none", ME)) == errno.ENOENT


async def test_names_that_cannot_be_are_refused(ops):
    assert await refused(ops.lookup(1, b"x" * 256, ME)) == errno.ENAMETOOLONG
    assert await refused(ops.lookup(1, b"\xff", ME)) == errno.EILSEQ


async def test_dots_are_the_directory_and_its_parent(ops, tree: MemoryTree):
    tree.make("/d")
    inside = await ops.lookup(1, b"d", ME)
    assert (await ops.lookup(inside.st_ino, b".", ME)).st_ino == inside.st_ino
    assert (await ops.lookup(inside.st_ino, b"..", ME)).st_ino == 1


async def test_a_forgotten_inode_is_stale(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    await ops.forget([(entry.st_ino, 1)])
    assert await refused(ops.getattr(entry.st_ino, ME)) == errno.ESTALE


async def test_the_attributes_of_what_was_replaced_are_stale(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    tree.put("/a", b"2")
    assert await refused(ops.getattr(entry.st_ino, ME)) == errno.ESTALE


async def test_an_open_file_keeps_the_attributes_that_it_was_opened_with(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    info = await ops.open(entry.st_ino, 0, ME)
    tree.put("/a", b"22")
    assert (await ops.getattr(entry.st_ino, ME)).st_size == 1
    assert bytes(await ops.read(info.fh, 0, 100)) == b"1"
    await ops.release(info.fh)


async def test_a_directory_is_listed_by_pages_and_each_entry_once(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    names = [f"f{number:04}" for number in range(2500)]
    for name in names:
        tree.put(f"/{name}", b"")
    handle = await ops.opendir(1, ME)
    replies = Replies(monkeypatch, 700)
    place = 0
    while True:
        before = len(replies.names)
        replies.left = replies.count_max
        await ops.readdir(handle, place, None)
        if len(replies.names) == before:
            break
        place = replies.places[-1]
    assert replies.names == [".", "..", *names]
    await ops.releasedir(handle)


async def test_seeking_back_in_a_listing_shows_the_same_place(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    names = [f"f{number:04}" for number in range(2500)]
    for name in names:
        tree.put(f"/{name}", b"")
    handle = await ops.opendir(1, ME)
    replies = Replies(monkeypatch)
    await ops.readdir(handle, 0, None)
    there = replies.places[replies.names.index("f0100")]
    replies.names.clear()
    await ops.readdir(handle, there, None)
    assert replies.names == names[101:]


async def test_a_listing_from_the_start_again_is_a_new_one(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    tree.put("/a", b"")
    handle = await ops.opendir(1, ME)
    replies = Replies(monkeypatch)
    await ops.readdir(handle, 0, None)
    tree.put("/b", b"")
    replies.names.clear()
    await ops.readdir(handle, 0, None)
    assert replies.names == [".", "..", "a", "b"]


async def test_an_open_after_a_listing_asks_anew(
    ops, tree: MemoryTree, monkeypatch: pytest.MonkeyPatch
):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    first = await ops.open(entry.st_ino, 0, ME)
    handle = await ops.opendir(1, ME)
    Replies(monkeypatch)
    await ops.readdir(handle, 0, None)
    tree.put("/a", b"2")
    assert await refused(ops.open(entry.st_ino, 0, ME)) == errno.ESTALE
    await ops.release(first.fh)


async def test_xattrs_are_those_of_the_object_and_system_ones_are_refused(ops, tree: MemoryTree):
    tree.put("/a", b"1", NewAttributes(xattrs={"user.colour": b"red"}))
    entry = await ops.lookup(1, b"a", ME)
    assert await ops.listxattr(entry.st_ino, ME) == [b"user.colour"]
    assert await ops.getxattr(entry.st_ino, b"user.colour", ME) == b"red"
    assert await refused(ops.getxattr(entry.st_ino, b"user.size", ME)) == errno.ENODATA
    assert await refused(ops.getxattr(entry.st_ino, b"security.capability", ME)) == errno.ENODATA
    assert await refused(ops.getxattr(entry.st_ino, b"system.nfs4_acl", ME)) == errno.ENOTSUP


async def test_more_open_files_than_may_be_are_enfile(ops, tree: MemoryTree):
    tree.put("/a", b"1")
    entry = await ops.lookup(1, b"a", ME)
    opened = [await ops.open(entry.st_ino, 0, ME) for _ in range(16)]
    assert await refused(ops.open(entry.st_ino, 0, ME)) == errno.ENFILE
    for one in opened:
        await ops.release(one.fh)
    again = await ops.open(entry.st_ino, 0, ME)
    await ops.release(again.fh)


async def test_a_directory_is_asked_for_once_in_its_time_and_a_file_each_time(ops, room, tree):
    tree.make("/d")
    tree.put("/d/a", b"1")
    directory = await ops.lookup(1, b"d", ME)
    file = await ops.lookup(directory.st_ino, b"a", ME)
    tree.asked.clear()
    await ops.getattr(directory.st_ino, ME)
    assert tree.asked == []
    await ops.getattr(file.st_ino, ME)
    assert tree.asked == [("status", "/d/a")]
    room.inodes.root.children["d"].known_at -= room.believing.directory_seconds
    await ops.getattr(directory.st_ino, ME)
    assert tree.asked[1:] == [("status", "/d")]
