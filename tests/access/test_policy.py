"""Policies: IAM's judgement for the statements that are supported, refusal for the rest."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.policy import PolicyError, compile_policy


def statement(action="s3:*", resource="*", effect="Allow", **other):
    return {"Effect": effect, "Action": action, "Resource": resource} | other


def test_admin_may_everything_and_read_only_only_read():
    admin, reader = compile_policy("admin"), compile_policy("read-only")
    for action in ("s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets"):
        assert admin.allows(action, "b/k")
        assert reader.allows(action, "b/k")
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy", "s3:*"):
        assert admin.allows(action, "b/k")
        assert not reader.allows(action, "b/k")


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("models/*", "models/a/b", True),
        ("models/*", "models", False),
        ("models*", "models", True),
        ("arn:aws:s3:::models/*", "models/a", True),
        ("models/*", "arn:aws:s3:::models/a", True),
        ("models/a?c", "models/abc", True),
        ("models/a?c", "models/ac", False),
        ("models/*.bin", "models/x/y.bin", True),
        ("models/*.bin", "models/y.bin.tmp", False),
        ("models/*/v1/*", "models/a/v1/b", True),
        ("models/[ab]", "models/a", False),
        ("models/[ab]", "models/[ab]", True),
        ("Models/*", "models/a", False),
        ("models/*", "models/line\nfeed", True),
        ("*", "", True),
    ],
)
def test_resources_match_by_wildcards(pattern, resource, expected):
    assert compile_policy([statement(resource=pattern)]).allows("s3:Get", resource) is expected


@pytest.mark.parametrize("action", ["s3:GetObject", "S3:getobject", "s3:Get*", "s3:*", "*"])
def test_actions_match_without_case(action):
    policy = compile_policy([statement(action=[action])])
    assert policy.allows("s3:GetObject", "b/k")
    assert not compile_policy([statement(action="s3:PutObject")]).allows("s3:GetObject", "b/k")


def test_nothing_is_allowed_that_no_statement_allows():
    policy = compile_policy([statement(action="s3:GetObject", resource="b/*")])
    assert not policy.allows("s3:GetObject", "c/k")
    assert not policy.allows("s3:PutObject", "b/k")


@pytest.mark.parametrize("denial_first", [True, False])
def test_an_explicit_denial_wins_wherever_it_stands(denial_first):
    statements = [statement(), statement(resource="b/secret/*", effect="Deny")]
    policy = compile_policy(statements[::-1] if denial_first else statements)
    assert policy.allows("s3:GetObject", "b/open")
    assert not policy.allows("s3:GetObject", "b/secret/x")


def test_negations_speak_of_all_else():
    source = {"Effect": "Allow", "NotAction": "s3:Delete*", "NotResource": ["b/secret/*", "c/*"]}
    policy = compile_policy([source])
    assert policy.allows("s3:GetObject", "b/open")
    assert not policy.allows("s3:DeleteObject", "b/open")
    assert not policy.allows("s3:GetObject", "b/secret/x")


def test_an_unknown_operation_needs_every_action_and_no_denial_of_any():
    assert compile_policy([statement()]).allows("s3:*", "b/k")
    assert not compile_policy([statement("s3:Get*")]).allows("s3:*", "b/k")
    denied = [statement(), statement("s3:DeleteObject", "b/*", "Deny")]
    assert not compile_policy(denied).allows("s3:*", "b/k")
    assert compile_policy(denied).allows("s3:*", "c/k")
    all_but = {"Effect": "Allow", "NotAction": "s3:DeleteObject", "Resource": "*"}
    assert not compile_policy([all_but]).allows("s3:*", "b/k")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("root", '"admin" or "read-only"'),
        ([], "at least one statement"),
        ({}, "no Statement"),
        (["admin"], "a table"),
        ([statement(Condition={})], "Condition"),
        ([statement(Principal="*")], "Principal"),
        ([statement(effect="allow")], "Effect"),
        ([{"Action": "s3:*", "Resource": "*"}], "Effect"),
        ([{"Effect": "Allow", "Resource": "*"}], "exactly one of Action and NotAction"),
        ([statement(NotResource="*")], "exactly one of Resource and NotResource"),
        ([statement(action="GetObject")], 's3:"'),
        ([statement(action="ec2:Run")], 's3:"'),
        ([statement(action=[])], "Action must be"),
        ([statement(resource=[1])], "Resource must be"),
        ([statement(resource="arn:aws:ec2:::x")], "bucket/key"),
        ([statement(resource="")], "bucket/key"),
    ],
)
def test_what_cannot_be_judged_is_refused(source, words):
    with pytest.raises(PolicyError, match=re.escape(words)):
        compile_policy(source)


letters = st.text("ab*?/.", max_size=12)


@given(pattern=letters.filter(lambda text: text and text[0] != "/"), resource=letters)
def test_wildcards_are_those_of_a_plain_glob(pattern, resource):
    allowed = compile_policy([statement(resource=pattern)]).allows("s3:GetObject", resource)
    plain = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern)
    assert allowed == bool(re.fullmatch(plain, resource, re.DOTALL))


def test_a_hostile_pattern_is_judged_at_once():
    policy = compile_policy([statement(resource="b/" + "*a" * 40 + "*b")])
    assert not policy.allows("s3:GetObject", "b/" + "a" * 1024)
