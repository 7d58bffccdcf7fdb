"""Eviction carries the hottest, and lets nothing leave that is pinned or held."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.eviction import (
    CLOCK,
    COMMON_TERMS,
    NOBODY,
    Asking,
    Candidate,
    Standing,
    Terms,
    carry_bytes_max,
    choose_carried,
    next_to_leave,
)
from gateway.flash.purposes import COMMON, KEPT, NEW, Label, Purpose, Stream

PINNED, HELD, SHARED, AGED = (bytes([number]) * 8 for number in range(1, 5))
NOW_NS = 10**18
GROUPS = {
    PINNED: Terms(PINNED, bytes_max=1000, is_pinned=True),
    HELD: Terms(HELD, hold_ns=NOW_NS),
    SHARED: Terms(SHARED, bytes_max=30, hold_ns=NOW_NS),
    AGED: Terms(AGED, ttl_ns=100),
}
candidates = st.lists(st.builds(Candidate, st.integers(1, 1000), st.integers(0, 3)), max_size=50)
purposes = st.sampled_from(
    [NEW, KEPT, *(Purpose(Stream.KEPT, group) for group in (PINNED, HELD, SHARED))]
)
standings = st.lists(purposes, max_size=30).map(
    lambda found: [
        Standing(number, 10, Label(purpose, NOW_NS - 1)) for number, purpose in enumerate(found)
    ]
)
askings = st.sampled_from(
    [NOBODY, Asking(COMMON_TERMS, 10), *(Asking(terms, 10) for terms in GROUPS.values())]
)


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


def test_making_room_always_makes_room():
    assert carry_bytes_max(10) == 9


@given(standings, askings)
def test_nothing_pinned_and_nothing_held_against_who_asks_leaves(standing, asking):
    while (victim := next_to_leave(standing, asking, GROUPS, NOW_NS)) is not None:
        group = victim.label.purpose.group
        assert group != PINNED
        assert group != SHARED  # what is held with a share of its own gives way to nobody
        assert group != HELD or asking.terms.group != HELD
        standing = [one for one in standing if one is not victim]


@given(standings, askings)
def test_whatever_may_leave_leaves_in_the_end(standing, asking):
    common = [one for one in standing if one.label.purpose.group == COMMON]
    is_held_back = asking.terms.bytes_max is not None
    while (victim := next_to_leave(standing, asking, GROUPS, NOW_NS)) is not None:
        standing = [one for one in standing if one is not victim]
    left = [one for one in standing if one in common]
    assert is_held_back or not left


def test_what_was_held_long_enough_leaves_for_its_like():
    one = Standing(1, 10, Label(Purpose(Stream.KEPT, HELD), 0))
    asking = Asking(GROUPS[HELD], 10)
    assert next_to_leave([one], asking, GROUPS, NOW_NS - 1) is None
    assert next_to_leave([one], asking, GROUPS, NOW_NS) == one


def test_who_has_its_share_makes_room_of_its_own():
    shared = Terms(SHARED, bytes_max=30)
    groups = {SHARED: shared}
    standing = [Standing(0, 10, Label(NEW, 0))]
    standing += [
        Standing(number, 10, Label(Purpose(Stream.KEPT, SHARED), 0)) for number in (1, 2, 3)
    ]
    victim = next_to_leave(standing, Asking(shared, 10), groups, NOW_NS)
    assert victim is not None
    assert victim.segment == 1
    first = next_to_leave(standing, Asking(COMMON_TERMS, 10), groups, NOW_NS)
    assert first is not None
    assert first.segment == 0


def test_what_is_older_than_its_rule_allows_leaves_first():
    old = Standing(5, 10, Label(Purpose(Stream.KEPT, AGED), NOW_NS - 100))
    young = Standing(6, 10, Label(Purpose(Stream.KEPT, AGED), NOW_NS - 99))
    standing = [Standing(0, 10, Label(NEW, 0)), young, old]
    assert next_to_leave(standing, NOBODY, GROUPS, NOW_NS) == old


def test_new_segments_leave_while_they_are_more_than_their_share():
    new = [Standing(number, 10, Label(NEW, 0)) for number in range(10, 12)]
    kept = [Standing(number, 10, Label(KEPT, 0)) for number in range(10)]
    assert next_to_leave([*kept, *new], NOBODY, {}, 0) == new[0]
    assert next_to_leave([*kept, *new[1:]], NOBODY, {}, 0) == kept[0]
    assert next_to_leave([*kept, *new], NOBODY, {}, 0, CLOCK) == new[0]
    assert next_to_leave([], NOBODY, {}, 0) is None
