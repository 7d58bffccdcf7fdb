"""Attributes in metadata: what is written is read back, and garbage is as absent."""

import stat
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.filesystem.attributes import (
    METADATA_BYTES_MAX,
    NOTHING_SAID,
    Attributes,
    Names,
    read_attributes,
    written_attributes,
)
from gateway.filesystem.status import SPECIAL_KINDS, Kind, Special
from gateway.model.failures import InvalidRequest, NotSupported

NAMES = Names({"alice": 1001, "root": 0, "zoe": 1001}, {"staff": 50})
MOMENTS = st.integers(-(10**18), 4 * 10**18)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20).filter(
    lambda text: not text.isdecimal()
)
OWNERS = st.one_of(st.sampled_from(["alice", "root", "bob", "1234"]), WORDS)
XATTRS = st.dictionaries(st.text(min_size=1, max_size=10), st.binary(max_size=20), max_size=3)
ATTRIBUTES = st.builds(
    Attributes,
    mode=st.none() | st.integers(0, 0o7777),
    owner=st.none() | OWNERS,
    group=st.none() | OWNERS,
    modified_ns=st.none() | MOMENTS,
    accessed_ns=st.none() | MOMENTS,
    xattrs=XATTRS.filter(lambda xattrs: all(name.isprintable() for name in xattrs)),
)
DEVICES = st.none() | st.tuples(st.integers(0, 4095), st.integers(0, 1 << 20))
SPECIALS = st.builds(Special, st.sampled_from(sorted(SPECIAL_KINDS)), DEVICES)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
OF_S3FS = ("mode", "uid", "gid", "mtime", "atime")
OURS = ("file-permissions", "file-owner", "file-group", "file-mtime", "file-atime", "xattr")


def said(**metadata):
    pairs = [(f"x-amz-meta-{name.replace('_', '-')}", text) for name, text in metadata.items()]
    return read_attributes(pairs, NAMES)


@given(st.sampled_from(Kind), ATTRIBUTES)
def test_what_is_written_is_read_back(kind, attributes):
    headers = written_attributes(kind, attributes, NAMES)
    is_symlink = kind is Kind.SYMLINK and attributes.mode is not None
    assert read_attributes(headers.items(), NAMES) == replace(attributes, is_symlink=is_symlink)


@given(ATTRIBUTES, SPECIALS, st.integers(0, 0o7777))
def test_what_a_device_is_is_read_back(attributes, special, mode):
    attributes = replace(attributes, special=special, mode=mode)
    headers = written_attributes(Kind.FILE, attributes, NAMES)
    assert read_attributes(headers.items(), NAMES) == attributes


def test_a_device_whose_number_cannot_be_read_is_none():
    for number in ("", "8", "8:", "-1:3", "99999:1", "8:1x"):
        found = said(file_permissions="0060640", file_device=number).special
        assert found == Special(stat.S_IFBLK)
    found = said(file_permissions="0060640", file_device="8:1").special
    assert found == Special(stat.S_IFBLK, (8, 1))
    assert said(file_permissions="0100640", file_device="8:1").special is None


@given(ATTRIBUTES, st.dictionaries(TEXTS.filter(str.strip), TEXTS, max_size=5))
def test_what_is_no_attribute_stays_and_what_was_one_is_replaced(attributes, others):
    others = {
        f"x-amz-meta-{name.lower()}": text
        for name, text in others.items()
        if name.lower() not in OURS + OF_S3FS
    }
    before = written_attributes(
        Kind.FILE, Attributes(mode=0o600, owner="bob", accessed_ns=5), NAMES
    )
    given_headers = [*others.items(), *before.items(), ("Content-Type", "text/plain")]
    headers = written_attributes(Kind.FILE, attributes, NAMES, given_headers)
    assert read_attributes(headers.items(), NAMES) == attributes
    assert {name: text for name, text in headers.items() if name in others} == others


def test_the_words_are_those_of_datasync():
    attributes = Attributes(0o640, "alice", "guests", 1595002920_000000001, 7, {"user.a": b"\xff"})
    assert written_attributes(Kind.FILE, attributes, NAMES) == {
        "x-amz-meta-file-permissions": "0100640",
        "x-amz-meta-file-owner": "1001",
        "x-amz-meta-file-group": "guests",
        "x-amz-meta-file-mtime": "1595002920000000001ns",
        "x-amz-meta-file-atime": "7ns",
        "x-amz-meta-xattr": "%7B%22user.a%22%3A%22%2Fw%3D%3D%22%7D",
    }
    directory = written_attributes(Kind.DIRECTORY, Attributes(0o1777), NAMES)
    assert directory == {"x-amz-meta-file-permissions": "0041777"}
    symlink = written_attributes(Kind.SYMLINK, Attributes(0o777), NAMES)
    assert symlink == {"x-amz-meta-file-permissions": "0120777"}


def test_names_and_numbers_are_one_where_the_settings_know_both():
    assert said(file_owner="1001", file_group="50") == Attributes(owner="alice", group="staff")
    assert said(file_owner="0", file_group="007") == Attributes(owner="root", group="7")
    assert said(file_owner="alice", file_group="staff") == Attributes(owner="alice", group="staff")


def test_plain_seconds_and_the_words_of_s3fs_are_read():
    assert said(file_mtime="1595002920") == Attributes(modified_ns=1595002920 * 10**9)
    assert said(file_mtime="1595002920.5") == Attributes(modified_ns=1595002920_500000000)
    theirs = said(mode="41471", uid="1001", gid="50", mtime="7.000000001", atime="-3")
    assert theirs == Attributes(0o777, "alice", "staff", 7_000000001, -3 * 10**9, {}, True)  # noqa: FBT003
    both = said(mode="33188", file_permissions="0100600", uid="0", file_owner="bob")
    assert both == Attributes(mode=0o600, owner="bob")


def test_the_words_of_s3fs_are_kept_in_step_where_an_object_has_them():
    before = {f"x-amz-meta-{name}": "1" for name in OF_S3FS}
    attributes = Attributes(0o755, "alice", "guests", 1_500000000, None)
    headers = written_attributes(Kind.FILE, attributes, NAMES, before.items())
    assert headers == {
        "x-amz-meta-file-permissions": "0100755",
        "x-amz-meta-file-owner": "1001",
        "x-amz-meta-file-group": "guests",
        "x-amz-meta-file-mtime": "1500000000ns",
        "x-amz-meta-mode": "33261",
        "x-amz-meta-uid": "1001",
        "x-amz-meta-mtime": "1.500000000",
    }


def test_headers_are_found_in_any_case_and_others_are_not_metadata():
    pairs = [("X-Amz-Meta-File-Owner", "bob"), ("file-group", "x"), ("x-amz-meta", "y")]
    assert read_attributes(pairs, NAMES) == Attributes(owner="bob")


@pytest.mark.parametrize(
    "text", ["", "0100688", "rwx", "-1", "\uff10", "100644" * 9, "0o644", " 644"]
)
def test_a_mode_that_is_none_is_absent(text):
    assert said(file_permissions=text) == NOTHING_SAID
    assert said(file_permissions=text, mode="33188") == Attributes(mode=0o644)


@pytest.mark.parametrize(
    "text", ["", "ns", "1.2.3", "9" * 19 + "ns", "9" * 11, "1e9", "٣ns", "nan"]
)
def test_a_moment_that_is_none_is_absent(text):
    assert said(file_mtime=text) == NOTHING_SAID


@pytest.mark.parametrize("text", ["", "%", "[]", "7", '{"a":1}', '{"a":"?"}', "%FF", "[" * 9999])
def test_extended_attributes_that_are_none_are_absent(text):
    assert said(xattr=text) == NOTHING_SAID


@given(st.dictionaries(st.sampled_from([*OURS, *OF_S3FS]), TEXTS | st.text(max_size=9)))
def test_garbage_is_as_absent(metadata):
    found = said(**metadata)
    headers = written_attributes(Kind.FILE, replace(found, is_symlink=False), NAMES)
    assert read_attributes(headers.items(), NAMES) == replace(found, is_symlink=False)


@given(st.integers(0, 1335) | st.integers(1345, 4000))
def test_nothing_is_cut_at_two_kib(count):
    attributes = Attributes(mode=0o644, xattrs={"user.big": bytes(count)})
    others = {"x-amz-meta-other": "o" * 200}
    if count > 1340:
        with pytest.raises(NotSupported) as refused:
            written_attributes(Kind.FILE, attributes, NAMES, others.items())
        assert refused.value.code == "MetadataTooLarge"
        return
    headers = written_attributes(Kind.FILE, attributes, NAMES, others.items())
    assert read_attributes(headers.items(), NAMES) == attributes
    size = sum(len(name) - len("x-amz-meta-") + len(text) for name, text in headers.items())
    assert size <= METADATA_BYTES_MAX


@pytest.mark.parametrize("name", ["", " a", "a\n", "é", "a" * 256])
def test_a_name_that_no_header_can_carry_is_refused(name):
    with pytest.raises(InvalidRequest):
        written_attributes(Kind.FILE, Attributes(owner=name), NAMES)
    assert said(file_owner=name) == NOTHING_SAID
