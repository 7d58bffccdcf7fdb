"""Anonymous requests: refused, unless an identity says what they may do, and then the origin's."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.form_uploads import CONTENT_TYPE, form_body
from tests.support.gateway_settings import gateway_tables
from tests.support.gateway_worker import Gateway
from tests.support.origin_acls import NOBODY, Acls
from tests.support.origins import new_origin
from tests.support.signed_client import Reply, object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
MAY = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "bucket/*"}


@pytest.fixture(scope="module")
def gateway_changes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tables = gateway_tables("http://127.0.0.1:1", tmp_path_factory.mktemp("unused"))
    public = {"name": "everyone", "anonymous": True, "policy": [MAY]}
    return {"identities": [*tables["identities"], public]}


@pytest.fixture
def acls(origin: EmbeddedOrigin) -> Iterator[Acls]:
    yield Acls(origin)
    origin.authenticate = new_origin().authenticate


async def ask(gateway: Gateway, method: str, path: str, **parts: Any) -> Reply:
    url = f"{gateway.endpoint}{path}"
    async with gateway.session.request(method, url, allow_redirects=False, **parts) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def test_what_the_policy_and_the_origin_allow_everyone_is_served_and_no_more(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    path = object_path("bucket", key)
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    assert (await ask(gateway, "GET", path)).status == 403  # the origin allows nobody
    acls.denied[NOBODY].clear()
    for _ in range(2):
        reply = await ask(gateway, "GET", path, headers={"Range": "bytes=10-19"})
        assert (reply.status, reply.body) == (206, BODY[10:20])
    acls.denied[NOBODY].add(path)
    refused = await ask(gateway, "GET", path)
    assert (refused.status, BODY[:16] in refused.body) == (403, False)


async def test_unsigned_requests_go_to_the_origin_unsigned(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    acls.denied[NOBODY].clear()
    path = object_path("bucket", key)
    assert (await ask(gateway, "PUT", path, data=BODY)).status == 200
    assert origin.read("bucket", key) == BODY
    assert (await ask(gateway, "GET", path)).body == BODY
    assert (await ask(gateway, "HEAD", path)).status == 200
    assert acls.askers() == {NOBODY}
    assert not any("authorization" in call.headers for call in origin.counters.calls)


async def test_what_the_policy_does_not_allow_the_origin_is_not_asked(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    acls.denied[NOBODY].clear()
    origin.put("bucket", key, BODY)
    path = object_path("bucket", key)
    for method, where in (
        ("DELETE", path),
        ("GET", "/bucket"),
        ("GET", "/other/key"),
        ("GET", "/"),
    ):
        assert (await ask(gateway, method, where)).status == 403
    assert not origin.counters.requests


async def test_a_form_that_nobody_signed_is_the_anonymous_identitys(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    sent = {"headers": {"Content-Type": CONTENT_TYPE}}
    body = form_body({"key": key, "Content-Type": "text/plain"}, BODY)
    assert (await ask(gateway, "POST", "/bucket", data=BytesIO(body), **sent)).status == 403
    acls.denied[NOBODY].clear()
    assert (await ask(gateway, "POST", "/bucket", data=BytesIO(body), **sent)).status == 204
    assert origin.read("bucket", key) == BODY
    assert acls.askers() == {NOBODY}
    # The policy allows nothing elsewhere, and half a signature is none.
    assert (await ask(gateway, "POST", "/other", data=BytesIO(body), **sent)).status == 403
    half = form_body({"key": key, "policy": "e30="}, BODY)
    assert (await ask(gateway, "POST", "/bucket", data=BytesIO(half), **sent)).status == 400


async def test_an_unsigned_request_sets_no_response_headers(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    acls.denied[NOBODY].clear()
    origin.put("bucket", key, BODY)
    path = object_path("bucket", key)
    reply = await ask(gateway, "GET", f"{path}?response-content-type=text/html")
    assert (reply.status, b"<Code>InvalidRequest</Code>" in reply.body) == (400, True)


async def test_a_wrong_signature_is_not_anonymous(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    acls.denied[NOBODY].clear()
    origin.put("bucket", key, BODY)
    for keys in (("nobody", "nothing"), ("gate-reader", "wrong")):
        reply = await gateway.as_principal(keys).get("bucket", key)
        assert (reply.status, BODY[:16] in reply.body) == (403, False)
    assert not origin.counters.requests


async def test_signed_chunks_need_a_signature(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    acls.denied[NOBODY].clear()
    chunk = b"4;chunk-signature=" + b"0" * 64 + b"\r\nbody\r\n0;chunk-signature=" + b"0" * 64
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "4",
        "Content-Encoding": "aws-chunked",
    }
    path = object_path("bucket", key)
    reply = await ask(gateway, "PUT", path, data=chunk + b"\r\n\r\n", headers=headers)
    assert reply.status == 403
    assert "PUT" not in origin.counters.requests
