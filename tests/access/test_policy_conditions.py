"""Conditions: each operator on what is there and what is missing; variables; refusals."""

import re

import pytest

from gateway.access.policy import PolicyError, compile_policy
from gateway.access.request_context import NOTHING_KNOWN, RequestContext

CONTEXT = RequestContext(
    {
        "aws:username": "ann",
        "aws:sourceip": "10.1.2.3",
        "aws:securetransport": "false",
        "aws:currenttime": "2026-06-01T10:00:00+00:00",
        "aws:epochtime": "1780308000",
        "aws:useragent": "aws-cli/2.1",
        "s3:prefix": "home/ann/x",
        "s3:max-keys": "100",
    }
)


def allows(condition, action="s3:ListBucket", resource="b", context=CONTEXT, effect="Allow"):
    judged = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}
    others = [] if effect == "Allow" else [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    return compile_policy([judged, *others]).allows(action, resource, context)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:username", "ann", True),
        ("StringEquals", "AWS:UserName", ["ben", "ann"], True),
        ("StringEquals", "aws:username", "Ann", False),
        ("StringEquals", "s3:prefix", "home/*", False),
        ("StringNotEquals", "aws:username", ["ben", "cid"], True),
        ("StringNotEquals", "aws:username", ["ben", "ann"], False),
        ("StringEqualsIgnoreCase", "aws:username", "ANN", True),
        ("StringNotEqualsIgnoreCase", "aws:username", "ANN", False),
        ("StringEqualsIgnoreCase", "s3:prefix", "HOME/${aws:username}/X", True),
        ("StringLike", "s3:prefix", "home/${aws:username}/*", True),
        ("StringLike", "s3:prefix", ["x", "home/???/x"], True),
        ("StringLike", "s3:prefix", "home/${*}/x", False),
        ("StringNotLike", "aws:UserAgent", "aws-cli/*", False),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.0.0.0/8"], True),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("Bool", "aws:SecureTransport", "false", True),
        ("Bool", "aws:SecureTransport", True, False),
        ("NumericEquals", "s3:max-keys", "100.0", True),
        ("NumericNotEquals", "s3:max-keys", 100, False),
        ("NumericLessThan", "s3:max-keys", "100", False),
        ("NumericLessThanEquals", "s3:max-keys", 100, True),
        ("NumericGreaterThan", "s3:max-keys", "99", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "101", False),
        ("DateLessThan", "aws:CurrentTime", "2026-06-01T12:00:01+02:00", True),
        ("DateLessThan", "aws:CurrentTime", "2026-06-01", False),
        ("DateGreaterThanEquals", "aws:CurrentTime", "1780308000", True),
        ("DateEquals", "aws:EpochTime", "2026-06-01T10:00:00Z", True),
        ("NumericGreaterThan", "aws:EpochTime", "1780308000", False),
        ("Null", "s3:prefix", "false", True),
        ("Null", "s3:prefix", True, False),
        ("Null", "s3:delimiter", "true", True),
    ],
)
def test_a_condition_judges_the_requests_value(operator, key, value, expected):
    assert allows({operator: {key: value}}) is expected
    # A denial is what an Allow is not.
    assert allows({operator: {key: value}}, effect="Deny") is not expected


MISSING = [
    ("StringEquals", "s3:delimiter", "/"),
    ("StringLike", "s3:delimiter", "*"),
    ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    ("Bool", "aws:SecureTransport", "true"),
    ("NumericLessThan", "s3:max-keys", "10"),
    ("DateLessThan", "aws:CurrentTime", "2030-01-01"),
]
NEGATED = [
    ("StringNotEquals", "s3:delimiter", "/"),
    ("StringNotLike", "s3:delimiter", "*"),
    ("NotIpAddress", "aws:SourceIp", "0.0.0.0/0"),
    ("NumericNotEquals", "s3:max-keys", "10"),
    ("DateNotEquals", "aws:CurrentTime", "2030-01-01"),
]


@pytest.mark.parametrize(("operator", "key", "value"), MISSING)
def test_a_missing_key_makes_a_condition_false(operator, key, value):
    assert not allows({operator: {key: value}}, context=NOTHING_KNOWN)
    assert allows({f"{operator}IfExists": {key: value}}, context=NOTHING_KNOWN)


@pytest.mark.parametrize(("operator", "key", "value"), NEGATED)
def test_a_missing_key_makes_a_negated_condition_true(operator, key, value):
    assert allows({operator: {key: value}}, context=NOTHING_KNOWN)
    assert allows({f"{operator}IfExists": {key: value}}, context=NOTHING_KNOWN)


def test_all_operators_and_keys_must_hold():
    both = {"aws:username": "ann", "aws:UserAgent": "aws-cli/2.1"}
    assert allows({"StringEquals": both, "Bool": {"aws:SecureTransport": "false"}})
    assert not allows({"StringEquals": both, "Bool": {"aws:SecureTransport": "true"}})
    assert not allows({"StringEquals": both | {"s3:prefix": "x"}})


def test_a_key_of_listings_is_in_no_other_request():
    condition = {"StringLike": {"s3:prefix": "home/*"}}
    assert allows(condition, action="s3:ListBucketVersions")
    assert not allows(condition, action="s3:GetObject", resource="b/k")


def test_of_an_unknown_action_a_denial_sees_more_than_a_permission():
    condition = {"StringLike": {"s3:prefix": "home/*"}}
    assert not allows(condition, action="s3:*")
    assert not allows(condition, action="s3:*", effect="Deny")


@pytest.mark.parametrize(
    ("resource", "asked", "username", "expected"),
    [
        ("b/${aws:username}/*", "b/ann/x", "ann", True),
        ("b/${aws:username}/*", "b/ben/x", "ann", False),
        ("b/${aws:username}/*", "b/ben/x", "*", False),
        ("b/${aws:username}/*", "b/*/x", "*", True),
        ("b/${aws:username}/*", "b/ann/x", None, False),
        ("b/${aws:username, 'all'}/*", "b/all/x", None, True),
        ("arn:aws:s3:::${aws:username}", "ann", "ann", True),
        ("b/${*}${?}${$}", "b/*?$", None, True),
        ("b/${*}", "b/x", None, False),
        ("b/$x", "b/$x", None, True),
    ],
)
def test_variables_stand_for_what_the_request_says(resource, asked, username, expected):
    context = RequestContext({"aws:username": username} if username else {})
    policy = compile_policy([{"Effect": "Allow", "Action": "*", "Resource": resource}])
    assert policy.allows("s3:GetObject", asked, context) is expected
    others = compile_policy([{"Effect": "Allow", "Action": "*", "NotResource": resource}])
    assert others.allows("s3:GetObject", asked, context) is not expected


def test_an_ipv4_client_of_a_socket_for_both_families_is_an_ipv4_client():
    context = RequestContext({"aws:sourceip": "::ffff:10.1.2.3"})
    assert allows({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, context=context)


def test_an_ipv6_client_is_in_no_ipv4_network():
    context = RequestContext({"aws:sourceip": "2001:db8::1"})
    assert not allows({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, context=context)
    assert allows({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, context=context)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({}, "Condition is a table"),
        ([], "Condition is a table"),
        ({"StringEquals": {}}, "table of condition keys"),
        ({"StringEquals": {"s3:prefix": []}}, "a string or a list"),
        ({"StringEquals": {"s3:prefix": {"x": 1}}}, "a string or a list"),
        ({"StringEqual": {"s3:prefix": "x"}}, "the nearest is StringEquals"),
        ({"StringLikeIgnoreCase": {"s3:prefix": "x"}}, "StringLikeIgnoreCase is not known"),
        ({"ForAllValues:StringEquals": {"s3:prefix": "x"}}, "write StringEquals"),
        ({"ForAnyValue:StringLike": {"s3:prefix": "x"}}, "no known key has"),
        ({"NullIfExists": {"s3:prefix": "true"}}, "the nearest is Null"),
        ({"Null": {"s3:prefix": "yes"}}, "must be missing"),
        ({"StringEquals": {"s3:prefx": "x"}}, "the nearest is s3:prefix"),
        ({"StringEquals": {"aws:usrid": "x"}}, "the condition key aws:usrid is not known"),
        ({"StringEquals": {"aws:SourceIp": "10.0.0.1"}}, "use IpAddress, NotIpAddress"),
        ({"Bool": {"s3:prefix": "true"}}, "Bool cannot judge s3:prefix, which is a text"),
        ({"Bool": {"aws:SecureTransport": "yes"}}, 'Bool is "true" or "false"'),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.1/8"}}, "host bits set"),
        ({"IpAddress": {"aws:SourceIp": "office"}}, "10.0.0.0/8"),
        ({"NumericLessThan": {"s3:max-keys": "ten"}}, '"ten" is not a number'),
        ({"NumericLessThan": {"s3:max-keys": "1e9"}}, "is not a number"),
        ({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}, '"tomorrow" is not a moment'),
        ({"StringEquals": {"s3:prefix": "${aws:usernam}"}}, "the nearest is ${aws:username}"),
        ({"StringEquals": {"s3:prefix": "${aws:username"}}, 'without "}"'),
    ],
)
def test_what_cannot_be_judged_is_refused(condition, words):
    with pytest.raises(PolicyError, match=re.escape(words)):
        allows(condition)
