"""How far pages reach: what is known is right while the bucket does not change, and bounded."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reach import END, PAGES_MAX, Reach, before

KEYS = st.text(st.sampled_from("a/1~\u00e9"), min_size=1, max_size=6)


@given(st.sets(KEYS, min_size=1, max_size=60), st.lists(st.tuples(KEYS, st.booleans())))
def test_a_page_that_is_known_shows_the_key(bucket, begins):
    keys, reach, rows = sorted(bucket), Reach(), 5
    for key, is_behind in begins:
        start = key if is_behind else before(key)
        page = keys[(at := bisect_right(keys, start)) : at + rows]
        reach.learn(start, page[-1] if at + rows < len(keys) else END)
        for one in keys:
            known = reach.find(one)
            if known is not None:
                shown = keys[(at := bisect_right(keys, known)) : at + rows]
                assert one in shown


def test_what_is_behind_the_last_page_is_on_it():
    reach = Reach()
    reach.learn("b", END)
    assert reach.find("zz") == "b"
    assert reach.find("b") is None


def test_pages_side_by_side_stay_as_they_are():
    reach = Reach()
    reach.learn("", "k3")
    reach.learn("k3", "k6")
    reach.learn("", "k2")  # a key was written between: the page reaches less far
    assert [reach.find(key) for key in ("k1", "k2", "k5")] == ["", "", "k3"]
    reach.learn("", "k4")  # and some were deleted: it reaches into the next one
    assert [reach.find(key) for key in ("k3", "k4", "k5")] == ["", "", "k4"]


def test_what_is_known_is_bounded():
    reach = Reach()
    for number in range(PAGES_MAX + 10):
        reach.learn(f"{number:08}", f"{number:08}x")
    assert len(reach) <= PAGES_MAX


@given(KEYS)
def test_a_page_begins_just_before_its_key(key):
    assert before(key) < key


def test_little_is_listed_in_vain_before_the_key():
    assert before("a/12") == "a/11~"
    assert before("a/1!") == "a/1"
