"""A row of the performance suite: its place, its title, and that its failure is only its own."""

import time
from pathlib import Path

import pytest

from conformance.performance.figures import Bar, Outcome, Samples, in_turns
from conformance.performance.measurement import Measurement, row_order, take
from conformance.performance.report import markdown, merged
from conformance.performance.suite import MEASUREMENTS
from conformance.performance.workplace import Workplace

PLACE = Workplace(Path("nowhere"), is_quick=True)
ON = {"commit": "abc1234"}


def sums(_place: Workplace) -> Outcome:
    """P2: how fast one and one are added."""
    return Outcome("P2", "sums", (Samples("one", "s", (1.0,)),), (Bar("of two", 0.5, 0.25),))


def fails(_place: Workplace) -> Outcome:
    """P3: nothing."""
    raise ValueError("the origin said no\nand more")


def lasts(_place: Workplace) -> Outcome:
    """P4: for ever."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pass
    return sums(_place)


def written(outcome: Outcome) -> dict[str, object]:
    samples = [{"subject": s.subject, "unit": s.unit, "values": s.values} for s in outcome.samples]
    bars = [
        {"what": b.what, "value": b.value, "limit": b.limit, "is_ceiling": b.is_ceiling}
        for b in outcome.bars
    ]
    return {
        "id": outcome.id,
        "title": outcome.title,
        "notes": outcome.notes,
        "error": outcome.error,
        "samples": samples,
        "bars": bars,
        "load_average": 0.5,
        "taken": "today",
        "on": ON,
    }


def test_rows_stand_in_the_order_of_their_numbers() -> None:
    assert sorted(["C2", "P10", "A1", "P2", "P1"], key=row_order) == ["P1", "P2", "P10", "A1", "C2"]


def test_every_row_has_a_title_and_a_place() -> None:
    assert all(one.title for one in MEASUREMENTS.values())
    assert sorted(MEASUREMENTS, key=row_order)


def test_a_row_is_what_its_measurement_found() -> None:
    assert take("P2", Measurement(sums), PLACE).bars[0].holds


@pytest.mark.parametrize(
    ("measurement", "error"),
    [
        (Measurement(fails), "ValueError: the origin said no"),
        (Measurement(lasts, seconds_max=1), "TimeoutError: not done in 1 s"),
        (Measurement(sums, "no-such-program"), "no-such-program is not installed"),
    ],
    ids=["fails", "lasts", "needs"],
)
def test_a_row_that_fails_says_why(measurement: Measurement, error: str) -> None:
    outcome = take("P9", measurement, PLACE)
    assert outcome.id == "P9"
    assert outcome.error.startswith(error)


def test_a_failed_row_keeps_its_last_figures_and_says_why() -> None:
    last = written(sums(PLACE))
    now = {**last, "samples": [], "bars": [], "error": "it broke"}
    both = merged(last, now)
    assert both["samples"] == last["samples"]
    assert both["error"] == "it broke (at abc1234, today)"
    assert merged(None, now) == now
    assert merged(both, last) == last
    report = markdown({"P2": both})
    assert "0.500 (at least 0.25) met" in report
    assert "could not be taken**: it broke" in report


def test_a_subject_that_may_fail_is_left_out_and_any_other_is_not() -> None:
    def breaks() -> float:
        raise RuntimeError("it broke")

    told: list[Exception] = []
    trials = {"ours": lambda: 1.0, "peer": breaks}
    assert set(in_turns(2, "s", trials, {"peer": told.append})) == {"ours"}
    assert [str(one) for one in told] == ["it broke"]
    with pytest.raises(RuntimeError, match="it broke"):
        in_turns(2, "s", trials, {"ours": told.append})
