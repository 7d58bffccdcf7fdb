"""A plan gives exactly the wanted bytes, in order, whatever lies on flash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.read_plan import FromFlash, FromOrigin, plan_read, stretches
from gateway.flash.rows import Extent
from gateway.model.ranges import ByteRange, chunk_range

CHUNK = 10


@given(
    st.integers(1, 95),
    st.sets(st.integers(0, 9)),
    st.integers(0, 94),
    st.integers(0, 95),
)
def test_a_plan_covers_the_range_without_gap_or_overlap(size, on_flash, start, length):
    start = min(start, size)
    wanted = ByteRange(start, min(size, start + length))
    held = {
        number: Extent(1, number * 1000, chunk_range(number, CHUNK, size).length, 0)
        for number in on_flash
        if number * CHUNK < size
    }
    position = wanted.start
    for step in plan_read(wanted, held, CHUNK):
        if isinstance(step, FromFlash):
            assert step.number in held
            assert step.number * CHUNK + step.skip == position
            assert step.skip + step.length <= step.extent.length
            position += step.length
        else:
            assert step.wanted.start == position
            assert not set(step.wanted.chunks(CHUNK)) & set(held)
            position = step.wanted.stop
    assert position == wanted.stop


def lying(number: int, segment: int, offset: int, length: int = CHUNK) -> FromFlash:
    """The last `length` bytes of a chunk that lies at `offset`."""
    return FromFlash(number, Extent(segment, offset, CHUNK, 0), CHUNK - length, length)


def test_steps_that_lie_end_to_end_leave_in_one_stretch():
    steps = [lying(0, 1, 0, 3), lying(1, 1, 10), lying(2, 1, 20)]
    assert list(stretches(steps, 1000)) == [steps]


@pytest.mark.parametrize(
    "second",
    [lying(1, 2, 10), lying(1, 1, 20), lying(1, 1, 0), lying(1, 1, 10, 4)],
    ids=["another segment", "a hole", "the same place", "its end only"],
)
def test_steps_that_lie_apart_are_stretches_of_their_own(second):
    first = lying(0, 1, 0)
    assert list(stretches([first, second], 1000)) == [[first], [second]]


def test_a_stretch_is_bounded_but_holds_at_least_one_step():
    steps = [lying(number, 1, number * CHUNK) for number in range(5)]
    assert list(stretches(steps, 2 * CHUNK)) == [steps[:2], steps[2:4], steps[4:]]
    assert list(stretches(steps, 1)) == [[step] for step in steps]


def test_what_lies_behind_a_gap_is_no_stretch():
    steps = [lying(0, 1, 0), FromOrigin(ByteRange(10, 20)), lying(2, 1, 20)]
    assert list(stretches(steps, 1000)) == [[steps[0]]]
    assert list(stretches(steps[1:], 1000)) == []
