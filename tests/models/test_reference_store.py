"""The reference itself: it takes what may be, and names what may not."""

import pytest

from tests.models.reference_store import BrokenPromiseError, ReferenceStore, Seen, Value

KEY = ("b", "k")
OLD = Value(b"old body", "1", '"1"')
NEW = Value(b"new body", "2", '"2"')


def written(*values: Value | None) -> ReferenceStore:
    """Return a store in which the values became current at 10, 20, 30 ..."""
    store = ReferenceStore()
    for number, value in enumerate(values, 1):
        pending = store.begin(KEY, value)
        store.commit(KEY, value, 10.0 * number)
        store.end(pending, 200, 10.0 * number + 1)
    return store


def seen(value: Value, **changes: object) -> Seen:
    shown = {"meta": value.meta, "etag": value.etag, "size": len(value.body), "body": value.body}
    return Seen(200, **{**shown, **changes})  # type: ignore[arg-type]


def kind_of(store: ReferenceStore, what: Seen, begin: float, end: float, **how: float) -> str:
    try:
        store.judge(KEY, what, begin, end, **how)
    except BrokenPromiseError as broken:
        return broken.kind
    return ""


@pytest.mark.parametrize(
    ("what", "begin", "end", "kind"),
    [
        (seen(OLD), 11, 12, ""),
        (seen(OLD), 19, 25, ""),
        (seen(NEW), 19, 25, ""),
        (seen(OLD), 21, 22, "stale"),
        (seen(NEW), 11, 12, "stale"),
        (seen(OLD), 31, 32, "resurrected"),
        (Seen(404), 31, 32, ""),
        (Seen(404), 5, 6, ""),
        (Seen(404), 15, 16, "lost"),
        (seen(OLD, body=b"old bodx"), 11, 12, "mixed"),
        (seen(OLD, body=b"new body"), 11, 30, "mixed"),
        (seen(OLD, meta="2"), 11, 30, "mixed"),
        (seen(OLD, body=b"old"), 11, 12, "mixed"),
        (seen(OLD, body=b"old", is_cut=True), 11, 12, ""),
        (seen(OLD, body=b"new", is_cut=True), 11, 12, "mixed"),
        (seen(OLD, body=b"d b", part=(2, 5)), 11, 12, ""),
        (seen(OLD, body=b"d b", part=(3, 6)), 11, 12, "mixed"),
        (seen(OLD, body=b"", is_head=True), 11, 12, ""),
        (Seen(304, asked='"1"'), 11, 12, ""),
        (Seen(304, asked='"1"'), 21, 22, "stale"),
        (Seen(412, asked='"2"'), 11, 12, ""),
        (Seen(412, asked='"1"'), 11, 12, "stale"),
        (Seen(416, size=8), 11, 12, ""),
        (Seen(416, size=9), 11, 12, "odd"),
    ],
)
def test_answers_are_judged_by_the_time_of_their_request(
    what: Seen, begin: float, end: float, kind: str
) -> None:
    assert kind_of(written(OLD, NEW, None), what, begin, end) == kind


def test_a_bounded_answer_may_be_older_but_not_than_the_last_acknowledged_write() -> None:
    store = written(OLD, NEW)  # acknowledged at 11 and 21
    assert kind_of(store, seen(OLD), 22, 23, staleness_seconds=5) == "stale"
    # It began before the write was acknowledged.
    assert kind_of(store, seen(OLD), 20.5, 23, staleness_seconds=5) == ""
    with store.foreign(KEY, None):  # nobody is told
        store.commit(KEY, None, 30)
    assert kind_of(store, seen(NEW), 33, 34, staleness_seconds=5) == ""
    assert kind_of(store, seen(NEW), 36, 37, staleness_seconds=5) == "resurrected"


def test_a_commit_that_nobody_makes_is_named() -> None:
    store = ReferenceStore()
    store.begin(KEY, OLD)
    with pytest.raises(BrokenPromiseError, match="unasked"):
        store.commit(KEY, Value(b"old bodx", "1"), 1)


@pytest.mark.parametrize(
    ("status", "commits", "is_right"),
    [
        (200, 1, True),
        (200, 0, False),
        (200, 2, False),
        (403, 0, True),
        (403, 1, False),
        (503, 0, True),
        (503, 1, True),
        (503, 2, False),
        (None, 1, True),
    ],
)
def test_a_write_is_carried_out_as_it_was_answered(
    status: int | None, commits: int, is_right: bool
) -> None:
    store = ReferenceStore()
    pending = store.begin(KEY, OLD)
    for moment in range(commits):
        store.commit(KEY, OLD, moment)
    if is_right:
        store.end(pending, status, 9)
        return
    with pytest.raises(BrokenPromiseError, match="write"):
        store.end(pending, status, 9)
