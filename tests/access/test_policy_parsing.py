"""Policy documents: IAM's JSON as it is, and one sentence for what cannot be judged."""

import json
import re
from time import process_time

import pytest

from gateway.access.policy import PolicyError, compile_policy, united
from gateway.access.policy_parsing import JSON_LETTERS_MAX

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "b/secret/*"}


def document(*statements, **more):
    return {"Version": "2012-10-17", "Statement": list(statements)} | more


@pytest.mark.parametrize(
    "source",
    [
        [ALLOW],
        document(ALLOW, Id="an id"),
        {"Statement": ALLOW},
        {"Version": "2008-10-17", "Statement": [ALLOW]},
        json.dumps(document(ALLOW)),
        "\n" + json.dumps([ALLOW], indent=2),
        document(ALLOW | {"Resource": "arn:aws-cn:s3:::b/*"}),
        document(ALLOW | {"Sid": ""}, DENY | {"Sid": ""}),
    ],
)
def test_a_policy_may_be_written_in_several_ways(source):
    policy = compile_policy(source)
    assert policy.allows("s3:GetObject", "b/k")
    assert not policy.allows("s3:PutObject", "b/k")


def test_a_decision_names_the_statement():
    policy = compile_policy([ALLOW | {"Sid": "Read"}, DENY], "mine: ")
    assert policy.decide("s3:GetObject", "b/k").statement == 'mine: statement 1 "Read"'
    assert policy.decide("s3:GetObject", "b/secret/k").statement == "mine: statement 2"
    assert policy.decide("s3:GetObject", "c/k").statement == ""
    assert compile_policy("admin").decide("s3:GetObject", "c").statement == "admin: statement 1"


def test_in_a_union_any_denial_denies():
    both = united([compile_policy("admin"), compile_policy([DENY])])
    assert both.allows("s3:PutObject", "b/k")
    assert not both.allows("s3:PutObject", "b/secret/k")
    assert not united([]).allows("s3:GetObject", "b/k")


def test_a_policy_says_what_it_asks_of_requests():
    assert compile_policy([ALLOW, DENY]).keys == frozenset()
    condition = {"StringLike": {"s3:prefix": "${aws:username}/*"}}
    assert compile_policy([ALLOW | {"Condition": condition}]).keys == {"s3:prefix", "aws:username"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{", "the policy is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"Statement": ' + "9" * 5_000 + "}", "the policy is not JSON"),
        ("[" + " " * JSON_LETTERS_MAX, "letters"),
        ('{"Statement": [], "Statement": []}', "Statement stands twice"),
        ('[{"Condition": {"Null": {}, "Null": {"s3:prefix": "true"}}}]', "Null stands twice"),
        ({"Version": "2012-10-17"}, "no Statement"),
        (document(), "at least one statement"),
        (document(ALLOW, Version="2012-10-18"), "Version is"),
        (document(ALLOW, Versoin="x"), "the nearest known is Version"),
        (document(ALLOW, Id=1), "Id must be a string"),
        (document(ALLOW | {"Sid": 1}), "Sid must be a string"),
        (document(ALLOW | {"Sid": "x"}, DENY | {"Sid": "x"}), 'the Sid "x" stands twice'),
        (document(ALLOW | {"Principal": "*"}), "belongs to a bucket's policy"),
        (document(ALLOW | {"Conditions": {}}), "the nearest known is Condition"),
        (document(ALLOW | {"action": "*"}), "the nearest known is Action"),
        ({"Statement": [ALLOW | {"Resource": "b/${aws:username}"}]}, 'need Version "2012-10-17"'),
        (document(ALLOW | {"Action": "s3:${aws:username}"}), "actions know none"),
        (document(ALLOW | {"Resource": "arn:aws:iam::1:user/x"}), "bucket/key"),
        (document(ALLOW | {"Resource": "b/${aws:usernam}"}), "the nearest is ${aws:username}"),
    ],
)
def test_what_cannot_be_judged_is_refused(source, words):
    with pytest.raises(PolicyError, match=re.escape(words)):
        compile_policy(source)


def test_a_name_that_stands_twice_among_thousands_is_found_at_once():
    names = ", ".join(f'"{number}": 0' for number in [*range(9_000), 8_999])
    begun = process_time()
    with pytest.raises(PolicyError, match="8999 stands twice"):
        compile_policy("{" + names + "}")
    assert process_time() - begun < 0.5


def test_a_sid_that_stands_twice_among_thousands_is_found_at_once():
    statements = [ALLOW | {"Sid": str(number)} for number in [*range(3_000), 2_999]]
    with pytest.raises(PolicyError, match='"2999" stands twice'):
        compile_policy(statements)
