"""Answers on the wire: lengths, validators, and the connection that they leave behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.raw_connection import raw_connection, request_bytes

BODY = b"a body of some bytes"
ABSENT = "/bucket/absent"
CACHING = {"Cache-Control": "max-age=60", "Expires": "Wed, 21 Oct 2099 07:28:00 GMT"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_304_carries_the_validators_and_caching_headers_of_the_version_judged(
    gateway: Gateway, origin: EmbeddedOrigin, method: str, is_known: bool
) -> None:
    version = origin.put("bucket", "key", BODY, headers=CACHING)
    if is_known:
        await gateway.warm("bucket", "key")
    ask = gateway.client.get if method == "GET" else gateway.client.head
    reply = await ask("bucket", "key", headers={"If-None-Match": version.etag})
    assert reply.status == 304
    assert reply.headers["ETag"] == version.etag
    assert "Last-Modified" in reply.headers
    assert {name: reply.headers.get(name) for name in CACHING} == CACHING
    assert "Content-Length" not in reply.headers


async def test_the_connection_serves_on_after_answers_without_a_body(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    etag = origin.put("bucket", "key", BODY).etag
    asked = [
        ("HEAD", ABSENT, {}, 404),
        ("HEAD", "/bucket/key", {}, 200),
        ("GET", "/bucket/key", {"If-None-Match": etag}, 304),
        ("HEAD", "/bucket/key", {"If-Match": '"other"'}, 412),
        ("GET", "/bucket/key", {"Range": "bytes=1000-"}, 416),
        ("DELETE", ABSENT, {}, 204),
        ("GET", ABSENT, {}, 404),
    ]
    async with raw_connection(gateway.endpoint) as connection:
        for method, path, headers, status in asked:
            await connection.send(request_bytes(gateway.client, method, path, headers=headers))
            assert (await connection.answer(method)).status == status
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
        assert (await connection.answer()).body == BODY


async def test_the_etag_is_written_as_s3_writes_it(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    await gateway.warm("bucket", "key")
    length = {"Content-Length": str(len(BODY))}
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
        assert "ETag" in list((await connection.answer()).headers.keys())
        put = request_bytes(gateway.client, "PUT", "/bucket/key", body=BODY, unsigned=length)
        await connection.send(put + BODY)
        assert "ETag" in list((await connection.answer("PUT")).headers.keys())


async def test_a_204_announces_no_body(gateway: Gateway) -> None:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(gateway.client, "DELETE", ABSENT))
        answer = await connection.answer("DELETE")
    assert answer.status == 204
    assert not {"Content-Length", "Content-Type", "Transfer-Encoding"} & set(answer.headers)


@asynccontextmanager
async def _origin_that_says(answer: bytes) -> AsyncIterator[str]:
    """Serve one answer to every request, whatever it asks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_error_to_a_head_keeps_the_length_that_the_origin_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 311\r\n"
        b"Connection: close\r\n\r\n"
    )
    async with _origin_that_says(refused) as endpoint:
        settings = gateway_settings(endpoint, tmp_path / "flash")
        async with running_worker(settings, monkeypatch) as gateway:
            reply = await gateway.client.head("bucket", "absent")
    assert reply.status == 404
    assert reply.headers["Content-Length"] == "311"


async def test_a_416_says_what_was_asked_and_what_there_is(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    reply = await gateway.client.get("bucket", "key", headers={"Range": "bytes=1000-"})
    assert reply.status == 416
    assert reply.headers["Content-Range"] == f"bytes */{len(BODY)}"
    assert b"<RangeRequested>bytes=1000-</RangeRequested>" in reply.body
    assert b"<ActualObjectSize>20</ActualObjectSize>" in reply.body


async def test_a_client_that_expects_100_is_told_to_go_on_only_when_it_may(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    more = {"Content-Length": str(len(BODY)), "Expect": "100-continue"}
    head = request_bytes(gateway.client, "PUT", "/bucket/new", body=BODY, unsigned=more)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(head)
        assert (await connection.answer()).status == 100
        await connection.send(BODY)
        assert (await connection.answer()).status == 200
    assert origin.read("bucket", "new") == BODY
    denied = request_bytes(gateway.reader, "PUT", "/bucket/denied", body=BODY, unsigned=more)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(denied)
        answer = await connection.answer()
        assert (answer.status, answer.headers["Connection"]) == (403, "close")
        assert await connection.ended()
    assert "denied" not in origin.store.get_bucket("bucket").keys


async def test_a_refused_body_is_read_away_and_the_connection_serves_on(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    length = {"Content-Length": str(len(BODY))}
    denied = request_bytes(gateway.reader, "PUT", "/bucket/new", body=BODY, unsigned=length)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(denied + BODY)
        assert (await connection.answer()).status == 403
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
        assert (await connection.answer()).body == BODY


async def test_a_client_whose_large_body_is_refused_still_reads_why(gateway: Gateway) -> None:
    body = bytes(8 * 1024 * 1024)
    length = {"Content-Length": str(len(body))}
    denied = request_bytes(gateway.reader, "PUT", "/bucket/new", body=body, unsigned=length)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(denied + body)
        answer = await connection.answer()
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code>" in answer.body


async def test_a_chunked_put_without_a_length_is_told_to_say_it(gateway: Gateway) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    head = request_bytes(gateway.client, "PUT", "/bucket/new", body=BODY, unsigned=chunked)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        answer = await connection.answer()
    assert answer.status == 411
    assert b"<Code>MissingContentLength</Code>" in answer.body


async def test_an_absolute_form_target_is_the_same_request(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    target = f"{gateway.endpoint}/bucket/key"
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key", target=target))
        assert (await connection.answer()).body == BODY


async def test_an_offer_to_upgrade_is_passed_over(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    """Java's HttpClient offers h2c on each connection's first request, and then goes on by 1.1."""
    offer = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAA"}
    length = {"Content-Length": str(len(BODY))}
    first = request_bytes(gateway.client, "PUT", "/bucket/k", body=BODY, unsigned=offer | length)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(first + BODY)
        assert (await connection.answer()).status == 200
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/k"))
        assert (await connection.answer()).body == BODY
    assert origin.read("bucket", "k") == BODY


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"OPTIONS * HTTP/1.1", b"InvalidURI"),
        (b"GET /bucket/\xc3\xa9 HTTP/1.1", b"BadRequest"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"RequestHeaderSectionTooLarge"),
        (b"get /bucket/key HTTP/1.1", b"BadRequest"),
        (b"PRI * HTTP/2.0", b"BadRequest"),
    ],
)
async def test_what_is_no_request_is_refused_in_s3s_words(
    gateway: Gateway, request_line: bytes, code: bytes
) -> None:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_line + b"\r\nHost: localhost\r\n\r\n")
        answer = await connection.answer()
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/xml"
    assert b"<Code>%b</Code>" % code in answer.body
