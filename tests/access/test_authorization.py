"""Authorization: what a target is called in policies, and that nothing passes unjudged."""

import json

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Principal
from gateway.access.authorization import Authorization, resource_of
from gateway.access.policy import compile_policy
from gateway.access.request_context import NOTHING_KNOWN, RequestContext
from gateway.model.failures import AccessDenied, AuthenticationFailed, OriginUnreachable
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.addressing import Target
from gateway.telemetry.audit_log import AuditLog, is_read

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


class Asked:
    """A request, as far as a judgement looks at it."""

    id = "0123456789ABCDEF"
    remote = "192.0.2.7"
    head = RequestHead(
        "GET", "/b/a/k", "", CIMultiDictProxy(CIMultiDict({"User-Agent": "probe/1"})), secure=True
    )


def is_denied(who, action, target, context=NOTHING_KNOWN, audit_log=None) -> bool:
    try:
        Authorization(audit_log).require(who, action, target, context, Asked())
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


@pytest.fixture
def audit_path(tmp_path):
    return tmp_path / "audit.log"


def audited(path, **how):
    return AuditLog(str(path), **({"with_reads": True} | how))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_judgement_is_told_with_what_decided(audit_path):
    who = principal(("s3:GetObject", "b/*"))
    log = audited(audit_path)
    assert not is_denied(who, "s3:GetObject", OBJECT, audit_log=log)
    assert is_denied(who, "s3:PutObject", OBJECT, audit_log=log)
    allowed, denied = lines(audit_path)
    assert allowed["audit"] == "allowed"
    assert "statement" in allowed["why"]
    assert denied["audit"] == "denied"
    assert denied["why"] == "no statement allows it"
    for line in (allowed, denied):
        assert line["resource"] == "b/a/k"
        assert (line["principal"], line["access_key"]) == ("demo", "key")
        assert (line["remote"], line["tls"]) == ("192.0.2.7", True)
        assert (line["request_id"], line["user_agent"]) == (Asked.id, "probe/1")


def test_reads_that_are_allowed_may_be_left_out_and_nothing_else(audit_path):
    log = audited(audit_path, with_reads=False)
    who = principal(("s3:*", "b/*"))
    is_denied(who, "s3:GetObject", OBJECT, audit_log=log)
    is_denied(who, "s3:DeleteObject", OBJECT, audit_log=log)
    is_denied(who, "s3:GetObject", Target("c", "k", "k"), audit_log=log)
    assert [(line["audit"], line["action"]) for line in lines(audit_path)] == [
        ("allowed", "s3:DeleteObject"),
        ("denied", "s3:GetObject"),
    ]


def test_what_cannot_be_told_is_not_done():
    log = audited("/dev/full")
    who = principal(("s3:GetObject", "b/*"))
    with pytest.raises(OriginUnreachable, match="audit log"):
        is_denied(who, "s3:GetObject", OBJECT, audit_log=log)
    assert is_denied(who, "s3:PutObject", OBJECT, audit_log=log)


def test_who_could_not_be_proven_is_told_by_the_key_that_was_claimed(audit_path):
    asked = Asked()
    credential = "Credential=AKIDX/20260101/us-east-1/s3/aws4_request"
    signed = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature={'ab' * 32}"
    asked.head = RequestHead(
        "GET", "/b", "", CIMultiDictProxy(CIMultiDict({"Authorization": signed})), secure=False
    )
    failure = AuthenticationFailed("No such key", code="InvalidAccessKeyId")
    Authorization(audited(audit_path)).note_unproven(failure, BUCKET, asked)
    (line,) = lines(audit_path)
    assert line["principal"] == "-"
    assert line["access_key"] == "AKIDX"
    assert line["why"] == "InvalidAccessKeyId: No such key"
    assert "abab" not in audit_path.read_text()


def test_credentials_that_are_given_are_no_read():
    assert not is_read("sts:GetSessionToken")
    assert not is_read("sts:AssumeRole")
    assert is_read("s3:GetObject")
    assert is_read("forebay:ListIdentities")
