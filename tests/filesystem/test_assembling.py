"""Bodies put together: the parts' bytes are the segments', and as few travel as can be."""

from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.filesystem import assembling
from gateway.filesystem.assembling import (
    PART_BYTES_MAX,
    PART_BYTES_MIN,
    PARTS_MAX,
    Segment,
    plan_parts,
)
from gateway.model.failures import InvalidRequest

MIB, GIB = 1024**2, 1024**3
NEAR = st.sampled_from(
    [PART_BYTES_MIN, 2 * PART_BYTES_MIN, 16 * MIB, PART_BYTES_MAX, 3 * PART_BYTES_MAX]
)
LENGTHS = st.one_of(
    st.integers(0, 100),
    st.integers(0, 12 * MIB),
    st.builds(lambda near, off: near + off, NEAR, st.integers(-3, 3)),
    st.integers(0, 40 * GIB),
)

OFFSETS = st.integers(0, 9)


@st.composite
def segments_of(draw, lengths=LENGTHS, count_max=8, offsets=OFFSETS):
    """Segments of objects of their own and of the new bytes, in any order."""
    made, new_bytes = [], 0
    for number in range(draw(st.integers(0, count_max))):
        length = draw(lengths)
        if draw(st.booleans()):
            start = draw(offsets)
            made.append(Segment(number, start, start + length, start + length + draw(offsets)))
        else:
            made.append(Segment(None, new_bytes, new_bytes + length))
            new_bytes += length
    return made


def stretches(segments):
    """The body as (source, start, stop), neighbours put together."""
    joined = []
    for segment in segments:
        if not segment.length:
            continue
        if joined and (joined[-1][0], joined[-1][2]) == (segment.source, segment.start):
            joined[-1] = (segment.source, joined[-1][1], segment.stop)
        else:
            joined.append((segment.source, segment.start, segment.stop))
    return joined


def travelling(parts):
    """Bytes of objects that are sent."""
    return sum(
        segment.length
        for part in parts
        if not part.is_copied
        for segment in part.segments
        if segment.source is not None
    )


def assert_lawful(parts, part_bytes_min=PART_BYTES_MIN):
    assert len(parts) <= PARTS_MAX
    assert all(part.length >= part_bytes_min for part in parts[:-1])
    assert all(0 < part.length <= PART_BYTES_MAX for part in parts)
    for part in parts:
        if part.is_copied:
            (segment,) = part.segments
            assert segment.source is not None
            assert (
                segment.size > part_bytes_min
                or segment.length == segment.size
                or (segment.length >= part_bytes_min)
            )


@given(segments_of())
@example([Segment(0, 0, PART_BYTES_MIN, PART_BYTES_MIN), Segment(None, 0, 1)])
@example([Segment(None, 0, 1), Segment(0, 0, 5 * 1024 * GIB, 5 * 1024 * GIB)])
def test_the_bytes_of_the_parts_are_those_of_the_segments(segments):
    parts = plan_parts(segments)
    assert stretches(one for part in parts for one in part.segments) == stretches(segments)
    assert_lawful(parts)


@given(segments_of(st.integers(0, 14), count_max=6, offsets=st.just(0)))
def test_no_other_cut_lets_fewer_bytes_travel(segments):
    least = 5
    parts = plan_parts(segments, part_bytes_min=least)
    assert_lawful(parts, least)
    assert travelling(parts) == fewest(segments, least)


def fewest(segments, least):
    """The fewest bytes of objects that travel, by trying every cut of the body."""
    owners = [segment for segment in segments for _ in range(segment.length)]
    total = len(owners)
    edges = {0, *accumulate(segment.length for segment in segments)}
    cost = [0] + [10**9] * total
    for stop in range(1, total + 1):
        for start in range(stop):
            if stop - start < least and stop != total:
                continue
            stretch = owners[start:stop]
            sent = sum(one.source is not None for one in stretch)
            is_one = all(one is stretch[0] for one in stretch) and stretch[0].source is not None
            is_whole = start in edges and stop in edges
            is_long = stop - start >= least or stretch[0].size > least or is_whole
            cost[stop] = min(cost[stop], cost[start] + (0 if is_one and is_long else sent))
    return cost[total]


def test_an_append_to_a_long_object_copies_it_and_sends_what_is_new():
    old = Segment(0, 0, GIB, GIB)
    parts = plan_parts([old, Segment(None, 0, 10)])
    assert [(part.is_copied, part.length) for part in parts] == [(True, GIB), (False, 10)]


def test_what_is_too_short_for_a_part_borrows_from_its_neighbours():
    segments = [Segment(0, 0, GIB, GIB), Segment(None, 0, 1), Segment(1, 0, GIB, GIB)]
    parts = plan_parts(segments)
    assert [part.is_copied for part in parts] == [True, False, True]
    assert travelling(parts) == PART_BYTES_MIN - 1


def test_more_objects_than_parts_are_put_together():
    segments = [Segment(number, 0, 6 * MIB, 6 * MIB) for number in range(12_000)]
    parts = plan_parts(segments)
    assert_lawful(parts)
    assert stretches(one for part in parts for one in part.segments) == stretches(segments)


def test_the_largest_object_fits_and_a_larger_one_is_refused():
    largest = 50 * 1024 * GIB - 1200 * GIB
    assert_lawful(plan_parts([Segment(0, 0, largest, largest)]))
    with pytest.raises(InvalidRequest) as refused:
        plan_parts([Segment(None, 0, PARTS_MAX * PART_BYTES_MAX + 1)])
    assert refused.value.code == "EntityTooLarge"


def test_sent_bytes_go_in_parts_that_memory_and_disks_can_take():
    parts = plan_parts([Segment(None, 0, GIB)])
    assert max(part.length for part in parts) <= 2 * assembling.SENT_PART_BYTES
