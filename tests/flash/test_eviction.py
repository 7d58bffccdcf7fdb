"""Eviction carries the hottest chunks, never more than it may, in their order."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.eviction import Candidate, carry_bytes_max, choose_carried

candidates = st.lists(st.builds(Candidate, st.integers(1, 1000), st.integers(0, 3)), max_size=50)


@given(candidates, st.integers(0, 5000))
def test_what_is_carried_fits_is_hot_and_in_order(found, bytes_max):
    chosen = choose_carried(found, bytes_max)
    assert chosen == sorted(set(chosen))
    assert sum(found[place].length for place in chosen) <= bytes_max
    assert all(found[place].heat > 0 for place in chosen)


@given(candidates)
def test_with_room_all_that_is_hot_is_carried(found):
    chosen = choose_carried(found, sum(candidate.length for candidate in found))
    assert chosen == [place for place, candidate in enumerate(found) if candidate.heat]


def test_the_hottest_come_first_and_of_equals_the_latest():
    found = [Candidate(10, 1), Candidate(10, 3), Candidate(10, 1), Candidate(10, 2)]
    assert choose_carried(found, 30) == [1, 2, 3]


def test_at_most_half_a_segment_is_carried():
    assert carry_bytes_max(10) == 5
