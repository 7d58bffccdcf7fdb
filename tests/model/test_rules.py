"""Rules: the longest match wins, strict where nothing matches."""

import pytest

from gateway.model.names import ObjectName
from gateway.model.rules import DEFAULT_RULE, Freshness, Mode, Rule, Rules

IMMUTABLE = Freshness(Mode.IMMUTABLE)
BYPASS = Freshness(Mode.BYPASS)


@pytest.mark.parametrize(
    ("bucket", "key", "expected"),
    [
        ("models", "a", "models/*"),
        ("models", "llama/7b", "models/llama/*"),
        ("models", "llama/7b.json", "models/llama/7b.json"),
        ("models", "llama/7b.json5", "models/llama/7b.json*"),
        ("models2", "a", "*"),
    ],
)
def test_the_longest_match_wins(bucket, key, expected):
    matches = ["*", "models/llama/*", "models/*", "models/llama/7b.json*", "models/llama/7b.json"]
    rules = Rules(Rule(match, IMMUTABLE) for match in matches)
    assert rules.find(ObjectName(bucket, key)).match == expected


def test_order_of_writing_does_not_matter():
    rules = [Rule("b/*", IMMUTABLE), Rule("b/x*", BYPASS), Rule("*")]
    name = ObjectName("b", "xy")
    assert Rules(rules).find(name) == Rules(reversed(rules)).find(name) == Rule("b/x*", BYPASS)


def test_without_a_match_the_promise_is_strict_and_nothing_is_admitted_on_write():
    assert Rules([Rule("b/*", IMMUTABLE)]).find(ObjectName("c", "k")) is DEFAULT_RULE
    assert DEFAULT_RULE.freshness.mode is Mode.STRICT
    assert not DEFAULT_RULE.admit_on_write


def test_a_star_inside_a_key_is_a_letter_of_the_key():
    rules = Rules([Rule("b/a*b", IMMUTABLE)])
    assert rules.find(ObjectName("b", "a*b")).match == "b/a*b"
    assert rules.find(ObjectName("b", "aXb")) is DEFAULT_RULE


def test_freshness_reads_as_it_is_written():
    assert str(Freshness(Mode.BOUNDED, 30.0)) == "bounded(30s)"
    assert str(IMMUTABLE) == "immutable"


def test_rules_are_iterated_longest_first():
    assert [rule.match for rule in Rules([Rule("*"), Rule("b/*")])] == ["b/*", "*"]
