"""Sketches remember within their bounds, and forget by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.sketches import GENERATIONS_MAX, HEAT_MAX, SIGHTINGS_MAX, Sketches

BODY = bytes(range(16))


@pytest.fixture
def sketches():
    return Sketches(memoryview(bytearray(1 << 20)))


def test_heat_rises_to_its_bound_and_is_what_it_is_put_to(sketches):
    heats = sketches.heats
    assert heats.heat(BODY, 1) == 0
    for _ in range(HEAT_MAX + 5):
        heats.touch(BODY, 1)
    assert heats.heat(BODY, 1) == HEAT_MAX
    assert heats.heat(BODY, 2) == 0
    heats.put(BODY, 1, 0)
    assert heats.heat(BODY, 1) == 0


def test_a_ghost_is_taken_once(sketches):
    ghosts = sketches.ghosts
    assert not ghosts.take(BODY, 1, 0)
    ghosts.note(BODY, 1, 0)
    assert not ghosts.take(BODY, 2, 0)
    assert ghosts.take(BODY, 1, 0)
    assert not ghosts.take(BODY, 1, 0)


@given(st.integers(0, 1 << 40), st.integers(0, 12))
def test_a_ghost_lives_for_its_generations(noted, later):
    ghosts = Sketches(memoryview(bytearray(1024))).ghosts
    ghosts.note(BODY, 1, noted)
    assert ghosts.take(BODY, 1, noted + later) == (later <= GENERATIONS_MAX)


@given(st.integers(0, 1 << 40), st.integers(1, 40))
def test_sightings_are_counted_over_two_windows(window, times):
    sightings = Sketches(memoryview(bytearray(1024))).sightings
    for _ in range(times):
        sightings.note(b"a", window)
    assert sightings.count(b"a", window) == min(times, SIGHTINGS_MAX)
    assert sightings.count(b"a", window + 1) == min(times, SIGHTINGS_MAX)
    assert sightings.count(b"a", window + 2) == 0
    sightings.note(b"a", window + 2)
    assert sightings.count(b"a", window + 2) == 1
