"""The context of a request: what conditions see, and what is refused because two could be meant."""

from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.request_context import KEYS, NOTHING_KNOWN, Facts, request_context
from gateway.model.failures import InvalidRequest
from gateway.protocol.http.head import RequestHead

NOW = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)


def values(query="", headers=(), keys=tuple(KEYS), *, secure=False, source_ip="10.0.0.7"):
    head = RequestHead("GET", "/b", query, CIMultiDictProxy(CIMultiDict(headers)), secure)
    return request_context(keys, Facts(head, "ann", source_ip, NOW, "ann")).values


def test_of_every_request_who_whence_when_and_how_are_known():
    assert values() == {
        "aws:currenttime": "2026-06-01T10:00:00+00:00",
        "aws:epochtime": "1780308000",
        "aws:securetransport": "false",
        "aws:sourceip": "10.0.0.7",
        "aws:userid": "ann",
        "aws:username": "ann",
    }
    assert values(keys=["aws:sourceip"], source_ip=None) == {}
    assert values(keys=["aws:securetransport"], secure=True) == {"aws:securetransport": "true"}


def test_only_what_is_asked_for_is_read():
    assert values("max-keys=none", keys=["s3:prefix"]) == {}
    assert request_context((), None) is NOTHING_KNOWN


@pytest.mark.parametrize(
    ("query", "headers", "key", "value"),
    [
        ("list-type=2&prefix=a%2Fb+c", (), "s3:prefix", "a/b c"),
        ("prefix", (), "s3:prefix", ""),
        ("prefix=a&prefix=a", (), "s3:prefix", "a"),
        ("delimiter=%2F", (), "s3:delimiter", "/"),
        ("max-keys=7", (), "s3:max-keys", "7"),
        ("versionId=v", (), "s3:versionid", "v"),
        ("", [("X-Amz-Acl", "private")], "s3:x-amz-acl", "private"),
        ("X-Amz-ACL=private", (), "s3:x-amz-acl", "private"),
        ("", [("x-amz-copy-source", "/b/a%2Bb?versionId=1")], "s3:x-amz-copy-source", "b/a+b"),
        ("", [("x-amz-copy-source", "b/a+b")], "s3:x-amz-copy-source", "b/a b"),
        ("", [("User-Agent", "cli")], "aws:useragent", "cli"),
        ("", [("Referer", "https://x/")], "aws:referer", "https://x/"),
    ],
)
def test_what_the_client_sends_is_read_as_the_origin_reads_it(query, headers, key, value):
    assert values(query, headers, [key]) == {key: value}


@pytest.mark.parametrize("query", ["", "max-keys=", "max-keys"])
def test_no_number_of_keys_is_none(query):
    assert values(query, keys=["s3:max-keys"]) == {}


@pytest.mark.parametrize(
    ("query", "headers", "key"),
    [
        ("prefix=a&prefix=b", (), "s3:prefix"),
        ("prefix=a&pre%66ix=b", (), "s3:prefix"),
        ("max-keys=%2B7", (), "s3:max-keys"),
        ("max-keys=1e3", (), "s3:max-keys"),
        ("x-amz-acl=private", [("x-amz-acl", "public-read")], "s3:x-amz-acl"),
        ("", [("x-amz-acl", "private"), ("X-Amz-Acl", "public-read")], "s3:x-amz-acl"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(query, headers, key):
    with pytest.raises(InvalidRequest) as refused:
        values(query, headers, [key])
    assert refused.value.code == "InvalidArgument"
