"""When a page is asked for: not for one key, not for keys far apart, and nobody is passed over."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.batching import CREDIT_MAX, CREDIT_OF_HEAD, GAIN_MIN, ROOM_MIN, Batch, PagePlan
from gateway.core.reach import END

ROOM = int(ROOM_MIN)
FAST, SLOW = 0.001, 0.1


@dataclass(eq=False)
class Group:
    key: str


def batch_under_way(count: int = ROOM) -> Batch[Group]:
    batch: Batch[Group] = Batch()
    for _ in range(count):
        assert not batch.keep(Group("busy"), 0.0)
        batch.began()
    return batch


def keep(batch: Batch[Group], *keys: str) -> None:
    for key in keys:
        assert batch.keep(Group(key), 0.0)


def keys_of(plan: object) -> list[str]:
    assert isinstance(plan, PagePlan)
    return [group.key for group in plan.groups]


def learn(batch: Batch[Group], start: str, stop: str) -> None:
    batch.began()
    batch.page_ended(PagePlan(start, (), is_in_the_dark=False), stop, 10, SLOW)


def test_so_many_questions_never_wait():
    batch_under_way(ROOM)


def test_nothing_is_asked_before_an_answer_comes():
    batch = batch_under_way()
    keep(batch, *"abcdefgh")
    assert batch.next(0.0) is None
    batch.head_ended(SLOW, was_alone=False)
    assert keys_of(batch.next(0.0)) == list("abcdefgh")


def test_a_page_in_the_dark_begins_just_before_the_smallest_key():
    batch = batch_under_way()
    keep(batch, "b7", "b2", "b9", "b4")
    batch.head_ended(SLOW, was_alone=False)
    plan = batch.next(0.0)
    assert keys_of(plan) == ["b2", "b4", "b7", "b9"]
    assert isinstance(plan, PagePlan)
    assert (plan.start_after, plan.is_in_the_dark) == ("b1~", True)


def test_few_keys_are_asked_about_one_by_one():
    batch = batch_under_way()
    keep(batch, "a", "b")
    batch.head_ended(SLOW, was_alone=False)
    found = batch.next(0.0)
    assert isinstance(found, Group)
    assert found.key == "a"


def test_a_known_page_takes_those_whom_it_shows():
    batch = batch_under_way()
    learn(batch, "", "m")
    learn(batch, "m", END)
    keep(batch, "z1", "a1", "z2", "a2", "z3", "a3", "z4", "a4")
    batch.head_ended(SLOW, was_alone=False)
    batch.head_ended(SLOW, was_alone=False)
    # The one that waits longest decides.
    assert keys_of(batch.next(0.0)) == ["z1", "z2", "z3", "z4"]
    assert keys_of(batch.next(0.0)) == ["a1", "a2", "a3", "a4"]


def test_a_page_is_asked_for_once_at_a_time():
    batch = batch_under_way()
    learn(batch, "", "m")
    learn(batch, "m", END)
    keep(batch, "a1", "a2", "a3", "a4")
    batch.head_ended(SLOW, was_alone=False)
    first = batch.next(0.0)
    assert isinstance(first, PagePlan)
    batch.began()
    keep(batch, "a5", "a6", "a7", "a8", "z1", "z2", "z3", "z4")
    for _ in range(3):
        batch.head_ended(SLOW, was_alone=False)
    assert batch.keep(Group("a9"), 0.0)  # although there is room now
    # Who waits longest is passed over, for its page is on its way.
    assert keys_of(batch.next(0.0)) == ["z1", "z2", "z3", "z4"]
    assert batch.next(0.0) is None
    batch.page_ended(first, "m", 4, SLOW)
    assert keys_of(batch.next(0.0)) == ["a5", "a6", "a7", "a8", "a9"]


def test_a_page_must_save_more_than_it_costs():
    batch = batch_under_way()
    batch.began()
    batch.page_ended(PagePlan("", (), is_in_the_dark=False), END, 10, 10 * SLOW)
    batch.head_ended(SLOW, was_alone=False)
    assert batch.gain_min == 20
    batch.began()
    keep(batch, *(f"{number:02}" for number in range(19)))
    batch.head_ended(SLOW, was_alone=False)
    assert isinstance(batch.next(0.0), Group)


def test_heads_that_take_no_longer_than_one_alone_make_room():
    batch: Batch[Group] = Batch()
    assert batch.began()
    batch.head_ended(SLOW, was_alone=True)
    for _ in range(100):
        batch.began()
        batch.head_ended(SLOW, was_alone=False)
    for _ in range(ROOM + 100):
        assert not batch.keep(Group("k"), 0.0)
        batch.began()


def test_heads_that_queue_leave_no_room():
    batch: Batch[Group] = Batch()
    batch.began()
    batch.head_ended(FAST, was_alone=True)
    for _ in range(200):
        batch.began()
        batch.head_ended(SLOW, was_alone=False)
    for _ in range(ROOM):
        assert not batch.keep(Group("k"), 0.0)
        batch.began()
    assert batch.keep(Group("k"), 0.0)


def test_who_is_given_back_is_where_the_next_page_begins():
    batch = batch_under_way()
    keep(batch, *"abcdez")
    batch.head_ended(SLOW, was_alone=False)
    plan = batch.next(0.0)
    assert isinstance(plan, PagePlan)
    batch.began()
    batch.give_back(plan.groups[-1])
    batch.page_ended(plan, "e", 5, SLOW)
    batch.began()
    keep(batch, "y1", "y2", "y3")
    batch.head_ended(SLOW, was_alone=False)
    later = batch.next(0.0)
    assert isinstance(later, PagePlan)
    assert later.start_after == "y~"
    assert keys_of(later) == ["z"]


def test_a_page_that_failed_lets_nobody_wait():
    batch = batch_under_way()
    keep(batch, *"abcdef")
    batch.head_ended(SLOW, was_alone=False)
    plan = batch.next(0.0)
    assert isinstance(plan, PagePlan)
    batch.began()
    keep(batch, "x", "y")
    batch.page_failed(plan, 60.0)
    assert [group.key for _ in "xy" if isinstance(group := batch.next(0.0), Group)] == ["x", "y"]
    assert not batch.keep(Group("z"), 59.0)


@given(st.integers(0, 2**32), st.integers(2_000, 5_000))
def test_keys_far_apart_cost_few_useless_pages(seed: int, heads: int):
    """However long it goes on: a handful of pages, then one in so many HEADs."""
    batch = batch_under_way()
    pages = asked = 0
    while asked < heads:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        key = f"{seed:020}"
        if not batch.keep(Group(key), 0.0):
            batch.began()
            asked += 1
        batch.head_ended(SLOW, was_alone=False)
        while (plan := batch.next(0.0)) is not None:
            batch.began()
            if isinstance(plan, Group):
                asked += 1
                continue
            pages += 1
            first, *others = plan.groups
            for other in others:
                batch.give_back(other)
            batch.page_ended(plan, f"{first.key}~", 1, SLOW)
        while batch._under_way < ROOM:
            batch.began()
            asked += 1
    assert pages <= CREDIT_MAX + CREDIT_OF_HEAD * asked + 1


@given(st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.booleans()), max_size=80))
def test_nobody_is_forgotten(steps: list[tuple[str, bool]]):
    """Whoever is kept comes out once, be it by pages, alone, or after having been given back."""
    batch = batch_under_way()
    waiting: set[str] = set()
    for key, is_given_back in steps:
        if key not in waiting and batch.keep(Group(key), 0.0):
            waiting.add(key)
        batch.head_ended(SLOW, was_alone=False)
        plan = batch.next(0.0)
        batch.began()
        if isinstance(plan, Group):
            waiting.remove(plan.key)
        elif plan is not None:
            for group in plan.groups:
                if is_given_back:
                    batch.give_back(group)
                else:
                    waiting.remove(group.key)
            batch.page_ended(plan, plan.groups[0].key, int(GAIN_MIN), SLOW)
            batch.began()
    assert len(batch) == len(waiting)
    batch.be_silent(1.0)
    while (plan := batch.next(0.0)) is not None:
        assert isinstance(plan, Group)
        waiting.remove(plan.key)
    assert not waiting
