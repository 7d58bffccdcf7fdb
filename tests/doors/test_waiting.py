"""The queue of those who wait: oldest first, each once, and no look costs more than is overdue."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.doors.waiting import Waiting

steps = st.lists(
    st.tuples(st.sampled_from(["add", "discard", "expire"]), st.integers(0, 5), st.integers(0, 4)),
    max_size=60,
)


@given(steps)
def test_who_waited_too_long_is_told_once_and_in_order(taken):
    told: list[int] = []
    waiting: Waiting[int] = Waiting(5.0, told.append)
    model: dict[int, float] = {}
    now = 0.0
    for step, member, passed in taken:
        now += passed
        if step == "add":
            model.pop(member, None)
            model[member] = now
            waiting.add(member, now)
        elif step == "discard":
            model.pop(member, None)
            waiting.discard(member)
        else:
            overdue = [one for one, since in model.items() if now - since >= 5.0]
            del told[:]
            assert waiting.expire(now, 100) == len(overdue)
            assert told == overdue
            for one in overdue:
                del model[one]
        assert len(waiting) == len(model)
        assert waiting.find_oldest(now) == next(iter(model), None)


def test_no_more_are_told_at_once_than_is_asked_for():
    told: list[int] = []
    waiting: Waiting[int] = Waiting(1.0, told.append)
    for member in range(10):
        waiting.add(member, 0.0)
    assert waiting.expire(2.0, 4) == 4
    assert told == [0, 1, 2, 3]
    assert 4 in waiting


def test_who_waits_for_a_short_time_is_not_found_where_a_time_is_asked_for():
    waiting: Waiting[int] = Waiting(1.0, lambda _: None)
    waiting.add(1, 10.0)
    assert waiting.find_oldest(10.5, seconds_min=1.0) is None
    assert waiting.find_oldest(11.0, seconds_min=1.0) == 1
