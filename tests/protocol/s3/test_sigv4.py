"""Signature Version 4: AWS's published examples, botocore's signer, and what is refused."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import AuthenticationFailed, Failure, InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.sigv4 import (
    Claim,
    check_time,
    presign,
    read_claim,
    sign_headers,
    verify,
)
from tests.golden.aws_sigv4 import ACCESS_KEY, EMPTY, HEADER_EXAMPLES, PRESIGNED_TARGET, SECRET

NOW = datetime(2013, 5, 24, tzinfo=UTC)
AMZ_DATE = "20130524T000000Z"


def head_of(method, target, headers):
    path, _, query = target.partition("?")
    return RequestHead(method, path, query, CIMultiDictProxy(CIMultiDict(headers)))


def claim_of(head) -> Claim:
    claim = read_claim(head)
    assert claim is not None
    return claim


def signed_get(target="/bucket/key", headers=(), **overrides):
    path, _, query = target.partition("?")
    sent = {"Host": "localhost:9000", **dict(headers)}
    keywords = {
        "access_key": ACCESS_KEY,
        "secret": SECRET,
        "session_token": None,
        "region": "us-east-1",
        "amz_date": AMZ_DATE,
        "payload_hash": "UNSIGNED-PAYLOAD",
    } | overrides
    sent |= sign_headers("GET", "localhost:9000", path, query, sent, **keywords)
    return head_of("GET", target, sent)


@pytest.mark.parametrize("name", HEADER_EXAMPLES)
def test_published_header_examples_verify(name):
    example = HEADER_EXAMPLES[name]
    head = head_of(example.method, example.target, example.headers)
    claim = claim_of(head)
    assert claim.access_key == ACCESS_KEY
    seed = verify(head, claim, SECRET)
    assert seed.signature == example.signature
    assert seed.scope == "20130524/us-east-1/s3/aws4_request"
    with pytest.raises(AuthenticationFailed) as caught:
        verify(head, claim, SECRET[:-1])
    assert caught.value.code == "SignatureDoesNotMatch"


def test_published_presigned_example_verifies():
    head = head_of("GET", PRESIGNED_TARGET, {"Host": "examplebucket.s3.amazonaws.com"})
    claim = claim_of(head)
    assert claim.presigned
    assert claim.expires_seconds == 86400
    verify(head, claim, SECRET)
    check_time(claim, NOW + timedelta(days=1))
    with pytest.raises(AuthenticationFailed, match="Request has expired"):
        check_time(claim, NOW + timedelta(days=1, seconds=1))
    with pytest.raises(AuthenticationFailed, match="not yet valid"):
        check_time(claim, NOW - timedelta(minutes=16))


def test_published_presigned_example_is_made():
    query = presign(
        "GET",
        "examplebucket.s3.amazonaws.com",
        "/test.txt",
        "",
        {},
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token=None,
        region="us-east-1",
        amz_date=AMZ_DATE,
        expires_seconds=86400,
    )
    assert f"/test.txt?{query}" == PRESIGNED_TARGET


# Anything a key or a query value may be, as text; '\r\n' never reaches a request line.
odd_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=40
) | st.text("ab/.~+ %=&?#*'()!;:@,$\\|", min_size=1, max_size=20)
names = odd_text.filter(lambda name: name not in {"Signature", "AWSAccessKeyId"}).filter(
    lambda name: not name.startswith("X-Amz-")
)
pairs = st.lists(st.tuples(names, odd_text | st.just("")), max_size=4, unique_by=lambda p: p[0])


def botocore_request(method, key, query, headers):
    target = "https://localhost:9000/bucket/" + quote(key, safe="/~")
    if query:
        target += "?" + "&".join(
            f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query
        )
    return AWSRequest(method, target, headers=headers)


def as_head(prepared, method):
    url = urlsplit(prepared.url)
    # urlsplit would take a bare '#' for a fragment; botocore's quoting leaves none.
    headers = CIMultiDict(prepared.headers.items())
    headers["Host"] = url.netloc
    return RequestHead(method, url.path, url.query, CIMultiDictProxy(headers))


@given(
    st.sampled_from(["GET", "PUT", "DELETE"]),
    odd_text,
    pairs,
    st.none() | st.just("tok/en+=="),
    st.lists(st.text("a  bc\t,;", max_size=9), max_size=3),
)
def test_what_botocore_signs_verifies(method, key, query, token, values):
    headers = {f"x-amz-meta-{number}": value for number, value in enumerate(values)}
    request = botocore_request(method, key, query, headers)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "s3", "eu-west-3").add_auth(request)
    head = as_head(request, method)
    claim = claim_of(head)
    assert claim.session_token == token
    assert claim.region == "eu-west-3"
    verify(head, claim, SECRET)


@given(st.sampled_from(["GET", "PUT"]), odd_text, pairs, st.none() | st.just("tok/en+=="))
def test_what_botocore_presigns_verifies(method, key, query, token):
    request = botocore_request(method, key, [], {})
    request.params = dict(query)
    S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET, token), "s3", "eu-west-3", 60).add_auth(
        request
    )
    head = as_head(request, method)
    claim = claim_of(head)
    assert claim.session_token == token
    verify(head, claim, SECRET)


@given(odd_text, pairs, st.none() | st.just("tok/en+=="))
def test_headers_are_signed_as_botocore_signs_them(key, query, token):
    extra = {"x-amz-meta-a": "x  y", "content-type": "text/plain"}
    request = botocore_request("PUT", key, query, dict(extra))
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        S3SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "s3", "eu-west-3").add_auth(request)
    added = sign_headers(
        "PUT",
        "localhost:9000",
        f"/bucket/{encode_key(key)}",
        query,
        extra,
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token=token,
        region="eu-west-3",
        amz_date=AMZ_DATE,
        payload_hash=request.headers["X-Amz-Content-SHA256"],
    )
    assert added["authorization"] == request.headers["Authorization"]
    assert added.get("x-amz-security-token") == token


@given(odd_text, pairs)
def test_what_is_presigned_verifies_and_no_byte_of_it_may_change(key, query):
    path = f"/bucket/{encode_key(key)}"
    signed = presign(
        "PUT",
        "h",
        path,
        query,
        {"x-amz-meta-a": "b"},
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token="t",
        region="r",
        amz_date=AMZ_DATE,
        expires_seconds=5,
    )
    sent = {"Host": "h", "x-amz-meta-a": "b"}
    head = head_of("PUT", f"{path}?{signed}", sent)
    verify(head, claim_of(head), SECRET)
    for other in (
        head_of("GET", f"{path}?{signed}", sent),
        head_of("PUT", f"{path}x?{signed}", sent),
        head_of("PUT", f"{path}?{signed}&acl", sent),
        head_of("PUT", f"{path}?{signed}", {**sent, "x-amz-meta-a": "c"}),
        head_of("PUT", f"{path}?{signed}", {**sent, "Host": "h:80"}),
    ):
        with pytest.raises(AuthenticationFailed):
            verify(other, claim_of(other), SECRET)


@pytest.mark.parametrize(
    ("signed_path", "sent_path"),
    [
        ("/bucket/a%2Bb%21", "/bucket/a+b!"),
        ("/bucket/a%2Bb%21", "/bucket/a%2bb!"),
        ("/bucket/%C3%A9", "/bucket/é"),
    ],
)
def test_another_spelling_of_the_signed_path_verifies(signed_path, sent_path):
    signed = signed_get(signed_path)
    head = RequestHead("GET", sent_path, "", signed.headers)
    verify(head, claim_of(head), SECRET)


def test_a_space_sent_as_plus_was_signed_as_percent_20():
    signed = signed_get("/bucket?prefix=a%20b&x=")
    head = RequestHead("GET", "/bucket", "x&prefix=a+b", signed.headers)
    verify(head, claim_of(head), SECRET)
    assert head.query_get("prefix") == "a b"


def test_duplicate_headers_join_with_a_comma():
    signed = signed_get(headers={"x-amz-meta-a": "1,2 3"})
    doubled = CIMultiDict(signed.headers)
    del doubled["x-amz-meta-a"]
    doubled.add("X-Amz-Meta-A", " 1 ")
    doubled.add("x-amz-meta-a", "2  3")
    head = RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(doubled))
    verify(head, claim_of(head), SECRET)


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\x85", "\udca0"])
def test_a_space_that_is_none_of_ascii_is_a_letter(space):
    signed = signed_get(headers={"x-amz-meta-a": "1 2", "x-amz-meta-b": f"1{space}{space}2"})
    verify(signed, claim_of(signed), SECRET)
    swapped = CIMultiDict(signed.headers)
    swapped["x-amz-meta-a"] = f"1{space}2"
    head = RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(swapped))
    with pytest.raises(AuthenticationFailed):
        verify(head, claim_of(head), SECRET)
    squeezed = CIMultiDict(signed.headers)
    squeezed["x-amz-meta-b"] = "1 2"
    head = RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(squeezed))
    with pytest.raises(AuthenticationFailed):
        verify(head, claim_of(head), SECRET)


def test_the_date_header_stands_in_for_x_amz_date():
    example = HEADER_EXAMPLES["get object"]
    headers = {name: value for name, value in example.headers.items() if name != "x-amz-date"}
    claim = claim_of(head_of("GET", example.target, headers))
    assert claim.amz_date == AMZ_DATE


def test_no_claim_is_anonymous():
    assert read_claim(head_of("GET", "/b/k?prefix=a", {"Host": "h"})) is None


QUERY = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20130524%2Fr%2Fs3%2Faws4_request"
QUERY_END = "&X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=ab"
HEADER = "AWS4-HMAC-SHA256 Credential=AK/20130524/r/s3/aws4_request"


@pytest.mark.parametrize(
    ("target", "authorization", "code", "words"),
    [
        ("/", "AWS AK:c2ln", "InvalidRequest", "Please use AWS4-HMAC-SHA256"),
        ("/?AWSAccessKeyId=a&Signature=b&Expires=1", None, "InvalidRequest", "Please use AWS4"),
        ("/", "AWS4-ECDSA-P256-SHA256 Credential=a", "InvalidRequest", "Please use AWS4"),
        ("/", "Bearer x", "InvalidRequest", "not supported"),
        ("/", "", "InvalidRequest", "not supported"),
        ("/", "AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed", "malformed"),
        ("/", f"{HEADER}, Signature=x", "AuthorizationHeaderMalformed", "SignedHeaders"),
        ("/", f"{HEADER},SignedHeaders=host", "AuthorizationHeaderMalformed", "Signature"),
        (
            "/",
            f"{HEADER},SignedHeaders=host,Signature=x".replace("/r/", "/"),
            "AuthorizationHeaderMalformed",
            "Credential is mal-formed",
        ),
        (
            "/",
            f"{HEADER},SignedHeaders=host,Signature=x".replace("/s3/", "/ec2/"),
            "AuthorizationHeaderMalformed",
            "ec2",
        ),
        (
            "/",
            f"{HEADER},SignedHeaders=host,Signature=x".replace("20130524", "20130525"),
            "AuthorizationHeaderMalformed",
            "Invalid credential date",
        ),
        ("/", f"{HEADER},SignedHeaders=range,Signature=x", "AccessDenied", "not signed: host"),
        ("/", f"{HEADER},SignedHeaders=host,Signature=x", "AccessDenied", "not signed: x-amz-date"),
        (f"/?{QUERY}{QUERY_END}&X-Amz-Expires=1", f"{HEADER}", "InvalidArgument", "Only one auth"),
        (f"/?{QUERY}{QUERY_END}", None, "AuthorizationQueryParametersError", "requires"),
        (f"/?{QUERY}{QUERY_END}&X-Amz-Expires=x", None, "AuthorizationQueryParametersError", "num"),
        (
            f"/?{QUERY}{QUERY_END}&X-Amz-Expires=604801",
            None,
            "AuthorizationQueryParametersError",
            "week",
        ),
        (
            f"/?{QUERY}{QUERY_END}&X-Amz-Expires=" + "9" * 5000,
            None,
            "AuthorizationQueryParametersError",
            "week",
        ),
        (
            f"/?{QUERY}{QUERY_END}&X-Amz-Expires=60".replace("T000000Z", "T99"),
            None,
            "AuthorizationQueryParametersError",
            "ISO8601",
        ),
        ("/?X-Amz-Signature=ab", None, "AuthorizationQueryParametersError", "X-Amz-Algorithm"),
    ],
)
def test_claims_that_no_secret_makes_good(target, authorization, code, words):
    headers = {"Host": "h"}
    if authorization is not None:
        headers |= {"Authorization": authorization, "x-amz-date": AMZ_DATE}
        headers |= {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    with pytest.raises(Failure, match=words) as caught:
        read_claim(head_of("GET", target, headers))
    assert caught.value.code == code


def test_a_claim_without_a_date():
    headers = CIMultiDict(signed_get().headers)
    del headers["x-amz-date"]
    with pytest.raises(AuthenticationFailed, match="requires a valid Date or x-amz-date"):
        read_claim(RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(headers)))


def test_without_a_payload_hash_the_body_was_signed_as_empty():
    # As curl 7.88 signs a GET: host and x-amz-date only.
    signature = "6b0bf7d0ad5cbd5d4d1ef94d5c4be0a0"
    headers = {
        "Host": "h",
        "x-amz-date": AMZ_DATE,
        "Authorization": f"{HEADER},SignedHeaders=host;x-amz-date,Signature={signature}",
    }
    claim = claim_of(head_of("GET", "/b/k", headers))
    assert claim.payload_hash == EMPTY


@pytest.mark.parametrize("signature", ["", "é" * 64, "\udcff", "f" * 63])
def test_a_signature_that_is_none(signature):
    headers = CIMultiDict(signed_get().headers)
    start, _, _ = headers["authorization"].rpartition("=")
    headers["authorization"] = f"{start}={signature}"
    head = RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(headers))
    with pytest.raises((AuthenticationFailed, InvalidRequest)):
        verify(head, claim_of(head), SECRET)


@pytest.mark.parametrize(
    ("minutes", "is_right"), [(15, True), (-15, True), (16, False), (-16, False)]
)
def test_the_clocks_may_differ_by_a_quarter_of_an_hour(minutes, is_right):
    claim = claim_of(signed_get())
    now = NOW + timedelta(minutes=minutes)
    if is_right:
        check_time(claim, now)
        return
    with pytest.raises(AuthenticationFailed) as caught:
        check_time(claim, now)
    assert caught.value.code == "RequestTimeTooSkewed"


def test_an_unsigned_payload_hash_header_is_taken_as_s3_takes_it():
    headers = CIMultiDict(signed_get().headers)
    headers["authorization"] = headers["authorization"].replace("x-amz-content-sha256;", "")
    head = RequestHead("GET", "/bucket/key", "", CIMultiDictProxy(headers))
    with pytest.raises(AuthenticationFailed) as caught:
        verify(head, claim_of(head), SECRET)
    assert caught.value.code == "SignatureDoesNotMatch"
