"""Authorization: what a target is called in policies, and that nothing passes unjudged."""

import pytest

from gateway.access.authentication import Principal
from gateway.access.authorization import Authorization, resource_of
from gateway.access.policy import compile_policy
from gateway.access.request_context import NOTHING_KNOWN, RequestContext
from gateway.model.failures import AccessDenied
from gateway.protocol.s3.addressing import Target

SERVICE = Target(None, None, "")
BUCKET = Target("b", None, "")
OBJECT = Target("b", "a/k", "a/k")


def principal(*statements):
    policy = compile_policy(
        [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in statements
        ]
    )
    return Principal("demo", "key", policy, None, None)


def is_denied(who, action, target, context=NOTHING_KNOWN) -> bool:
    try:
        Authorization().require(who, action, target, context)
    except AccessDenied:
        return True
    return False


@pytest.mark.parametrize(("target", "name"), [(SERVICE, "*"), (BUCKET, "b"), (OBJECT, "b/a/k")])
def test_targets_have_names(target, name):
    assert resource_of(target) == name


def test_an_object_right_is_no_bucket_right():
    who = principal(("s3:*", "b/*"))
    assert not is_denied(who, "s3:GetObject", OBJECT)
    assert is_denied(who, "s3:ListBucket", BUCKET)
    assert is_denied(who, "s3:ListAllMyBuckets", SERVICE)
    assert is_denied(who, "s3:GetObject", Target("c", "a/k", "a/k"))


def test_a_bucket_right_is_no_object_right():
    who = principal(("s3:*", "b"))
    assert not is_denied(who, "s3:ListBucket", BUCKET)
    assert is_denied(who, "s3:GetObject", OBJECT)


def test_keys_named_in_a_body_are_judged_one_by_one():
    who = principal(("s3:DeleteObject", "b/tmp/*"))
    assert not is_denied(who, "s3:DeleteObject", BUCKET)
    assert not is_denied(who, "s3:DeleteObject", Target("b", "tmp/x", "tmp/x"))
    assert is_denied(who, "s3:DeleteObject", Target("b", "x", "x"))
    assert is_denied(who, "s3:PutObject", BUCKET)


def test_who_may_list_may_learn_what_is_absent():
    for statement, target, expected in (
        (("s3:ListBucket", "b"), OBJECT, True),
        (("s3:GetObject", "b/*"), OBJECT, False),
        (("*", "*"), SERVICE, False),
    ):
        assert Authorization().may_list(principal(statement), target, NOTHING_KNOWN) is expected


def test_a_read_with_a_prefix_in_its_query_is_no_listing():
    condition = {"StringLike": {"s3:prefix": "home/*"}}
    statement = {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "b",
        "Condition": condition,
    }
    who = Principal("demo", "key", compile_policy([statement]), None, None)
    context = RequestContext({"s3:prefix": "home/x"})
    assert not is_denied(who, "s3:ListBucket", BUCKET, context)
    assert not Authorization().may_list(who, OBJECT, context)


def test_of_another_object_only_what_is_of_the_whole_request_is_known():
    context = RequestContext({"aws:username": "demo", "s3:prefix": "p", "s3:versionid": "1"})
    assert context.elsewhere().values == {"aws:username": "demo"}
    assert context.elsewhere("2").values == {"aws:username": "demo", "s3:versionid": "2"}
