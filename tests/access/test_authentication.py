"""Authentication: the principal that a signature proves, and each refusal with AWS's code."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Authentication
from gateway.access.identities import Identities, Identity
from gateway.access.policy import compile_policy
from gateway.model.failures import AuthenticationFailed
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import presign, sign_headers

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
AMZ_DATE = "20261121T120000Z"
DEMO = Identity("demo", "demo-key", "demo-secret", compile_policy("admin"))
HOST = "localhost:9000"


def authentication(now=NOW):
    return Authentication(Identities([DEMO]), lambda: now)


def signed(access_key="demo-key", proof="demo-secret", session_token=None, method="GET"):
    sent = {"Host": HOST} | sign_headers(
        "GET",
        HOST,
        "/b/k",
        "",
        {},
        access_key=access_key,
        secret=proof,
        session_token=session_token,
        region="us-east-1",
        amz_date=AMZ_DATE,
        payload_hash="UNSIGNED-PAYLOAD",
    )
    return RequestHead(method, "/b/k", "", CIMultiDictProxy(CIMultiDict(sent)))


def presigned(expires_seconds=60):
    query = presign(
        "GET",
        HOST,
        "/b/k",
        "",
        {},
        access_key="demo-key",
        secret="demo-secret",
        session_token=None,
        region="us-east-1",
        amz_date=AMZ_DATE,
        expires_seconds=expires_seconds,
    )
    return RequestHead("GET", "/b/k", query, CIMultiDictProxy(CIMultiDict({"Host": HOST})))


def refusal_code(head, now=NOW) -> str:
    with pytest.raises(AuthenticationFailed) as refused:
        authentication(now).identify(head)
    return refused.value.code


@pytest.mark.parametrize("head", [signed(), presigned()])
def test_a_signature_proves_a_principal(head):
    principal = authentication().identify(head)
    assert (principal.name, principal.access_key) == ("demo", "demo-key")
    assert principal.policy is DEMO.policy
    assert principal.seed.signature == principal.claim.signature


def test_anonymous_is_refused():
    head = RequestHead("GET", "/b/k", "", CIMultiDictProxy(CIMultiDict({"Host": HOST})))
    assert refusal_code(head) == "AccessDenied"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (signed(access_key="other"), "InvalidAccessKeyId"),
        (signed(proof="wrong"), "SignatureDoesNotMatch"),
        (signed(method="PUT"), "SignatureDoesNotMatch"),
        (signed(session_token="token"), "InvalidToken"),
    ],
)
def test_a_claim_that_is_not_proven_is_refused(head, code):
    assert refusal_code(head) == code


def test_time_is_judged():
    assert refusal_code(signed(), NOW + timedelta(minutes=16)) == "RequestTimeTooSkewed"
    assert refusal_code(presigned(), NOW + timedelta(seconds=61)) == "AccessDenied"
    assert authentication(NOW + timedelta(minutes=14)).identify(signed()).name == "demo"


def test_replaced_identities_count_from_the_next_request_on():
    judge = authentication()
    assert judge.identify(signed()).name == "demo"
    judge.identities = Identities()
    with pytest.raises(AuthenticationFailed, match="does not exist"):
        judge.identify(signed())


class Clock:
    now = NOW

    def __call__(self):
        return self.now


def test_a_presigned_request_that_was_proven_is_still_judged_by_its_time():
    clock = Clock()
    judge = Authentication(Identities([DEMO]), clock)
    assert judge.identify(presigned()) is judge.identify(presigned())
    clock.now = NOW + timedelta(seconds=61)
    with pytest.raises(AuthenticationFailed, match="expired"):
        judge.identify(presigned())


@pytest.mark.parametrize(
    "change",
    [
        lambda head: replace(head, method="PUT"),
        lambda head: replace(head, path="/b/other"),
        lambda head: replace(head, query=head.query + "&versionId=1"),
        lambda head: replace(head, headers=CIMultiDictProxy(CIMultiDict({"Host": "other"}))),
        lambda head: replace(
            head, headers=CIMultiDictProxy(CIMultiDict({"Host": HOST, "x-amz-acl": "public-read"}))
        ),
    ],
    ids=["method", "path", "query", "host", "a header of S3's"],
)
def test_what_was_proven_proves_no_other_request(change):
    judge = authentication()
    judge.identify(presigned())
    with pytest.raises(AuthenticationFailed):
        judge.identify(change(presigned()))


def test_a_presigned_request_grown_large_by_its_holder_is_not_kept_in_memory():
    judge = authentication()
    for number in range(20):
        padded = CIMultiDict({"Host": HOST, "X-Padding": f"{number}" * 8192})
        head = replace(presigned(), headers=CIMultiDictProxy(padded))
        assert judge.identify(head).name == "demo"
        assert judge.identify(head) is not judge.identify(head)
    assert judge.identify(presigned()) is judge.identify(presigned())


def test_what_was_proven_ends_with_the_identities_that_proved_it():
    judge = authentication()
    judge.identify(presigned())
    judge.identities = Identities()
    with pytest.raises(AuthenticationFailed, match="does not exist"):
        judge.identify(presigned())


def test_a_secret_is_in_no_representation():
    assert "demo-secret" not in repr(DEMO)
    assert "demo-secret" not in repr(authentication().identify(signed()))
