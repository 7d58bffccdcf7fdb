"""Keys shown as paths: every key has one path, every path is one key's, nothing is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.filesystem.mounts import Mount, MountTable, Place, VirtualDirectory, read_mount
from gateway.filesystem.paths import (
    PART_BYTES_MAX,
    is_legal,
    join_path,
    read_part,
    shown_directory,
    shown_file,
    shown_part,
    split_path,
)
from gateway.model.failures import InvalidRequest, NotFound

LETTERS = st.sampled_from([*"a.%-~/2E5", "\0", "é", "日", "\U0001f600", " ", "\n", ":"])
TEXTS = st.one_of(
    st.text(LETTERS, max_size=8),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.builds(lambda letter, count: letter * count, LETTERS, st.integers(60, 400)),
    st.sampled_from(["%-", "%-%-", "%-%2E", "%2E", "%-a~" + "0" * 32, "a~" + "0" * 32, ".", ".."]),
)
PARTS = TEXTS.map(lambda text: text.replace("/", "|"))
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@given(KEYS, st.booleans(), KEYS, st.booleans())
@example(one="a", one_is_hidden=True, other="%-a", other_is_hidden=False)
@example(one=".", one_is_hidden=True, other="%2E", other_is_hidden=True)
@example(one="x/", one_is_hidden=True, other="x//", other_is_hidden=False)
@example(one="b" * 254, one_is_hidden=True, other="%-" + "b" * 254, other_is_hidden=False)
def test_no_two_objects_are_shown_alike(one, one_is_hidden, other, other_is_hidden):
    first = shown_file(one, is_hidden=one_is_hidden)
    second = shown_file(other, is_hidden=other_is_hidden)
    assert (first == second) == ((one, one_is_hidden) == (other, other_is_hidden))


@given(PARTS, st.booleans())
def test_what_is_shown_is_read_back(text, is_itself):
    shown = shown_part(text, is_itself=is_itself)
    part = read_part(shown)
    assert part is not None
    assert part.is_itself == is_itself
    assert part.is_shown_by(text)
    assert text.startswith(part.text)
    assert part.is_beginning or part.text == text


@given(PARTS, st.booleans())
def test_what_is_shown_is_a_part_of_a_path(text, is_itself):
    shown = shown_part(text, is_itself=is_itself)
    assert 0 < len(shown.encode()) <= PART_BYTES_MAX
    assert shown not in {".", ".."}
    assert not set(shown) & {"/", "\0"}
    assert split_path("/" + shown) == (shown,)


@given(PARTS)
def test_what_is_read_is_shown_so_and_all_else_is_nothing(shown):
    part = read_part(shown)
    if part is None:
        assert not is_legal(shown)
    elif part.is_beginning:
        assert not part.is_shown_by(part.text + "x")
    else:
        assert shown_part(part.text, is_itself=part.is_itself) == shown


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "/a/b"),
        ("a//b", "/a/%-/b"),
        ("/a", "/%-/a"),
        ("a/", "/a/%-"),
        ("./..", "/%-%2E/%-%2E%2E"),
        ("...", "/..."),
        ("%-x", "/%-%25-x"),
        ("%x", "/%x"),
        ("a\0b", "/%-a%00b"),
        ("é" * 127, "/" + "é" * 127),
    ],
)
def test_keys_that_cannot_be_paths_are_escaped(key, path):
    assert join_path(shown_file(key)) == path
    place = MountTable({"/": Mount("b", "")}).locate(path)
    assert place.key == key
    assert not place.is_itself


def test_a_directory_takes_the_plain_name_and_the_object_beside_it_an_escape():
    assert shown_directory("a/") == ("a",)
    assert shown_file("a", is_hidden=True) == ("%-a",)
    assert shown_directory("x//") == ("x", "%-")
    assert shown_file("x/", is_hidden=True) == ("x", "%-%-")
    assert shown_directory("") == ()


def test_a_part_that_is_too_long_shows_its_beginning_and_a_digest():
    text = "long" * 100
    part = read_part(shown_part(text))
    assert part.is_beginning
    assert text.startswith(part.text)
    assert len(part.text) > 200
    assert part.is_shown_by(text)
    assert not part.is_shown_by(text + "x")


@pytest.mark.parametrize(
    "shown", ["%-%41", "%-%", "%-%-a", "%-a~b", "%-~" + "0" * 31, "%-%ff", "%-a~" + "A" * 32]
)
def test_another_spelling_of_an_escape_names_nothing(shown):
    assert read_part(shown) is None


@pytest.mark.parametrize("path", ["", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/a\0", "/\udcff"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InvalidRequest):
        split_path(path)


def test_what_is_too_long_for_a_path_or_a_key_says_so():
    table = MountTable()
    for path in ("/b/" + "é" * 128, "/b" + ("/" + "k" * 250) * 5):
        with pytest.raises(InvalidRequest) as refused:
            table.locate(path)
        assert refused.value.code == "KeyTooLongError"


def test_without_mounts_the_root_shows_the_buckets():
    table = MountTable()
    assert table.locate("/") == VirtualDirectory("/", None)
    root, place = table.locate("/b"), table.locate("/b/a/c")
    assert (root.bucket, root.prefix, root.is_root) == ("b", "", True)
    assert (place.bucket, place.key, place.prefix, place.is_root) == ("b", "a/c", "a/c/", False)
    assert place.parent == table.locate("/b/a")
    assert table.locate("/b/a").child("c") == place
    assert table.locate("/b/a").child("c", is_itself=True) == table.locate("/b/a/%-c")
    assert root.child("") == table.locate("/b/%-")
    for path in ("/%-b", "/b?x", "/b/%-a/c"):
        with pytest.raises(NotFound):
            table.locate(path)


def test_mounts_map_paths_and_what_lies_above_them_is_virtual():
    table = MountTable(
        {"/models": Mount("models", "prod/"), "/x/y": Mount("b", ""), "/x/a": Mount("c", "")}
    )
    assert table.locate("/") == VirtualDirectory("/", ("models", "x"))
    assert table.locate("/x") == VirtualDirectory("/x", ("a", "y"))
    place = table.locate("/models/a/b")
    assert (place.bucket, place.key, place.path) == ("models", "prod/a/b", "/models/a/b")
    root = table.locate("/models")
    assert (root.prefix, root.is_root, root.marker.key) == ("prod/", True, "prod/")
    assert place.parent.parent == root == root.parent
    with pytest.raises(NotFound):
        table.locate("/other")


def test_a_mount_may_be_everything():
    table = MountTable({"/": Mount("b", "p/")})
    assert table.locate("/").is_root
    assert table.locate("/a").key == "p/a"
    assert table.locate("/").child("a") == table.locate("/a")
    assert table.locate("/a").parent == table.locate("/")


@pytest.mark.parametrize("path", ["models", "/models/", "/models/sub"])
def test_mounts_that_are_no_paths_or_nest_are_refused(path):
    with pytest.raises(ValueError, match="mount"):
        MountTable({"/models": Mount("b", ""), path: Mount("c", "")})


def test_a_mount_is_written_as_a_place_in_a_bucket():
    assert read_mount("s3://b") == read_mount("s3://b/") == Mount("b", "")
    assert read_mount("s3://b/p/q") == read_mount("s3://b/p/q/") == Mount("b", "p/q/")
    for text in ("b/p", "s3://", "s3:///p", "s3://b?/p", "s3://b/" + "k" * 2000):
        with pytest.raises(ValueError, match="is no place"):
            read_mount(text)


@given(KEYS)
def test_a_mount_finds_every_key_that_is_no_longer_than_a_path(key):
    parts = shown_file(key)
    if any(read_part(part).is_beginning for part in parts):
        return  # such a part is found by listing: also one that is long only by its escapes
    place = MountTable({"/m": Mount("b", "p/")}).locate("/m" + join_path(parts))
    assert isinstance(place, Place)
    assert place.key == "p/" + key
    assert place.prefix == f"p/{key}/"
