"""Claims of any shape are judged in words, and a link's life is counted from its signature."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import AuthenticationFailed, Failure
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import check_time, presign, read_claim, verify
from tests.golden.aws_sigv4 import ACCESS_KEY, SECRET
from tests.protocol.s3.test_sigv4 import AMZ_DATE, NOW, claim_of, head_of


@pytest.mark.parametrize(("lives_seconds", "is_alive"), [(0, False), (1, True)])
def test_a_link_that_lives_no_second_is_expired_at_once(lives_seconds, is_alive):
    query = presign(
        "GET",
        "h",
        "/b/k",
        "",
        {},
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token=None,
        region="r",
        amz_date=AMZ_DATE,
        expires_seconds=lives_seconds,
    )
    claim = claim_of(head_of("GET", f"/b/k?{query}", {"Host": "h"}))
    if is_alive:
        check_time(claim, NOW)
    with pytest.raises(AuthenticationFailed, match="expired"):
        check_time(claim, NOW + timedelta(seconds=lives_seconds, milliseconds=1))
    if not is_alive:
        with pytest.raises(AuthenticationFailed, match="expired"):
            check_time(claim, NOW)


wire_text = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs",)), max_size=30)
wire_text |= st.text("=,;/ \udcff%&+", max_size=20)
scopes = st.sampled_from(["AK/20130524/r/s3/aws4_request", "\udcff/20130524/r/s3/aws4_request"])


@given(scopes | wire_text, wire_text, wire_text, wire_text, st.sampled_from([AMZ_DATE, "", "x"]))
def test_whatever_is_claimed_is_judged_in_words(credential, signed, signature, query, date):
    authorization = f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders=host;{signed},"
    headers = {"Host": "h", "Date": date, "Authorization": f"{authorization}Signature={signature}"}
    headers["x-amz-content-sha256"] = signature
    head = head_of("GET", f"/?{query}", headers)
    try:
        verify(head, claim_of(head), SECRET)
    except Failure:
        return
    pytest.fail("nobody can have signed this")


@given(wire_text, wire_text, wire_text, wire_text)
def test_whatever_is_presigned_is_judged_in_words(credential, signed, signature, expires):
    query = "&".join(
        f"X-Amz-{name}={value}"
        for name, value in [
            ("Algorithm", "AWS4-HMAC-SHA256"),
            ("Credential", credential),
            ("SignedHeaders", signed),
            ("Signature", signature),
            ("Expires", expires),
            ("Date", AMZ_DATE),
        ]
    )
    head = head_of("GET", f"/?{query}", {"Host": "h"})
    with pytest.raises(Failure):
        verify(head, claim_of(head), SECRET)


def _claim(authorization):
    headers = {"Host": "h", "x-amz-date": "20130524T000000Z", "Authorization": authorization}
    return read_claim(RequestHead("GET", "/b/k", "", CIMultiDictProxy(CIMultiDict(headers))))


_SAID = "AWS4-HMAC-SHA256 Credential=key/20130524/us-east-1/s3/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "signature"),
    [
        (f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=one", "one"),
        (f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=other", "other"),
        (f"  {_SAID},SignedHeaders=Host;x-amz-date,Signature=one  ", "one"),
        (f"{_SAID}, Signature=one, SignedHeaders=host;x-amz-date", "one"),
        (f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=aSignature=b", "aSignature=b"),
        (f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=a=b", "a=b"),
        (f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=-", "-"),
    ],
)
def test_each_signature_is_read_where_it_stands(authorization, signature):
    for _ in range(2):  # what stands before it is remembered
        claim = _claim(authorization)
        assert claim.signature == signature
        assert claim.access_key == "key"
        assert claim.signed_headers == ("host", "x-amz-date")


@pytest.mark.parametrize(
    "authorization",
    [
        f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=",
        f"{_SAID}, SignedHeaders=host;x-amz-date, X-Signature=one",
        f"{_SAID}, SignedHeaders=host;x-amz-date, Signature=one, Signature=two",
        f"{_SAID}, Signature=one",
        "Signature=one",
        "AWS Signature=one",
    ],
)
def test_a_header_without_one_whole_claim_is_none(authorization):
    for _ in range(2):
        with pytest.raises(Failure):
            _claim(authorization)
