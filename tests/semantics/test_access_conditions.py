"""Conditions through the door: each is judged by the very request, and what it names besides."""

from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.access_matrix import identities
from tests.support.gateway_worker import Gateway
from tests.support.signed_client import SignedClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANN = ("matrix-ann", "a secret")
POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket",
     "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"},
                   "StringEquals": {"s3:delimiter": "/"},
                   "NumericLessThanEquals": {"s3:max-keys": "10"},
                   "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                   "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}},
    {"Sid": "Home", "Effect": "Allow", "Action": "s3:*",
     "Resource": "arn:aws:s3:::bucket/${aws:username}/*"},
    {"Sid": "Share", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/shared/*"},
    {"Sid": "OnlyFromShared", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
     "Condition": {"StringNotLike": {"s3:x-amz-copy-source": "bucket/shared/*"},
                   "Null": {"s3:x-amz-copy-source": "false"}}},
    {"Sid": "StayPrivate", "Effect": "Deny", "Action": "s3:PutObject*", "Resource": "*",
     "Condition": {"StringNotEquals": {"s3:x-amz-acl": "private"},
                   "Null": {"s3:x-amz-acl": "false"}}},
    {"Sid": "OldOnes", "Effect": "Deny", "Action": "s3:DeleteObjectVersion", "Resource": "*",
     "Condition": {"StringEquals": {"s3:VersionId": "null"}}}
  ]
}"""


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    ann = {"name": "ann", "access_key": ANN[0], "secret_key": ANN[1], "policy": POLICY}
    return {"identities": identities([ann])}


@pytest.fixture
def ann(gateway: Gateway) -> SignedClient:
    return gateway.as_principal(ANN)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("prefix=ann%2F&delimiter=%2F&max-keys=10", 200),
        ("list-type=2&prefix=ann/a&delimiter=/&max-keys=1", 200),
        ("prefix=ben%2F&delimiter=%2F&max-keys=10", 403),
        ("delimiter=%2F&max-keys=10", 403),
        ("prefix=ann%2F&delimiter=%2F", 403),
        ("prefix=ann%2F&delimiter=%2F&max-keys=11", 403),
        ("prefix=ann%2F&max-keys=10", 403),
        ("prefix=ann%2F&prefix=ben%2F&delimiter=%2F&max-keys=10", 400),
        ("prefix=ann%2F&delimiter=%2F&max-keys=10&max-keys=1000", 400),
        ("prefix=ann%2F&delimiter=%2F&max-keys=%2B1000", 400),
    ],
)
async def test_a_listing_is_judged_by_what_it_lists(
    ann: SignedClient, origin: EmbeddedOrigin, query: str, status: int
) -> None:
    assert (await ann.ask("GET", "/bucket", query=query)).status == status
    assert bool(origin.counters.requests) == (status == 200)


async def test_a_prefix_in_a_read_gives_no_right_to_know_what_is_absent(ann: SignedClient) -> None:
    query = "prefix=ann%2F&delimiter=%2F&max-keys=10"
    assert (await ann.get("bucket", "shared/absent")).status == 403
    assert (await ann.get("bucket", "shared/absent", query=query)).status == 403


async def test_a_copy_is_judged_by_the_source_however_it_is_spelt(
    ann: SignedClient, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "shared/a+b", b"shared")
    origin.put("bucket", "ann/own", b"own")
    for source, status in {
        "/bucket/shared/a%2Bb": 200,
        "bucket/%73hared/a%2bb": 200,
        "/bucket/ann/own": 403,
        "/bucket/shared%2F..%2Fann%2Fown": 403,  # a key of its own, and absent
    }.items():
        headers = {"x-amz-copy-source": source}
        reply = await ann.put("bucket", "ann/copy", b"", headers=headers)
        assert reply.status == status, source


async def test_an_upload_is_judged_by_its_acl(ann: SignedClient, origin: EmbeddedOrigin) -> None:
    assert (await ann.put("bucket", "ann/new", b"x")).status == 200
    public = {"x-amz-acl": "public-read"}
    assert (await ann.put("bucket", "ann/open", b"x", headers=public)).status == 403
    hoisted = await ann.put("bucket", "ann/open", b"x", query="X-Amz-Acl=public-read")
    assert hoisted.status == 403
    assert (await ann.put("bucket", "ben/new", b"x")).status == 403


async def test_each_deleted_version_is_judged_by_itself(
    ann: SignedClient, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "ann/one", b"x")
    origin.put("bucket", "ann/two", b"x")
    entries = "<Object><Key>ann/one</Key><VersionId>null</VersionId></Object>"
    body = f"<Delete>{entries}<Object><Key>ann/two</Key></Object></Delete>".encode()
    reply = await ann.ask("POST", "/bucket", query="delete", body=body)
    assert b"<Deleted><Key>ann/two</Key>" in reply.body
    assert b"<Code>AccessDenied</Code>" in reply.body
    assert origin.read("bucket", "ann/one") == b"x"
