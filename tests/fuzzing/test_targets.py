"""Every parser for a moment: nothing but a value or a documented failure comes out."""

import gc
import os
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing.catalogue import TARGETS
from tests.fuzzing.target import Target

LONG_BYTES = 16 * 1024
LONG_SECONDS_MAX = 0.3
RUNS = (b" ", b'"', b"a,", b"=", b"<a>", b"%2")
TRIES = 5
EXAMPLES = int(os.environ.get("FOREBAY_TEST_FUZZ_EXAMPLES", "40"))


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """Return a seed that was cut, spliced with words and noise, or words and noise alone."""
    target = TARGETS[name]
    words = [word for word in target.words.split(b"|") if word] or [b"\0"]
    base = bytearray(draw(st.sampled_from([*target.seeds, b""])))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(base)))
        gone = draw(st.sampled_from([0, 0, 1, 5, 40]))
        base[at : at + gone] = draw(st.sampled_from(words) | st.binary(max_size=12))
    return bytes(base[: target.bytes_max])


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_a_value_or_a_failure_comes_out(name):
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(inputs(name))
    def judged(raw: bytes) -> None:
        TARGETS[name].run(raw)

    judged()


def long_inputs(seed: bytes) -> list[bytes]:
    """Return the seed with a long run of one thing in it, at its ends and at places between."""
    parts = 5 if len(seed) > 16 else len(seed)
    places = [len(seed) * part // parts for part in range(parts + 1)]
    return [
        seed[:at] + (run * LONG_BYTES)[:LONG_BYTES] + b"\xff" + seed[at:]
        for run in RUNS
        for at in places
    ]


@pytest.mark.parametrize("name", TARGETS)
def test_a_long_run_of_anything_costs_no_more_than_its_length(name):
    target = TARGETS[name]
    seconds = {raw[:80]: least_seconds(target, raw) for raw in long_inputs(target.seeds[0])}
    assert {raw: took for raw, took in seconds.items() if took > LONG_SECONDS_MAX} == {}


def least_seconds(target: Target, raw: bytes) -> float:
    """Return the CPU the target took at its best: a busy machine slows one try, its own cost all.

    The collector's walk over what thousands of tests left behind is not the target's cost either.
    """
    least = float("inf")
    gc.disable()
    try:
        for _ in range(TRIES):
            begun = process_time()
            target.run(raw)
            least = min(least, process_time() - begun)
            if least <= LONG_SECONDS_MAX:
                break
    finally:
        gc.enable()
    return least
