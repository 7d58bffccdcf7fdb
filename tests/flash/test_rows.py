"""Rows: every name and version comes back as it was, and only under its own name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.rows import (
    Extent,
    Row,
    body_of,
    chunk_key,
    chunk_number,
    decode_extent,
    decode_row,
    encode_extent,
    encode_row,
    encode_tombstone,
    find_name,
    is_tombstone,
    row_key,
    time_of,
)
from gateway.model.names import ObjectName
from gateway.model.versions import Version

plain = st.text(st.characters(exclude_characters="\0"), max_size=30)
pairs = st.lists(st.tuples(plain, plain), max_size=3).map(tuple)
names = st.builds(ObjectName, plain, st.text(max_size=100))
rows = st.builds(
    Row,
    names,
    st.builds(Version, plain, st.integers(0, 2**60), plain, st.none() | plain, pairs),
    st.binary(min_size=16, max_size=16),
    pairs,
    st.integers(0, 2**62),
    plain,
)


@given(rows)
def test_a_row_comes_back(row):
    data = encode_row(row)
    assert decode_row(data, row.name) == row
    assert find_name(data) == row.name
    assert time_of(data) == row.confirmed_ns
    assert body_of(data) == row.body
    assert not is_tombstone(data)


@given(rows, names)
def test_a_row_is_not_another_names(row, other):
    assert (decode_row(encode_row(row), other) is None) == (other != row.name)


def test_bucket_and_key_are_not_shifted_into_each_other():
    row = Row(ObjectName("ab", "c"), Version('"e"', 0, ""), bytes(16), (), 0)
    assert decode_row(encode_row(row), ObjectName("a", "bc")) is None
    assert row_key(ObjectName("ab", "c")) != row_key(ObjectName("a", "bc"))


@given(names, st.integers(0, 2**62))
def test_a_tombstone_is_no_row(name, forgotten_ns):
    data = encode_tombstone(name, forgotten_ns)
    assert is_tombstone(data)
    assert decode_row(data, name) is None
    assert find_name(data) == name
    assert time_of(data) == forgotten_ns


def test_another_format_is_no_row():
    row = Row(ObjectName("b", "k"), Version('"e"', 0, ""), bytes(16), (), 0)
    data = encode_row(row)
    assert decode_row(b"\2" + data[1:], row.name) is None
    assert decode_row(data[:10], row.name) is None


@pytest.mark.parametrize("stop", range(1, 60))
def test_a_row_whose_texts_went_bad_is_no_row(stop):
    row = Row(ObjectName("b", "k"), Version('"e"', 0, "m"), bytes(16), (("a", "b"),), 0)
    whole = encode_row(row)
    for bad in (whole[:-stop], whole[:-stop] + b"\xff" * stop, whole[:-1] + b"\0" * stop):
        decode_row(bad, row.name)
        find_name(bad)
    assert decode_row(whole[:-1] + b"\xff", row.name) is None
    assert decode_row(whole + b"\0", row.name) is None


def test_a_row_about_a_name_that_is_no_text_is_about_nothing():
    row = encode_row(Row(ObjectName("b", "k"), Version('"e"', 0, "m"), bytes(16), (), 0))
    assert find_name(row) == ObjectName("b", "k")
    assert find_name(row.replace(b"bk", b"b\xff")) is None


def test_a_header_with_a_nul_is_refused():
    row = Row(ObjectName("b", "k"), Version('"e"', 0, ""), bytes(16), (("a", "b\0c"),), 0)
    with pytest.raises(ValueError, match="NUL"):
        encode_row(row)


def test_a_key_of_surrogates_comes_back():
    name = ObjectName("b", b"\xff\xfe".decode("utf-8", "surrogateescape"))
    row = Row(name, Version('"e"', 0, ""), bytes(16), (), 0)
    assert decode_row(encode_row(row), name) == row


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_an_extent_comes_back(segment, offset, length, crc32c):
    extent = Extent(segment, offset, length, crc32c)
    assert decode_extent(encode_extent(extent)) == extent


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 2))
def test_chunks_of_a_body_are_in_order(body, number):
    assert chunk_key(body, number) < chunk_key(body, number + 1)
    assert chunk_number(chunk_key(body, number)) == number
