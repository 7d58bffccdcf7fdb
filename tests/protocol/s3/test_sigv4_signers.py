"""Signature Version 4 against botocore's and the CRT's signers, on requests that are hard to sign.

FOREBAY_TEST_SIGV4_EXAMPLES asks for more examples; `conformance/run.py sigv4` asks for 100,000.
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.models.sigv4_proof import prove, prove_chunks
from tests.models.sigv4_requests import CHANGES, SIGNERS, asked

EXAMPLES = int(os.environ.get("FOREBAY_TEST_SIGV4_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
changes = st.lists(
    st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 999)), min_size=1, max_size=4
)
bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


@pytest.mark.parametrize("signer", SIGNERS)
def test_what_others_sign_verifies_and_what_is_changed_does_not(signer):
    @quick
    @given(asked, changes)
    def proven(one, changed):
        counts = Counter()
        prove(signer, one, changed, counts)
        for what in counts:
            event(what)

    proven()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("signer", SIGNERS)
def test_every_kind_of_change_is_judged_as_the_model_judges_it(signer, name):
    @settings(quick, max_examples=max(EXAMPLES // 12, 4))
    @given(asked, st.integers(0, 999))
    def proven(one, at):
        prove(signer, one, [(name, at)], Counter())

    proven()


@quick
@given(bodies, st.booleans(), st.integers(0, 600), st.integers(0, 999))
def test_signed_chunks_decode_and_a_turned_bit_is_noticed(chunks, has_trailer, cut, at):
    prove_chunks(chunks, has_trailer=has_trailer, cut=cut, at=at, counts=Counter())
