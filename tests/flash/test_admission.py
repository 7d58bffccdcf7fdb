"""The division of the flash: its parts never exceed the whole, at any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.admission import INDEX_BYTES_MIN, MIB, SIZE_BYTES_MIN, divide, rounded_up


@given(st.integers(SIZE_BYTES_MIN, 64 << 40))
def test_two_workers_fit_any_size(size_bytes):
    division = divide(size_bytes, MIB)
    allowance = division.allowance_for(INDEX_BYTES_MIN)
    room = division.segments_bytes_max(allowance)
    assert room + allowance < size_bytes
    # One open segment a worker, and the one that is kept free.
    assert room >= 3 * division.new_segment_bytes
    assert division.chunk_bytes <= division.segment_bytes <= 256 * MIB
    assert division.segment_bytes % MIB == 0
    assert division.group_changes_max >= 1


def test_a_segment_is_a_64th_within_bounds():
    assert divide(1 << 40, MIB).segment_bytes == 256 * MIB
    assert divide(4 << 30, MIB).segment_bytes == 64 * MIB
    assert divide(64 * MIB, MIB).segment_bytes == 6 * MIB


def test_too_small_a_flash_is_refused():
    with pytest.raises(ValueError, match="too small"):
        divide(2 * MIB, MIB)
    with pytest.raises(ValueError, match="too small"):
        divide(64 * MIB, MIB, segment_bytes=48 * MIB)


@given(st.integers(0, 64 << 20))
def test_the_allowance_only_grows_until_its_bound(index_bytes):
    division = divide(256 * MIB, MIB)
    allowance = division.allowance_for(index_bytes)
    assert allowance <= division.index_bytes_max
    if allowance < division.index_bytes_max:
        assert division.can_index_grow(index_bytes, allowance)
        assert not division.is_growth_near(index_bytes, allowance)


def test_files_occupy_whole_blocks():
    assert [rounded_up(length) for length in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]
