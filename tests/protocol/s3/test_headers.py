"""Which headers cross the gateway."""

import pytest
from multidict import CIMultiDict

from gateway.model.failures import InvalidRequest
from gateway.protocol.s3 import headers as tables


def test_a_request_goes_on_without_its_connection_and_its_signature():
    sent = CIMultiDict(
        [
            ("Host", "gateway"),
            ("Authorization", "AWS4"),
            ("X-Amz-Date", "d"),
            ("X-Amz-Content-SHA256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("X-Amz-Security-Token", "t"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("Content-Length", "9"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("Expect", "100-continue"),
            ("X-Forebay-Explain", "1"),
            ("Content-Encoding", "aws-chunked,gzip"),
            ("Accept-Encoding", "identity"),
            ("Range", "bytes=0-1"),
            ("x-amz-meta-a", "1"),
            ("x-amz-meta-a", "2"),
            ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ]
    )
    assert tables.request_headers_onward(sent) == [
        ("Content-Encoding", "gzip"),
        ("Accept-Encoding", "identity"),
        ("Range", "bytes=0-1"),
        ("x-amz-meta-a", "1,2"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ]


@pytest.mark.parametrize(
    ("encoding", "kept"),
    [
        ("aws-chunked", ""),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, AWS-Chunked", "gzip"),
        ("aws-chunked, gzip, br", "gzip,br"),
        ("gzip, br", "gzip, br"),
        ("", ""),
    ],
)
def test_aws_chunked_leaves_the_content_encoding(encoding, kept):
    assert tables.without_aws_chunked(encoding) == kept
    framed = CIMultiDict({"Content-Encoding": encoding, "x-amz-decoded-content-length": "5"})
    assert dict(tables.request_headers_onward(framed)) == (
        {"Content-Encoding": kept} if kept else {}
    )


def test_aws_chunked_stays_where_nothing_was_framed():
    plain = CIMultiDict({"Content-Encoding": "aws-chunked", "x-amz-content-sha256": "0" * 64})
    assert tables.request_headers_onward(plain) == [("Content-Encoding", "aws-chunked")]


def test_an_answer_goes_on_without_its_connection():
    sent = CIMultiDict(
        [("Connection", "x-hop"), ("X-Hop", "1"), ("Keep-Alive", "9"), ("ETag", "e")]
    )
    assert tables.response_headers_onward(sent) == [("ETag", "e")]


def test_a_hit_carries_what_describes_the_object():
    validation = [
        ("Date", "d"),
        ("Server", "s"),
        ("Content-Length", "10"),
        ("x-amz-request-id", "r"),
        ("ETag", "e"),
        ("x-amz-meta-a", "1"),
        ("x-amz-version-id", "v"),
        ("Cache-Control", "no-store"),
        ("x-amz-checksum-crc32", "c"),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]
    described = tables.object_headers(validation)
    assert described == validation[4:]
    assert tables.without_checksums(described) == validation[4:8]


@pytest.mark.parametrize(("value", "wanted"), [("ENABLED", True), ("enabled", True), ("", False)])
def test_checksums_are_given_where_asked(value, wanted):
    assert tables.wants_checksums({"x-amz-checksum-mode": value}) is wanted
    assert not tables.wants_checksums({})


def test_response_overrides():
    query = [
        ("response-content-type", "text/plain"),
        ("response-content-disposition", 'attachment; filename="a b"'),
        ("response-expires", ""),
        ("response-server", "x"),
        ("prefix", "y"),
    ]
    assert tables.response_overrides(query) == {
        "Content-Type": "text/plain",
        "Content-Disposition": 'attachment; filename="a b"',
    }


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\0", "\x7f", "\u4e2d"])
def test_an_override_cannot_split_the_answer(value):
    with pytest.raises(InvalidRequest):
        tables.response_overrides([("response-content-type", value)])


def test_duplicates_go_on_as_one():
    sent = CIMultiDict(
        [("x-amz-meta-a", "1"), ("If-Match", '"e"'), ("X-Amz-Meta-A", "2"), ("x-empty", "")]
    )
    onward = tables.request_headers_onward(sent)
    assert onward == [("x-amz-meta-a", "1,2"), ("If-Match", '"e"'), ("x-empty", "")]
