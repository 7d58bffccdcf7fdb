"""Every parser for a moment: nothing but a value or a documented failure comes out."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing.catalogue import TARGETS

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
