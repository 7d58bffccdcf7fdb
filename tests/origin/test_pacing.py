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
        pacing.refused(f"b/{number}", number * 2.0)
    assert len(pacing) == PREFIXES_MAX
    assert pacing.reserve("b/0", 6 * PREFIXES_MAX) == 0


def test_the_first_rate_is_half_of_what_was_asked():
    pacing = Pacing()
    for _ in range(3000):
        pacing.note_asked(7.2)
    pacing.refused("b/hot", 8.0)
    assert rate(pacing, "b/hot", 8.0) == pytest.approx(1500)


def test_an_origin_that_refuses_several_prefixes_is_asked_less_in_all():
    pacing = Pacing()
    for prefix in ("b/1", "b/2"):
        pacing.refused(prefix, 0.0)
    assert pacing.reserve("b/other", 0.0) == 0
    pacing.refused("b/3", 0.5)
    places = [pacing.reserve(f"b/other{number}", 0.5) for number in range(10)]
    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert gaps == pytest.approx([1 / FIRST_RATE] * 9)


def test_who_cannot_wait_takes_no_place_from_those_who_can():
    pacing = Pacing()
    pacing.refused("b/hot", 0.0)
    while pacing.reserve("b/hot", 0.0, 1.0) is not None:
        pass
    for _ in range(100_000):
        assert pacing.reserve("b/hot", 0.0, 1.0) is None
    assert pacing.reserve("b/hot", 0.5, 1.0) is not None
