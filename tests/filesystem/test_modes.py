"""Modes: every bit of every class, against POSIX; the sticky bit; who may give away."""

from itertools import product

import pytest

from gateway.filesystem.modes import (
    ALTER,
    Asker,
    Permissions,
    ancestors,
    effective,
    may_change_owner,
    may_give,
)

ALICE = Asker("alice", ("staff",))
BOB = Asker("bob", ("staff", "guests"))
CAROL = Asker("carol", ())
CLASSES = {"alice": 6, "bob": 3, "carol": 0}


@pytest.mark.parametrize("mode", range(0o1000))
def test_the_first_class_that_fits_decides_and_no_other(mode):
    judged = Permissions("alice", "staff", mode)
    for asker, wanted in product((ALICE, BOB, CAROL), range(8)):
        bits = mode >> CLASSES[asker.user] & 7
        assert judged.allow(asker, wanted) is (wanted & ~bits == 0)


@pytest.mark.parametrize(
    ("directory", "entry", "asker", "expected"),
    [
        (Permissions("root", "root", 0o777), Permissions("alice", "staff", 0), BOB, True),
        (Permissions("root", "root", 0o1777), Permissions("alice", "staff", 0o777), BOB, False),
        (Permissions("root", "root", 0o1777), Permissions("alice", "staff", 0), ALICE, True),
        (Permissions("bob", "root", 0o1777), Permissions("alice", "staff", 0), BOB, True),
        (Permissions("root", "root", 0o1777), None, BOB, False),
        (Permissions("root", "root", 0o777), None, BOB, True),
        (Permissions("root", "staff", 0o1775), Permissions("bob", "x", 0), BOB, True),
        (Permissions("root", "root", 0o1775), Permissions("bob", "x", 0), BOB, False),
        (Permissions("root", "root", 0o776), Permissions("bob", "x", 0), BOB, False),
    ],
)
def test_a_sticky_directory_lets_go_only_of_ones_own(directory, entry, asker, expected):
    assert directory.allow_removal(asker, entry) is expected
    assert not expected or directory.allow(asker, ALTER)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", ()),
        ("a/", ()),
        ("a/b", ("a/",)),
        ("a/b/", ("a/",)),
        ("a/b/c", ("a/", "a/b/")),
        ("/a", ("/",)),
        ("a//b", ("a/", "a//")),
        ("", ()),
    ],
)
def test_a_key_lies_in_the_directories_of_its_parts(key, expected):
    assert ancestors(key) == expected


def test_a_directory_that_says_nothing_is_judged_as_the_one_it_lies_in():
    root, shared = Permissions("r", "r", 0o755), Permissions("alice", "staff", 0o2775)
    said = {"a/": shared, "a/b/": None}
    assert effective(("a/", "a/b/", "a/b/c/"), said, root) == (root, shared, shared, shared)
    assert effective(("x/",), said, root) == (root, root)


def test_what_somebody_makes_is_theirs_and_their_groups():
    assert may_give(BOB, None, None)
    assert may_give(BOB, "bob", "guests")
    assert not may_give(BOB, "alice", None)
    assert not may_give(BOB, "bob", "wheel")


def test_only_the_group_is_changed_by_the_owner_and_only_to_one_of_theirs():
    bobs = Permissions("bob", "staff", 0o644)
    assert may_change_owner(BOB, bobs, "bob", "guests")
    assert may_change_owner(BOB, bobs, None, "staff")
    assert not may_change_owner(BOB, bobs, "alice", None)
    assert not may_change_owner(BOB, bobs, None, "wheel")
    assert not may_change_owner(ALICE, bobs, None, "guests")
    assert may_change_owner(ALICE, bobs, "bob", "staff")
    assert str(bobs) == "0644 bob:staff"
