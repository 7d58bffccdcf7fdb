"""The STS door on the wire: which requests are its own, and what it takes from whom."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

import pytest
from yarl import URL

from gateway.doors.sts import pipeline
from gateway.protocol.http.percent import canonical_query
from gateway.protocol.s3.signing import canonical_request, signature, signing_key
from tests.support.gateway_settings import ADMIN, READER, gateway_settings
from tests.support.gateway_worker import running_worker
from tests.support.signed_client import Reply

FORM = "application/x-www-form-urlencoded"
WHO = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
ROLE = {
    "Action": "AssumeRole",
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "RoleSessionName": "run-1",
}
TRAINING = {"name": "training", "policy": "read-only", "trust": ["reader"]}


@pytest.fixture
def changes():
    return {"state": {"key": b64encode(bytes(range(32))).decode()}}


@pytest.fixture
async def gateway(origin, tmp_path, monkeypatch, changes):
    where = origin.endpoint, tmp_path / "flash"
    settings = gateway_settings(*where, s3={"domain": ["s3.test"]}, roles=[TRAINING], **changes)
    async with running_worker(settings, monkeypatch) as running:
        yield running


def signed(gateway, body, *, service="sts", keys=READER, method="POST", query="", **more):
    """Return headers that sign a call as SDKs do: no x-amz-content-sha256, the body's own hash."""
    amz_date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    host = urlsplit(gateway.endpoint).netloc
    headers = {"host": host, "x-amz-date": amz_date, **more}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    scope = f"{amz_date[:8]}/us-east-1/{service}/aws4_request"
    canonical = canonical_request(
        method, "/", canonical_query(query), (lines, names), sha256(body).hexdigest()
    )
    key = signing_key(keys[1], amz_date[:8], "us-east-1", service)
    proof = signature(key, amz_date, scope, canonical)
    return headers | {
        "authorization": f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, "
        f"SignedHeaders={names}, Signature={proof}"
    }


async def ask(gateway, method, target, headers, body=b"", *, content_type=FORM) -> Reply:
    kind = {"Content-Type": content_type} if body else {}
    url = URL(gateway.endpoint + target, encoded=True)
    async with gateway.session.request(
        method, url, headers=kind | headers, data=body or None
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def call(gateway, parameters, **how) -> Reply:
    body = urlencode(parameters).encode()
    return await ask(gateway, "POST", "/", signed(gateway, body, **how), body)


async def test_a_call_is_answered_beside_s3(gateway):
    reply = await call(gateway, WHO)
    assert reply.status == 200
    assert b"<Arn>arn:aws:iam::000000000000:user/reader</Arn>" in reply.body
    assert reply.headers["Content-Type"] == "text/xml"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["x-amzn-RequestId"] == reply.headers["x-amz-request-id"]
    listing = await gateway.client.ask("GET", "/")
    assert b"<ListAllMyBucketsResult" in listing.body


async def test_a_call_may_be_a_query(gateway):
    query = urlencode(WHO)
    headers = signed(gateway, b"", method="GET", query=query)
    reply = await ask(gateway, "GET", f"/?{query}", headers)
    assert (reply.status, b"user/reader" in reply.body) == (200, True)


async def test_a_key_of_one_service_opens_no_other(gateway):
    reply = await call(gateway, WHO, service="s3")
    assert (reply.status, b"<Code>IncompleteSignature</Code>" in reply.body) == (400, True)
    headers = signed(gateway, b"", method="GET") | {"x-amz-content-sha256": sha256().hexdigest()}
    listing = await ask(gateway, "GET", "/", headers)
    assert listing.status == 400
    assert b"AuthorizationHeaderMalformed" in listing.body
    assert b"This endpoint belongs to" in listing.body


async def test_a_body_other_than_the_signed_one_is_refused(gateway):
    body = urlencode(WHO).encode()
    headers = signed(gateway, body)
    for sent in (body + b"&x=1", urlencode(ROLE).encode(), body.replace(b"2011", b"%32011")):
        reply = await ask(gateway, "POST", "/", headers, sent)
        assert reply.status in {400, 403}
        assert b"user/reader" not in reply.body
    lying = signed(gateway, body, **{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    reply = await ask(gateway, "POST", "/", lying, urlencode(ROLE).encode())
    assert b"<Code>SignatureDoesNotMatch</Code>" in reply.body


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_is_bounded(gateway, is_chunked):
    body = b"Action=GetCallerIdentity&Version=" + b"2" * (64 * 1024)
    sent = _pieces(body) if is_chunked else body
    reply = await ask(gateway, "POST", "/", signed(gateway, body), sent)
    assert reply.status == 413
    assert b"<Code>RequestEntityTooLarge</Code>" in reply.body


async def _pieces(body):
    yield body


async def test_nobody_is_not_answered(gateway):
    body = urlencode(ROLE).encode()
    reply = await ask(gateway, "POST", "/", {}, body)
    assert (reply.status, b"<Code>MissingAuthenticationToken</Code>" in reply.body) == (403, True)


@pytest.mark.parametrize("body", [b"%zz", b"Action=%ff", "Action=é".encode(), b"=&=&Action="])
async def test_what_is_no_form_is_refused_in_words(gateway, body):
    reply = await ask(gateway, "POST", "/", {}, body)
    assert reply.status == 400
    assert b"<ErrorResponse" in reply.body


async def test_only_what_is_no_bucket_s_is_a_call(gateway):
    form = {"Host": "bucket.s3.test"}
    reply = await ask(gateway, "POST", "/", form, b"Action=GetCallerIdentity")
    assert b"<ErrorResponse" not in reply.body
    for method, target in (("POST", "/bucket"), ("PUT", "/"), ("GET", "/bucket?Action=x")):
        reply = await ask(gateway, method, target, {}, b"Action=GetCallerIdentity")
        assert b"<ErrorResponse" not in reply.body
        assert reply.status >= 400
    reply = await ask(gateway, "POST", "/", {}, b"x", content_type="text/plain")
    assert b"<ErrorResponse" not in reply.body


async def test_who_may_not_and_what_is_not_there_are_one(gateway):
    denied = await call(gateway, ROLE, keys=ADMIN)
    absent = await call(gateway, ROLE | {"RoleArn": ROLE["RoleArn"].replace("training", "nobody")})
    assert (denied.status, absent.status) == (403, 403)
    told = denied.body.replace(b"admin", b"reader").replace(b"training", b"nobody")
    assert told.split(b"<RequestId>")[0] == absent.body.split(b"<RequestId>")[0]


class TestWithoutKey:
    @pytest.fixture
    def changes(self):
        return {}

    async def test_the_setting_is_named(self, gateway):
        reply = await call(gateway, ROLE)
        assert reply.status == 501
        assert b"state.key_file" in reply.body
        assert (await call(gateway, WHO)).status == 200


@pytest.mark.parametrize("bound", ["CALLS_MAX", "WEB_CALLS_MAX"])
async def test_calls_beyond_a_bound_are_throttled(gateway, monkeypatch, bound):
    web = ROLE | {"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": "a.b.c"}
    body = urlencode(web).encode()
    assert b"<Code>InvalidIdentityToken</Code>" in (await ask(gateway, "POST", "/", {}, body)).body
    monkeypatch.setattr(pipeline, bound, 0)
    reply = await ask(gateway, "POST", "/", {}, body)
    assert (reply.status, b"<Code>Throttling</Code>" in reply.body) == (400, True)
    monkeypatch.undo()
    assert (await call(gateway, WHO)).status == 200


@pytest.mark.parametrize(
    "content_type", [";a*", f"{FORM};a*", "<;a*", f" {FORM.upper()} ; charset=x"]
)
async def test_a_content_type_that_cannot_be_read_is_no_fault_of_ours(gateway, content_type):
    body = urlencode(WHO).encode()
    reply = await ask(gateway, "POST", "/", {}, body, content_type=content_type)
    assert reply.status == 403
    if FORM in content_type.lower():
        assert b"MissingAuthenticationToken" in reply.body
