"""A plan gives exactly the wanted bytes, in order, whatever lies on flash."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.read_plan import FromFlash, plan_read
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
