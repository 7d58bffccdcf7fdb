"""Targets of HTTP: the head and its meaning, percent-encoding, ranges, conditions, dates."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.model.versions import Version
from gateway.protocol.http.cache_control import parse_cache_control
from gateway.protocol.http.conditions import (
    find_single_etag,
    has_conditions,
    judge,
    range_applies,
)
from gateway.protocol.http.dates import (
    find_amz_date,
    find_http_date,
    format_amz_date,
    format_http_date,
)
from gateway.protocol.http.head import check_expectation, parse_query
from gateway.protocol.http.percent import (
    canonical_path,
    canonical_query,
    decode,
    decode_query,
    encode,
    encode_path,
)
from gateway.protocol.http.ranges import parse_range, resolve
from gateway.protocol.s3.addressing import KEY_BYTES_MAX, encode_key, locate
from gateway.protocol.s3.headers import (
    HOP_BY_HOP,
    request_headers_onward,
    response_headers_onward,
    response_overrides,
    wants_checksums,
)
from gateway.protocol.s3.onward_query import onward_query
from gateway.protocol.s3.operations import all_actions, name_operation
from gateway.protocol.s3.requests import copy_source, copy_source_header
from tests.fuzzing.target import Portions, Target, head_of, text_of

DOMAINS = ((), ("s3.example.com",), ("example.com", "s3.example.com"))
_ACTIONS = all_actions() | {"s3:*"}
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def read_target(raw: bytes) -> None:
    portions = Portions(raw)
    domains = portions.choice(DOMAINS)
    head = head_of(portions.rest())
    with suppress(Failure):
        check_expectation(head)
    with suppress(Failure):
        response_overrides(head.query_pairs())
    for name, value in request_headers_onward(head.headers):
        assert name.lower() not in HOP_BY_HOP
        assert "\n" not in value
    response_headers_onward(head.headers)
    wants_checksums(head.headers)
    with suppress(Failure):
        target = locate(head.host, head.path, domains)
        if target.key is not None:
            assert 0 < len(target.key.encode()) <= KEY_BYTES_MAX
            assert locate("", f"/{target.bucket}/{encode_key(target.key)}").name == target.name
        operation = name_operation(head.method, target, head.query_names(), head.headers)
        assert {operation.action, *operation.also} <= _ACTIONS
        assert operation.is_known or operation.action == "s3:*"
    with suppress(Failure):
        kept = onward_query(head.query)
        others = [pair for pair in head.query_pairs() if not pair[0].lower().startswith("x-amz-")]
        left = [pair for pair in parse_query(kept) if not pair[0].lower().startswith("x-amz-")]
        assert left == others


def recode(raw: bytes) -> None:
    text = text_of(raw)
    path, query = canonical_path(text), canonical_query(text)
    assert canonical_path(path) == path
    assert canonical_query(query) == query
    assert (path + query).isascii()
    with suppress(Failure):
        plain = decode(text)
        assert decode(encode(plain)) == plain == decode(encode_path(plain))
        assert canonical_path(text) == encode_path(plain)
        assert decode_query(encode(plain)) == plain
    with suppress(Failure):
        assert sorted(parse_query(query)) == sorted(parse_query(text))


def read_range(raw: bytes) -> None:
    portions = Portions(raw)
    size = portions.choice((0, 1, 10, 1000, 5 * 1024**4))
    spec = parse_range(text_of(portions.rest()))
    if spec is not None:
        with suppress(Failure):
            asked = resolve(spec, size)
            assert 0 <= asked.start < asked.stop <= size
            again = parse_range(asked.header())
            assert again is not None
            assert resolve(again, size) == asked


def read_conditions(raw: bytes) -> None:
    portions = Portions(raw)
    etag = portions.choice(('"a"', 'W/"a"', '"b-2"', ""))
    version = Version(etag, 5, format_http_date(_MOMENT), None, ())
    method = portions.choice(("GET", "HEAD", "PUT"))
    head = head_of(b"GET /\n" + portions.rest())
    has_conditions(head.headers)
    find_single_etag(head.headers.get("If-None-Match"))
    range_applies(head.headers, version, _MOMENT + timedelta(days=1))
    with suppress(Failure):
        judge(head.headers, version, method)


def read_cache_control(raw: bytes) -> None:
    for header in ("Cache-Control", "Pragma"):
        asked = parse_cache_control({header: text_of(raw)})
        assert asked.age_seconds_max is None or asked.age_seconds_max >= 0


def read_dates(raw: bytes) -> None:
    text = text_of(raw)
    moment = find_http_date(text)
    if moment is not None:
        assert moment.utcoffset() == timedelta(0)
        whole = moment.replace(microsecond=0)
        assert find_http_date(format_http_date(whole)) == whole
    exact = find_amz_date(text)
    if exact is not None:
        assert format_amz_date(exact) == text


def read_copy_source(raw: bytes) -> None:
    with suppress(Failure):
        name, version_id = copy_source(text_of(raw))
        assert isinstance(name, ObjectName)
        assert copy_source(copy_source_header(name, version_id)) == (name, version_id)


_HEAD_WORDS = (
    b"GET |HEAD |PUT |POST |DELETE |http://h|/b/k|?|&|=|%2F|%|+|//|..|%C3%A9|"
    b"\xc3\xa9|\nHost: b.s3.example.com|\nExpect: |\nConnection: |"
    b"\nContent-Encoding: aws-chunked|uploadId=|partNumber=|versionId=|"
    b"list-type=2|response-content-type=|x-amz-acl|X-Amz-Signature=|x-id=|"
    b"\nx-amz-copy-source: /b/k|\nx-amz-tagging: a=b"
)

TARGETS = (
    Target(
        "target",
        read_target,
        (
            b"\x00GET /b/k?versionId=1&x-id=GetObject\nHost: h:9000",
            b"\x01PUT /a/b%2Fc?partNumber=1&uploadId=x\nHost: b.s3.example.com\nx-amz-acl: private",
            b"\x02GET http://h:1/b/k?list-type=2&prefix=a+b&X-Amz-Signature=0\nConnection: x",
            (
                b"\x00POST /b?delete\nExpect: 100-continue\nContent-Encoding: aws-chunked,gzip\n"
                b"x-amz-decoded-content-length: 5"
            ),
            b"\x00OPTIONS *\nHost: h",
        ),
        _HEAD_WORDS,
    ),
    Target("percent", recode, (b"/a%2Fb+c//\xc3\xa9?", b"a=%20&a&b=c=d&+=%2B", b"%zz", b"%C3")),
    Target(
        "ranges",
        read_range,
        (b"\x02bytes=0-9", b"\x03bytes=-5", b"\x01bytes = 3-", b"\x02bytes=0-1,3-4"),
        b"bytes|=|-|99999999999999999999|0|,",
        256,
    ),
    Target(
        "conditions",
        read_conditions,
        (
            b'\0\0If-Match: "a", W/"b"\nIf-None-Match: *',
            b"\x01\x01If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT\nIf-Range: W/x",
            b'\x02\x02If-Range: "a"\nIf-Unmodified-Since: Thursday, 01-Jan-26 00:00:00 GMT',
        ),
        b'If-Match: |\nIf-None-Match: |\nIf-Range: |"a"|W/|*|, ',
    ),
    Target(
        "cache-control",
        read_cache_control,
        (b'a="b",max-age=1', b"no-cache, max-age = 99999999999, only-if-cached", b"no-store,,a=b"),
        b"max-age=|no-cache|no-store|only-if-cached|=|,| ",
        512,
    ),
    Target(
        "dates",
        read_dates,
        (
            b"Fri, 24 May 2013 00:00:00 GMT",
            b"Friday, 24-May-13 00:00:00 GMT",
            b"Fri May 24 00:00:00 2013",
            b"20130524T000000Z",
            b"24 May 2013 00:00:00 -2359",
        ),
        b"GMT|Mon, |Jan|99999|0000|T|Z|:|+0000|-9999",
        256,
    ),
    Target(
        "copy-source",
        read_copy_source,
        (b"/b/k?versionId=a%20b", b"b/k+%2B", b"arn:aws:s3:eu:1:accesspoint/a/object/k", b"b/%"),
        b"?versionId=|%2F|/|+|arn:",
    ),
)
