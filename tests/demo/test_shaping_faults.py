"""Which requests a fault rule spoils, and what the tally says afterwards."""

from gateway.demo.shaping_faults import FaultPlan, FaultRule, Tally
from gateway.demo.shaping_heads import read_request


def ask(plan: FaultPlan, line: str) -> str:
    rule = plan.find(read_request(f"{line} HTTP/1.1\r\n\r\n".encode()))
    return rule.kind if rule else ""


def test_without_rules_nothing_is_spoilt() -> None:
    assert ask(FaultPlan(), "GET /b/k") == ""


def test_a_rule_skips_then_fires_its_count() -> None:
    plan = FaultPlan()
    plan.replace([FaultRule("reset", skip=1, count=2)])
    assert [ask(plan, "GET /b/k") for _ in range(5)] == ["", "reset", "reset", "", ""]


def test_a_rule_keeps_to_its_method_and_its_target() -> None:
    plan = FaultPlan()
    plan.replace([FaultRule("error", method="LIST"), FaultRule("etag", method="GET", match="/k")])
    assert ask(plan, "GET /b?list-type=2") == "error"
    assert ask(plan, "GET /b/k") == "etag"
    assert ask(plan, "GET /b/other") == ""
    assert ask(plan, "HEAD /b/k") == ""


def test_chance_is_repeatable_and_near_its_probability() -> None:
    fired = []
    for _ in range(2):
        plan = FaultPlan(seed=7)
        plan.replace([FaultRule("reset", probability=0.25)])
        fired.append([ask(plan, "GET /b/k") for _ in range(1000)])
    assert fired[0] == fired[1]
    assert 200 < fired[0].count("reset") < 300


def test_new_rules_begin_at_zero() -> None:
    plan = FaultPlan()
    for _ in range(2):
        plan.replace([FaultRule("reset", count=1)])
        assert [ask(plan, "GET /b/k"), ask(plan, "GET /b/k")] == ["reset", ""]


def test_the_tally_counts_and_forgets() -> None:
    tally = Tally()
    tally.count_connection()
    tally.add(tally.requests, "GET")
    tally.add(tally.response_body_bytes, "GET", 5)
    assert tally.snapshot() == {
        "connections": 1,
        "requests": {"GET": 1},
        "request_body_bytes": {},
        "response_body_bytes": {"GET": 5},
        "statuses": {},
        "faults": {},
    }
    tally.reset()
    assert tally.snapshot()["requests"] == {}
