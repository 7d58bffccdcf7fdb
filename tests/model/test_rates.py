"""The token bucket against a model that keeps tokens: what it holds and what flows in, no more."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.rates import Rate

rates = st.builds(Rate, st.integers(1, 1000).map(float), st.integers(1, 1000).map(float))
# Exact in binary, so that the model needs no tolerance of time.
pauses = st.integers(0, 4096).map(lambda number: number / 1024)
taken = st.lists(st.tuples(pauses, st.integers(1, 50)), max_size=80)


@given(rates, taken)
def test_it_admits_what_a_bucket_of_tokens_admits(rate, asked):
    full_at = now = 0.0
    tokens = burst = Fraction(rate.burst)
    for pause, count in asked:
        now += pause
        tokens = min(burst, tokens + Fraction(pause) * Fraction(rate.per_second))
        later = rate.taken(full_at, now, count)
        wait_seconds = rate.wait_seconds(later, now)
        missing = count - tokens
        if wait_seconds <= 0:
            assert missing <= Fraction(1, 10**6)
            full_at = later
            tokens -= count
        else:
            assert missing > -Fraction(1, 10**6)
            # After the wait that it names, it is admitted.
            assert abs(float(missing) / rate.per_second - wait_seconds) < 1e-6


@given(rates, taken)
def test_who_waits_as_told_gets_the_rate_and_no_more(rate, asked):
    full_at = now = 0.0
    passed = 0
    for pause, count in asked:
        now += pause
        full_at = rate.taken(full_at, now, count)
        now += rate.wait_seconds(full_at, now)
        passed += count
        assert passed <= rate.burst + rate.per_second * now + 1e-6


def test_an_unused_bucket_is_full_and_no_fuller():
    rate = Rate(10.0, 5.0)
    full_at = 0.0
    for _ in range(5):
        full_at = rate.taken(full_at, 1000.0, 1)
        assert rate.wait_seconds(full_at, 1000.0) == 0
    assert rate.wait_seconds(rate.taken(full_at, 1000.0, 1), 1000.0) > 0
