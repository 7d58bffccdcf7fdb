"""Targets of policies: what compiles decides as the independent model does; no crash."""

import json
from contextlib import suppress
from datetime import UTC, datetime

from gateway.access.policy import PolicyError, compile_policy
from gateway.access.request_context import KEYS, Facts, RequestContext, request_context
from gateway.model.failures import Failure
from tests.fuzzing.target import Portions, Target, head_of
from tests.models import policy_model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ACTIONS = ("s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObjectVersion", "s3:*")
_RESOURCES = ("b/home/ann/x", "b", "*", "b/k", "c/Home")
_CONTEXTS = (
    {"aws:username": "ann"},
    {
        "aws:username": "a*",
        "aws:SourceIp": "10.0.0.7",
        "aws:SecureTransport": "true",
        "aws:CurrentTime": "2026-01-01T00:00:00+00:00",
        "aws:UserAgent": "home/ann",
        "s3:prefix": "home/ann/",
        "s3:max-keys": "10",
        "s3:VersionId": "1",
        "s3:x-amz-acl": "private",
    },
)


def read_iam_policy(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    try:
        policy = compile_policy(text)
    except PolicyError:
        return
    asked = [
        (action, resource, values)
        for action in _ACTIONS
        for resource in _RESOURCES
        for values in _CONTEXTS
    ]
    judged = [
        policy.allows(action, resource, RequestContext({k.lower(): v for k, v in values.items()}))
        for action, resource, values in asked
    ]
    document = _modelled(text)
    if document is not None:
        assert judged == [policy_model.is_allowed([document], *one) for one in asked]


def _modelled(text: str) -> dict | None:
    """Return the document where it is written in the model's words: whole, and nothing unusual."""
    source = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    document = {"Statement": source} if isinstance(source, list) else source
    if document is None or not all(ord(letter) < 128 for letter in text):
        return None
    statements = document["Statement"]
    for one in statements if isinstance(statements, list) else [statements]:
        if "Condition" in one or "arn:aws-" in text or text.count("arn:") > 1:
            return None
    return document


def read_context(raw: bytes) -> None:
    portions = Portions(raw)
    source_ip = portions.choice((None, "10.0.0.7", "::ffff:10.0.0.7", "fe80::1%eth0"))
    facts = Facts(head_of(portions.rest(), secure=True), "ann", source_ip, NOW, "ann")
    for key in KEYS:
        with suppress(Failure):
            context = request_context([key], facts)
            assert context.find(key) is None or isinstance(context.find(key), str)
            assert context.elsewhere("1").find("s3:versionid") in (None, "1")


_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::b/*"},
        {
            "Sid": "a",
            "Effect": "Deny",
            "NotAction": "s3:?etObject",
            "NotResource": "b/home/${aws:username}/*",
            "Condition": {
                "StringLike": {"s3:prefix": ["home/*", "${aws:username, 'x'}"]},
                "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                "NumericLessThanIfExists": {"s3:max-keys": 10},
                "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                "Bool": {"aws:SecureTransport": True},
                "Null": {"aws:Referer": "true"},
            },
        },
    ],
}

TARGETS = (
    Target(
        "policy",
        read_iam_policy,
        (
            json.dumps(_POLICY).encode(),
            json.dumps(_POLICY["Statement"][:1]).encode(),
            b"read-only",
            b'{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}',
        ),
        b'"Version"|"2012-10-17"|"Statement"|"Effect"|"Allow"|"Deny"|"Action"|"NotAction"|"s3:*"|'
        b'"Resource"|"NotResource"|"*"|"Condition"|"Sid"|"Id"|{|}|[|]|:|,|"StringEquals"|'
        b'"StringNotLike"|"NumericEquals"|"DateLessThan"|"Bool"|"IpAddress"|"Null"|IfExists|'
        b'"aws:username"|"aws:SourceIp"|"s3:prefix"|"s3:max-keys"|${|}|${*}|, \'a\'|1e400|NaN|'
        b'"10.0.0.0/8"|"::/0"|"0001-01-01T00:00:00+23:59"|true|null|\\ud800|999999999999999999999',
        bytes_max=8192,
    ),
    Target(
        "context",
        read_context,
        (
            b"\x01GET /b?prefix=a&prefix=b&max-keys=10&versionId=1\nUser-Agent: a\nReferer: b",
            b"\x02PUT /b/k?X-Amz-Acl=private\nx-amz-acl: private\nx-amz-copy-source: /b/%6b",
        ),
        b"prefix=|&|delimiter=|max-keys=|versionId=|x-amz-acl|\nx-amz-copy-source: |\nReferer: |%",
    ),
)
