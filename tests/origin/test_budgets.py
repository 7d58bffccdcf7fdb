"""Budgets: never more than the share and the reserve, however questions and failures come."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.origin.budgets import HEDGES, REPETITIONS, Budget

STEPS = st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=400)


@given(steps=STEPS)
def test_repetitions_stay_within_the_share_the_reserve_and_its_refill(steps):
    budget, now, asked, repeated = Budget(REPETITIONS, 0.0), 0.0, 0, 0
    for is_question, seconds in steps:
        now += seconds
        if is_question:
            budget.earn()
            asked += 1
        else:
            repeated += budget.spend(now)
    share = REPETITIONS
    refilled = share.reserve_max + now * share.refill_per_second
    assert repeated <= share.of_all * asked + refilled + 1e-6


@given(steps=STEPS)
def test_hedges_have_no_refill(steps):
    budget, asked, hedged = Budget(HEDGES, 0.0), 0, 0
    for is_question, seconds in steps:
        if is_question:
            budget.earn()
            asked += 1
        else:
            hedged += budget.spend(seconds)
    assert hedged <= HEDGES.of_all * asked + HEDGES.reserve_max + 1e-6


def test_a_quiet_gateway_has_its_reserve():
    budget = Budget(REPETITIONS, 0.0)
    assert sum(budget.spend(0.0) for _ in range(100)) == REPETITIONS.reserve_max
    assert not budget.spend(0.1)
    assert budget.spend(1.0)


def test_what_is_saved_up_is_bounded():
    budget = Budget(REPETITIONS, 0.0)
    for _ in range(1_000_000):
        budget.earn()
    assert sum(budget.spend(0.0) for _ in range(1000)) == 100
