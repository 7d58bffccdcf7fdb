"""Range headers: one range, none, or beyond the body."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import RangeNotSatisfiable
from gateway.model.ranges import ByteRange
from gateway.protocol.http.ranges import RangeSpec, parse_range, resolve


@pytest.mark.parametrize(
    ("header", "spec"),
    [
        ("bytes=0-9", RangeSpec(0, 9)),
        ("bytes=5-", RangeSpec(5, None)),
        ("bytes=-5", RangeSpec(None, 5)),
        ("Bytes = 0 - 9 ", RangeSpec(0, 9)),
        ("bytes=007-8", RangeSpec(7, 8)),
        (None, None),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-5", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("bytes=٣-", None),
        ("items=0-9", None),
        ("bytes=1-2-3", None),
        ("bytes=--1", None),
    ],
)
def test_one_range_or_none(header, spec):
    assert parse_range(header) == spec


def test_numbers_beyond_any_size_are_just_large():
    spec = parse_range("bytes=0-" + "9" * 5000)
    assert resolve(spec, 10) == ByteRange(0, 10)
    with pytest.raises(RangeNotSatisfiable):
        resolve(parse_range("bytes=" + "9" * 5000 + "-"), 10)


@pytest.mark.parametrize(
    ("header", "size", "start", "stop"),
    [
        ("bytes=0-0", 10, 0, 1),
        ("bytes=2-99", 10, 2, 10),
        ("bytes=9-", 10, 9, 10),
        ("bytes=-3", 10, 7, 10),
        ("bytes=-30", 10, 0, 10),
    ],
)
def test_resolved(header, size, start, stop):
    assert resolve(parse_range(header), size) == ByteRange(start, stop)


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0), ("bytes=99-100", 10)],
)
def test_outside_the_body(header, size):
    with pytest.raises(RangeNotSatisfiable) as caught:
        resolve(parse_range(header), size)
    assert caught.value.size == size


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40))
def test_as_python_slices(first, length, size):
    header = f"bytes={first}-{first + length}"
    body = bytes(range(size))
    expected = body[first : first + length + 1]
    if not expected:
        with pytest.raises(RangeNotSatisfiable):
            resolve(parse_range(header), size)
        return
    found = resolve(parse_range(header), size)
    assert body[found.start : found.stop] == expected


@pytest.mark.parametrize(
    "header",
    ["bytes=" + " " * 32_000 + "x", "bytes" + " " * 32_000, "bytes=1" + " " * 32_000 + "x"],
)
def test_a_run_of_spaces_costs_no_time(header):
    begun = process_time()
    assert parse_range(header) is None
    assert process_time() - begun < 0.1
