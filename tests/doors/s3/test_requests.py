"""What clients put around a request: hosts, expectations, signatures, twins."""

from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from urllib.parse import urlsplit

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.protocol.s3.signing import presign, sign_headers, signing_key
from tests.support.gateway_settings import ADMIN, READER
from tests.support.gateway_worker import Gateway
from tests.support.raw_connection import Answer, raw_connection, request_bytes

BODY = b"a body"


def now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


async def exchange(gateway: Gateway, sent: bytes, method: str = "GET") -> Answer:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(sent)
        return await connection.answer(method)


def presigned(
    gateway: Gateway,
    method: str,
    path: str,
    query: str = "",
    *,
    headers: dict[str, str] | None = None,
    keys: tuple[str, str] = ADMIN,
) -> bytes:
    """Return a presigned request's head, without the blank line."""
    host = urlsplit(gateway.endpoint).netloc
    signed = presign(
        method,
        host,
        path,
        query,
        headers or {},
        access_key=keys[0],
        secret=keys[1],
        session_token=None,
        region="us-east-1",
        amz_date=now(),
        expires_seconds=60,
    )
    lines = [f"{method} {path}?{signed} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n"


@pytest.mark.parametrize("host", ["s3.example.com", "s3.example.com:80", "S3.Example.Com"])
@pytest.mark.parametrize("form", ["origin", "absolute"])
async def test_trap_a_host_is_verified_as_it_was_sent_with_its_default_port_or_without(
    gateway: Gateway, origin: EmbeddedOrigin, host: str, form: str
) -> None:
    origin.put("bucket", "key", BODY)
    signed = sign_headers(
        "GET",
        host,
        "/bucket/key",
        "",
        {},
        access_key=ADMIN[0],
        secret=ADMIN[1],
        session_token=None,
        region="us-east-1",
        amz_date=now(),
        payload_hash="UNSIGNED-PAYLOAD",
    )
    target = "/bucket/key" if form == "origin" else f"http://{host}/bucket/key"
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in signed.items()]
    answer = await exchange(gateway, "\r\n".join([*lines, "", ""]).encode())
    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("target", ["//{host}/bucket/a//b", "/bucket/a//b"])
async def test_trap_the_raw_target_of_the_absolute_form_is_kept(
    gateway: Gateway, origin: EmbeddedOrigin, target: str
) -> None:
    origin.put("bucket", "a//b/../c", BODY)
    path = "/bucket/a//b/../c"
    head = request_bytes(gateway.client, "GET", path, target=f"{gateway.endpoint}{path}")
    assert (await exchange(gateway, head)).body == BODY
    assert origin.counters.calls[-1].target.startswith(path)


async def test_trap_a_signed_accept_encoding_is_verified_and_passed_on(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    """Go's SDK signs `Accept-Encoding: identity`; a proxy that rewrites it breaks the signature."""
    origin.put("bucket", "key", BODY)
    client = gateway.client
    sent = client.signed("GET", "/bucket/key", "versionId=null", {})
    assert "accept-encoding" not in sent["authorization"]
    host = urlsplit(gateway.endpoint).netloc
    identity = {"accept-encoding": "identity"}
    from_go = _signed_besides(host, "/bucket/key", "versionId=null", identity)
    lines = ["GET /bucket/key?versionId=null HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in from_go.items()]
    answer = await exchange(gateway, "\r\n".join([*lines, "", ""]).encode())
    assert (answer.status, answer.body) == (200, BODY)
    assert origin.counters.calls[-1].headers["accept-encoding"] == "identity"


def _signed_besides(host: str, path: str, query: str, more: dict[str, str]) -> dict[str, str]:
    """Return headers of which `more` are signed too."""
    moment = now()
    fields = {
        **more,
        "host": host,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "x-amz-date": moment,
    }
    names = sorted(fields)
    lines = "".join(f"{name}:{fields[name]}\n" for name in names)
    canonical = f"GET\n{path}\n{query}\n{lines}\n{';'.join(names)}\nUNSIGNED-PAYLOAD"
    scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = signing_key(ADMIN[1], moment[:8], "us-east-1")
    proof = digest(key, to_sign.encode(), "sha256").hex()
    fields["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ADMIN[0]}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={proof}"
    )
    del fields["host"]
    return fields


@pytest.mark.parametrize("expected", ["200-ok", "100-continue, other", "x=y"])
@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_an_expectation_besides_100_continue_is_a_417(
    gateway: Gateway, origin: EmbeddedOrigin, expected: str, method: str
) -> None:
    unsigned = {"Expect": expected} | ({"Content-Length": "6"} if method == "PUT" else {})
    body = BODY if method == "PUT" else b""
    head = request_bytes(gateway.client, method, "/bucket/key", body=body, unsigned=unsigned)
    answer = await exchange(gateway, head)
    assert answer.status == 417
    assert b"<Code>ExpectationFailed</Code>" in answer.body
    assert not origin.counters.calls


async def test_100_continue_is_read_in_any_case(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    unsigned = {"Expect": "100-Continue", "Content-Length": "6"}
    head = request_bytes(gateway.client, "PUT", "/bucket/key", body=BODY, unsigned=unsigned)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(head)
        assert (await connection.answer()).status == 100
        await connection.send(BODY)
        assert (await connection.answer()).status == 200
    assert origin.read("bucket", "key") == BODY


@pytest.mark.parametrize("query_bytes", [8_190, 20_000, 30_000])
async def test_trap_a_presigned_url_as_long_as_session_tokens_make_it_is_taken(
    gateway: Gateway, origin: EmbeddedOrigin, query_bytes: int
) -> None:
    origin.put("bucket", "key", BODY)
    sent = presigned(gateway, "GET", "/bucket/key", f"x-amz-meta-long={'t' * query_bytes}")
    assert len(sent) > query_bytes
    answer = await exchange(gateway, sent + b"\r\n")
    assert (answer.status, answer.body) == (200, BODY)


async def test_trap_a_presigned_put_keeps_its_query_and_loses_its_signature(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    sent = presigned(gateway, "PUT", "/bucket/key", "x-id=PutObject&x-amz-meta-a=b%2Fc")
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(sent + b"Content-Length: 6\r\n\r\n" + BODY)
        assert (await connection.answer()).status == 200
    put = origin.counters.calls[-1]
    assert put.target == "/bucket/key?x-id=PutObject&x-amz-meta-a=b%2Fc"
    assert origin.read("bucket", "key") == BODY


async def test_twin_headers_are_joined_in_the_signature_and_both_passed_on(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    signed = gateway.client.signed("PUT", "/bucket/key", "", {"x-amz-meta-a": "one,two"}, body=BODY)
    host = urlsplit(gateway.endpoint).netloc
    lines = ["PUT /bucket/key HTTP/1.1", f"Host: {host}", "Content-Length: 6"]
    for name, value in signed.items():
        values = value.split(",") if name == "x-amz-meta-a" else [value]
        lines += [f"{name}: {each}" for each in values]
    answer = await exchange(gateway, "\r\n".join([*lines, "", ""]).encode() + BODY)
    assert answer.status == 200
    stored = origin.store.get_version("bucket", "key").headers["x-amz-meta-a"]
    assert stored.replace(" ", "") == "one,two"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /bucket/key HTTP/1.1\r\nAuthorization: AWS gate-admin:c2lnbmF0dXJl",
        b"GET /bucket/key?AWSAccessKeyId=gate-admin&Expires=1795305600&Signature=c2ln HTTP/1.1",
    ],
    ids=["header", "query"],
)
async def test_signature_version_2_is_refused_in_clear_words(
    gateway: Gateway, origin: EmbeddedOrigin, sent: bytes
) -> None:
    answer = await exchange(gateway, sent + b"\r\nHost: a\r\n\r\n")
    assert answer.status == 400
    assert b"<Code>InvalidRequest</Code>" in answer.body
    assert b"Please use AWS4-HMAC-SHA256." in answer.body
    assert not origin.counters.calls


@pytest.mark.parametrize(
    "case",
    [
        (ADMIN, "/bucket/absent", {}, 404),
        (ADMIN, "/absent", {}, 404),
        (READER, "/other/key", {}, 403),
        (READER, "/bucket/absent", {}, 403),
        (("nobody", "secret"), "/bucket/key", {}, 403),
        (ADMIN, "/bucket/key", {"If-Match": '"other"'}, 412),
        (ADMIN, "/bucket/key", {"Range": "bytes=99-"}, 416),
        (ADMIN, "/bucket/%ff", {}, 400),
        (ADMIN, "/b", {"Expect": "tea"}, 417),
    ],
)
async def test_trap_an_error_to_a_head_has_no_body_and_the_connection_serves_on(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    case: tuple[tuple[str, str], str, dict[str, str], int],
) -> None:
    keys, path, headers, status = case
    origin.put("bucket", "key", BODY)
    client = gateway.as_principal(keys)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(client, "HEAD", path, headers=headers))
        answer = await connection.answer("HEAD")
        assert answer.status == status
        assert "x-amz-request-id" in answer.headers
        if answer.headers.get("Connection") == "close":
            assert await connection.ended()
            return
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
        assert (await connection.answer()).body == BODY
