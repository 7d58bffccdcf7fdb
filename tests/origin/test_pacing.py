"""Pacing: only what was refused is slowed, less each second, each prefix on its own."""

from itertools import pairwise

import pytest

from gateway.origin.pacing import FIRST_RATE, FORGOTTEN_SECONDS, PREFIXES_MAX, RATE_MIN, Pacing


def rate(pacing: Pacing, prefix: str, now: float) -> float:
    """Return the rate at which places are given now."""
    first, second = (pacing.reserve(prefix, now) for _ in range(2))
    return 1 / (second - first)


def test_nothing_is_paced_that_was_not_refused():
    pacing = Pacing()
    pacing.refused("b/hot", 0.0)
    assert [pacing.reserve("b/cold", 0.0) for _ in range(1000)] == [0.0] * 1000
    assert len(pacing) == 1


def test_places_are_given_one_after_the_other():
    pacing = Pacing()
    pacing.refused("b/hot", 0.0)
    places = [pacing.reserve("b/hot", 0.0) for _ in range(10)]
    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert gaps == pytest.approx([1 / FIRST_RATE] * 9)


def test_refusals_halve_the_rate_once_a_second_and_never_stop_it():
    pacing = Pacing()
    for _ in range(50):
        pacing.refused("b/hot", 0.0)
    assert rate(pacing, "b/hot", 0.0) == pytest.approx(FIRST_RATE)
    pacing.refused("b/hot", 1.5)
    assert rate(pacing, "b/hot", 1.5) < 0.6 * FIRST_RATE
    for second in range(2, 60):
        pacing.refused("b/hot", second * 1.5)
    assert rate(pacing, "b/hot", 59 * 1.5) >= RATE_MIN


def test_without_refusals_the_rate_grows_and_is_forgotten():
    pacing = Pacing()
    pacing.refused("b/hot", 0.0)
    assert rate(pacing, "b/hot", 30.0) > 10 * FIRST_RATE
    assert pacing.reserve("b/hot", FORGOTTEN_SECONDS + 1) == 0
    assert len(pacing) == 0


def test_memory_is_bounded():
    pacing = Pacing()
    for number in range(3 * PREFIXES_MAX):
        pacing.refused(f"b/{number}", 0.0)
    assert len(pacing) == PREFIXES_MAX
    assert pacing.reserve("b/0", 0.0) == 0
