"""Inodes: one for each version of a file, kept while the kernel or an open file holds them."""

from types import SimpleNamespace

import pytest

from gateway.doors.fuse.inodes import Inodes, Node
from gateway.filesystem.status import Kind, Status
from gateway.model.versions import Version


def file(etag: str, path: str = "/a") -> Status:
    return Status(path, Kind.FILE, 1, version=Version(f'"{etag}"', 1, "then"))


def directory(path: str = "/d") -> Status:
    return Status(path, Kind.DIRECTORY)


@pytest.fixture
def inodes() -> Inodes:
    return Inodes("/", directory("/"))


def known(inodes: Inodes, name: str, status: Status) -> Node:
    node = inodes.seen(inodes.root, name, status)
    inodes.told(node)
    return node


def test_one_version_keeps_its_inode_and_another_gets_another(inodes):
    first = known(inodes, "a", file("1"))
    assert known(inodes, "a", file("1")) is first
    second = known(inodes, "a", file("2"))
    assert second.number != first.number
    assert first.is_gone
    assert not second.is_gone
    assert inodes.get(first.number) is first


def test_a_directory_keeps_its_inode_whatever_its_time(inodes):
    node = known(inodes, "d", directory())
    assert known(inodes, "d", Status("/d", Kind.DIRECTORY, modified_ns=5)) is node


def test_what_was_forgotten_as_often_as_told_is_gone(inodes):
    node = known(inodes, "a", file("1"))
    known(inodes, "a", file("1"))
    inodes.forget([(node.number, 1)])
    assert inodes.get(node.number) is node
    inodes.forget([(node.number, 1)])
    assert len(inodes) == 1
    assert inodes.find_child(inodes.root, "a") is None
    with pytest.raises(KeyError):
        inodes.get(node.number)


def test_an_open_file_is_kept_though_the_kernel_forgot_it(inodes):
    node = known(inodes, "a", file("1"))
    node.contents = SimpleNamespace()
    inodes.forget([(node.number, 1)])
    assert inodes.get(node.number) is node
    node.contents = None
    inodes.drop_unused(node)
    assert len(inodes) == 1


def test_paths_follow_a_moved_directory(inodes):
    above = known(inodes, "d", directory())
    below = inodes.seen(above, "a", file("1", "/d/a"))
    assert inodes.path_of(below) == "/d/a"
    inodes.move(above, inodes.root, "e")
    assert inodes.path_of(below) == "/e/a"
    assert inodes.find_child(inodes.root, "d") is None
    assert [one.number for one in inodes.below(above)] == [above.number, below.number]


def test_the_root_is_never_forgotten(inodes):
    inodes.forget([(1, 99)])
    assert inodes.get(1) is inodes.root
    assert inodes.path_of(inodes.root) == "/"


def test_a_directory_that_is_detached_takes_what_is_below_along(inodes):
    above = known(inodes, "d", directory())
    below = inodes.seen(above, "a", file("1", "/d/a"))
    inodes.told(below)
    inodes.detach(above)
    assert above.is_gone
    assert below.is_gone
