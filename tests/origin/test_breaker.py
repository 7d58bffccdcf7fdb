"""The breaker: opens when the origin keeps failing, probes alone, and closes at one success."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.origin.breaker import PROBE_SECONDS_MAX, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    while not breaker.is_open:
        breaker.failed(now)
    return breaker


def test_seven_failures_in_a_row_open_it():
    breaker = Breaker()
    for _ in range(6):
        breaker.failed(0.0)
    assert not breaker.is_open
    assert breaker.pause_seconds(0.0) == 0
    breaker.failed(0.0)
    assert breaker.is_open
    assert breaker.pause_seconds(0.0) > 0


def test_a_question_without_attempts_left_opens_it_after_three():
    breaker = Breaker()
    for is_last in (False, False, True):
        breaker.failed(0.0, is_last=is_last)
    assert breaker.is_open


def test_one_bad_key_among_good_ones_does_not_open_it():
    breaker = Breaker()
    for _ in range(100):
        for number in range(3):
            breaker.failed(0.0, is_last=number == 2)
        for _ in range(9):
            breaker.succeeded()
        assert not breaker.is_open


def test_one_probe_at_a_time_at_growing_intervals_until_one_succeeds():
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pause = breaker.pause_seconds(now)
        pauses.append(pause)
        now += pause
        assert breaker.pause_seconds(now) == 0  # this is the probe
        assert breaker.pause_seconds(now) > 0  # and nobody else is
        breaker.failed(now, is_probe=True)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, *[PROBE_SECONDS_MAX] * 5])
    now += breaker.pause_seconds(now)
    assert breaker.pause_seconds(now) == 0
    assert breaker.succeeded()
    assert not breaker.is_open
    assert breaker.pause_seconds(now) == 0


def test_a_probe_that_is_given_up_makes_way_for_the_next():
    breaker = opened()
    now = breaker.pause_seconds(0.0)
    assert breaker.pause_seconds(now) == 0
    breaker.abandoned()
    assert breaker.pause_seconds(now) == 0


def test_a_late_failure_of_before_does_not_end_the_probe():
    breaker = opened()
    now = breaker.pause_seconds(0.0)
    assert breaker.pause_seconds(now) == 0
    breaker.failed(now)
    assert breaker.pause_seconds(now) > 0


@given(outcomes=st.lists(st.booleans(), max_size=300))
def test_it_is_never_open_after_a_success_and_always_probes_in_the_end(outcomes):
    breaker, now = Breaker(), 0.0
    for is_success in outcomes:
        is_probe = breaker.is_open
        while breaker.pause_seconds(now):
            now += PROBE_SECONDS_MAX
        if is_success:
            breaker.succeeded()
            assert not breaker.is_open
        else:
            breaker.failed(now, is_probe=is_probe)
