"""Answers that Forebay reads or changes."""

import pytest
from defusedxml.ElementTree import fromstring

from gateway.model.failures import OriginUnreachable
from gateway.protocol.s3.responses import (
    DeleteError,
    delete_result,
    find_error,
    is_error,
    visible_buckets,
)

NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
DENIED = DeleteError("<k>\r", "v1", "AccessDenied", "Access Denied")
BUCKETS = (
    HEAD + b'<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>o'
    b"</ID></Owner><Buckets><Bucket><Name>a</Name></Bucket><Bucket><Name>b</Name><CreationDate>d"
    b"</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
)


def shape(body):
    return [(each.tag.removeprefix(NS), each.text) for each in fromstring(body).iter()]


def test_our_errors_join_the_origins_result():
    origin = HEAD + (
        b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Deleted><Key>a&#13;</Key></Deleted></DeleteResult>"
    )
    merged = delete_result(origin, [DENIED])
    assert fromstring(merged).tag == f"{NS}DeleteResult"
    assert shape(merged) == [
        ("DeleteResult", None),
        ("Deleted", None),
        ("Key", "a\r"),
        ("Error", None),
        ("Key", "<k>\r"),
        ("VersionId", "v1"),
        ("Code", "AccessDenied"),
        ("Message", "Access Denied"),
    ]
    assert delete_result(origin, []) is origin
    assert shape(delete_result(b"<DeleteResult/>", [DENIED]))[1] == ("Error", None)


def test_our_errors_alone():
    assert shape(delete_result(None, [DENIED]))[2] == ("Key", "<k>\r")
    assert shape(delete_result(None, [])) == [("DeleteResult", None)]


def test_only_visible_buckets_are_listed():
    shown = visible_buckets(BUCKETS, lambda name: name == "b")
    assert [text for tag, text in shape(shown) if tag == "Name"] == ["b"]
    assert ("ID", "o") in shape(shown)
    assert ("CreationDate", "d") in shape(shown)
    assert b"<Name>" not in visible_buckets(BUCKETS, lambda _: False)


@pytest.mark.parametrize("body", [b"", b"x", b"<Other/>", b"<!DOCTYPE a []><DeleteResult/>"])
def test_what_cannot_be_read_is_not_shown(body):
    with pytest.raises(OriginUnreachable):
        visible_buckets(body, lambda _: True)
    with pytest.raises(OriginUnreachable):
        delete_result(body, [DENIED])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (HEAD + b"<Error><Code>SlowDown</Code><Message>m</Message></Error>", "SlowDown"),
        (b"  \r\n  " + HEAD + b"\n<Error><Code>SlowDown</Code></Error>", "SlowDown"),
        (b'<Error xmlns="x"><Code>SlowDown</Code></Error>', "SlowDown"),
        (b"<Error/>", "InternalError"),
        (b"<Error><Code>cut", None),
        (HEAD + b"<CopyObjectResult><Error/></CopyObjectResult>", None),
        (b"<Errors/>", None),
        (b"", None),
    ],
)
def test_an_error_in_a_200(body, code):
    found = find_error(body)
    assert (found.code if found else None) == code
    if code:
        assert is_error(body)
