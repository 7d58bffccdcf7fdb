"""What takes minutes: the connection lives on, failures are told late, rows are forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import md5
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from gateway.assembly import doors
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_cors import CorsRule
from gateway.demo.origin_faults import Fault, Gate
from gateway.telemetry import metrics
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker, until
from tests.support.origin_hooks import always
from tests.support.raw_connection import raw_connection, request_bytes
from tests.support.scripted_server import Asked, Script, answer_bytes, scripted_server

INTERVAL_SECONDS = 0.01
XML = {"Content-Type": "application/xml"}
PART = md5(b"part").hexdigest()
WHOLE = f"{md5(bytes.fromhex(PART)).hexdigest()}-1"
PARTS = (
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
    f"<ETag>&quot;{PART}&quot;</ETag></Part></CompleteMultipartUpload>"
).encode()
RESULT = b"<CompleteMultipartUploadResult><Bucket>bucket</Bucket>%b</CompleteMultipartUploadResult>"
FAILED = b"<Error><Code>InternalError</Code><Message>the disk is on fire</Message></Error>"
COPY = {"x-amz-copy-source": "/bucket/source"}

Serve = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return a worker before an origin; with `is_slow` its clients soon hear whitespace."""

    @asynccontextmanager
    async def serving(endpoint: str, *, is_slow: bool = False) -> AsyncIterator[Gateway]:
        if is_slow:
            monkeypatch.setattr(doors, "KEEP_ALIVE_SECONDS", INTERVAL_SECONDS)
        settings = gateway_settings(endpoint, tmp_path / "flash")
        async with running_worker(settings, monkeypatch) as gateway:
            yield gateway

    return serving


def says(*answers: bytes) -> Script:
    """Answer so, one after the other, then the last again."""
    left = list(answers)

    async def script(_asked: Asked, _writer: asyncio.StreamWriter) -> bytes:
        return left.pop(0) if len(left) > 1 else left[0]

    return script


async def complete(gateway: Gateway) -> tuple[int, bytes]:
    reply = await gateway.client.ask("POST", "/bucket/key", query="uploadId=u", body=PARTS)
    return reply.status, reply.body


@pytest.mark.parametrize("operation", ["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"])
async def test_a_client_that_waits_is_sent_whitespace_and_then_the_result(
    serve: Serve, origin: EmbeddedOrigin, operation: str
) -> None:
    gate = Gate()
    origin.put("bucket", "source", b"source")
    async with (
        serve(origin.endpoint, is_slow=True) as gateway,
        raw_connection(gateway.endpoint) as connection,
    ):
        client = gateway.client
        begun = await client.ask("POST", "/bucket/key", query="uploads=")
        upload = fromstring(begun.body).findtext("{*}UploadId")
        part = f"partNumber=1&uploadId={upload}"
        await client.ask("PUT", "/bucket/key", query=part, body=b"part")
        method, query, headers, body = {
            "CopyObject": ("PUT", "", COPY, b""),
            "UploadPartCopy": ("PUT", part, COPY, b""),
            "CompleteMultipartUpload": ("POST", f"uploadId={upload}", {}, PARTS),
        }[operation]
        origin.faults.append(always(Fault(hold_answer=gate), method=method, key="key"))
        signed = client.signed(method, "/bucket/key", query, dict(headers), body=body)
        lines = [f"{method} /bucket/key?{query} HTTP/1.1", f"Host: {gateway.endpoint[7:]}"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        lines += [f"Content-Length: {len(body)}"]
        await connection.send("\r\n".join([*lines, "", ""]).encode() + body)
        head = await connection.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"Transfer-Encoding: chunked" in head
        await connection.read_until(b'encoding="UTF-8"?>\n\r\n')
        for _ in range(3):
            assert await connection.read_until(b" \r\n") == b"1\r\n \r\n"
        gate.release()
        rest = await connection.read_until(b"\r\n0\r\n\r\n")
        assert b"<ETag>" in rest
        assert b"<?xml" not in rest
        # The connection serves on.
        origin.faults.clear()
        await connection.send(request_bytes(client, "GET", "/bucket/source"))
        assert (await connection.answer()).body == b"source"


async def test_a_site_that_waits_is_shown_the_answer_as_the_bucket_allows(
    serve: Serve, origin: EmbeddedOrigin
) -> None:
    site = "https://shop.example.com"
    origin.cors["bucket"] = (CorsRule((site,), ("PUT",)),)
    origin.put("bucket", "source", b"source")
    for asker, shown in ((site, site), ("https://other.example.com", None)):
        gate = Gate()
        origin.faults[:] = [always(Fault(hold_answer=gate), method="PUT", key="key")]
        async with serve(origin.endpoint, is_slow=True) as gateway, asyncio.TaskGroup() as tasks:
            headers = {**COPY, "Origin": asker}
            asking = tasks.create_task(gateway.client.put("bucket", "key", b"", headers=headers))
            await until(lambda: origin.counters.requests["OPTIONS"] > 0)
            gate.release()
        assert asking.result().headers.get("Access-Control-Allow-Origin") == shown
        origin.counters.reset()


async def test_what_fails_late_is_an_error_in_the_200(serve: Serve, origin: EmbeddedOrigin) -> None:
    gate = Gate()
    origin.put("bucket", "source", b"source")
    async with (
        serve(origin.endpoint, is_slow=True) as gateway,
        raw_connection(gateway.endpoint) as connection,
    ):
        fault = Fault(hold_call=gate, code="InternalError")
        origin.faults.append(always(fault, method="PUT"))
        failures = metrics.requests.labels(door="s3", operation="CopyObject", status="200-error")
        before = failures.value
        await connection.send(request_bytes(gateway.client, "PUT", "/bucket/key", headers=COPY))
        await connection.read_until(b'encoding="UTF-8"?>\n\r\n')
        gate.release()
        rest = await connection.read_until(b"\r\n0\r\n\r\n")
        assert b"<Error><Code>InternalError</Code>" in rest
        assert b"<?xml" not in rest
        await until(lambda: failures.value == before + 1)


async def test_what_fails_at_once_has_its_own_status(serve: Serve, origin: EmbeddedOrigin) -> None:
    async with serve(origin.endpoint) as gateway:
        reply = await gateway.client.put("bucket", "key", b"", headers=COPY)
    assert reply.status == 404
    assert b"<Code>NoSuchKey</Code>" in reply.body


async def test_a_client_that_leaves_does_not_stop_the_work_nor_keep_the_old_row(
    serve: Serve, origin: EmbeddedOrigin
) -> None:
    gate = Gate()
    origin.put("bucket", "source", b"the new body")
    origin.put("bucket", "immutable/key", b"the old body")
    async with serve(origin.endpoint, is_slow=True) as gateway:
        await gateway.warm("bucket", "immutable/key")
        origin.faults.append(always(Fault(hold_call=gate), method="PUT"))
        async with raw_connection(gateway.endpoint) as connection:
            head = request_bytes(gateway.client, "PUT", "/bucket/immutable/key", headers=COPY)
            await connection.send(head)
            await connection.read_until(b'encoding="UTF-8"?>\n\r\n')
        gate.release()
        await until(lambda: origin.read("bucket", "immutable/key") == b"the new body")
        await until(lambda: not gateway.is_on_flash("bucket", "immutable/key"))
        assert (await gateway.client.get("bucket", "immutable/key")).body == b"the new body"


@pytest.mark.parametrize("before", [b"", b"<?xml version='1.0'?>\n", b"<?xml version='1.0'?>   \n"])
async def test_trap_an_error_in_the_origins_200_is_passed_on_and_counts_as_one(
    serve: Serve, before: bytes
) -> None:
    script = says(answer_bytes(200, XML, before + FAILED))
    async with scripted_server(script) as server, serve(server.endpoint) as gateway:
        failures = metrics.requests.labels(
            door="s3", operation="CompleteMultipartUpload", status="200-error"
        )
        count = failures.value
        assert await complete(gateway) == (200, before + FAILED)
        await until(lambda: failures.value == count + 1)


async def test_a_row_made_while_the_origin_says_200_and_works_on_is_forgotten(
    serve: Serve,
) -> None:
    finish, began = asyncio.Event(), asyncio.Event()
    body = {"now": b"old"}

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        etag = {"ETag": f'"{md5(body["now"]).hexdigest()}"', "Last-Modified": DATE}
        if asked.method != "PUT":
            shown = body["now"] if asked.method == "GET" else b""
            return answer_bytes(200, {**etag, "Content-Length": str(len(body["now"]))}, shown)
        writer.write(answer_bytes(200, XML, b'<?xml version="1.0"?>\n', length=False))
        began.set()
        await finish.wait()
        body["now"] = b"new"
        return b"  <CopyObjectResult><ETag>x</ETag></CopyObjectResult>"

    async with scripted_server(script) as server, serve(server.endpoint) as gateway:
        async with asyncio.TaskGroup() as tasks:
            copying = tasks.create_task(
                gateway.client.put("bucket", "immutable/key", b"", headers=COPY)
            )
            await began.wait()
            assert (await gateway.warm("bucket", "immutable/key")).body == b"old"
            finish.set()
        assert copying.result().status == 200
        assert (await gateway.client.get("bucket", "immutable/key")).body == b"new"


DATE = "Sat, 21 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    "element", [b"", b"<ETag></ETag>", b"<ETag/>", b"<ETag>&quot;&quot;</ETag>"]
)
async def test_trap_an_etag_that_the_origin_leaves_out_is_what_the_parts_make(
    serve: Serve, element: bytes
) -> None:
    script = says(answer_bytes(200, XML, RESULT % element))
    async with scripted_server(script) as server, serve(server.endpoint) as gateway:
        status, body = await complete(gateway)
    assert status == 200
    assert [node.text for node in fromstring(body).findall("{*}ETag")] == [f'"{WHOLE}"']
    assert fromstring(body).findtext("{*}Bucket") == "bucket"


async def test_the_etag_of_a_version_is_asked_of_the_version(serve: Serve) -> None:
    result = answer_bytes(200, {**XML, "x-amz-version-id": "v 1"}, RESULT % b"<ETag/>")
    described = answer_bytes(200, {"ETag": '"theirs-1"'})
    script = says(result, described)
    async with scripted_server(script) as server, serve(server.endpoint) as gateway:
        _, body = await complete(gateway)
    assert server.asked[1].target == "/bucket/key?versionId=v%201"
    assert fromstring(body).findtext("{*}ETag") == '"theirs-1"'


async def test_of_a_whole_result_only_the_address_is_ours(serve: Serve) -> None:
    whole = RESULT % b"<ETag>&quot;a-1&quot;</ETag><More>x</More><Location>theirs</Location>"
    script = says(answer_bytes(200, XML, whole))
    async with scripted_server(script) as server, serve(server.endpoint) as gateway:
        status, body = await complete(gateway)
        told = {node.tag.rpartition("}")[2]: node.text for node in fromstring(body)}
        assert (status, told.pop("Location")) == (200, f"{gateway.endpoint}/bucket/key")
    assert told == {"Bucket": "bucket", "ETag": '"a-1"', "More": "x"}
    assert server.methods() == ["POST"]
