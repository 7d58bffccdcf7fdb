"""What the origin is sent: lengths it can live with, digests it insists on, nothing twice."""

import asyncio
import zlib
from base64 import b64encode
from hashlib import md5
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origin_hooks import once
from tests.support.scripted_server import Asked, answer_bytes, scripted_server

DELETE = b"<Delete><Object><Key>a</Key></Object></Delete>"


async def test_trap_every_request_with_a_body_has_a_length_and_is_never_chunked(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    """RGW answers 411 to a chunked body."""
    client = gateway.client
    for body in (b"", b"small", b"l" * 3_000_000):
        assert (await client.put("bucket", "key", body)).status == 200
    await client.ask("POST", "/bucket/key", query="uploads")
    await client.ask("POST", "/bucket", query="delete", body=DELETE)
    await client.ask("PUT", "/new-bucket")
    written = [call for call in origin.counters.calls if call.method in {"PUT", "POST"}]
    assert len(written) == 6
    for call in written:
        assert call.headers["content-length"].isdigit(), call
        assert "transfer-encoding" not in call.headers


async def test_trap_deleteobjects_carries_content_md5_and_no_checksum_of_other_bytes(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    """boto3 sends a CRC32 and no Content-MD5, which RGW and older origins insist on."""
    crc = b64encode(zlib.crc32(DELETE).to_bytes(4, "big")).decode()
    headers = {"x-amz-checksum-crc32": crc, "x-amz-sdk-checksum-algorithm": "CRC32"}
    reply = await gateway.client.ask(
        "POST", "/bucket", query="delete", body=DELETE, headers=headers
    )
    assert reply.status == 200
    asked = origin.counters.calls[-1].headers
    assert len(asked["content-md5"]) == 24
    assert "x-amz-checksum-crc32" not in asked
    assert "x-amz-sdk-checksum-algorithm" not in asked


async def test_trap_two_uploads_of_one_part_number_overlap_and_both_are_answered(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    client, gate = gateway.client, Gate()
    begun = await client.ask("POST", "/bucket/key", query="uploads")
    upload = fromstring(begun.body).findtext("{*}UploadId")
    query = f"partNumber=1&uploadId={upload}"
    origin.faults.append(once("PUT", Fault(hold_answer=gate)))
    bodies = [b"first" * 50_000, b"second" * 400_000]
    async with asyncio.TaskGroup() as tasks:
        held = tasks.create_task(client.ask("PUT", "/bucket/key", query=query, body=bodies[0]))
        await gate.wait_arrived()
        second = await client.ask("PUT", "/bucket/key", query=query, body=bodies[1])
        gate.release()
    for reply, body in ((held.result(), bodies[0]), (second, bodies[1])):
        assert reply.headers["ETag"] == f'"{md5(body).hexdigest()}"'
    part = f"<PartNumber>1</PartNumber><ETag>{md5(bodies[1]).hexdigest()}</ETag>"
    body = f"<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>".encode()
    await client.ask("POST", "/bucket/key", query=f"uploadId={upload}", body=body)
    assert (await client.get("bucket", "key")).body == bodies[1]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_trap_a_redirect_of_the_origins_is_not_followed_nor_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async def script(asked: Asked, _writer: asyncio.StreamWriter) -> bytes:
        return answer_bytes(status, {"Location": "http://127.0.0.1:1/elsewhere"})

    async with scripted_server(script) as server:
        settings = gateway_settings(server.endpoint, tmp_path / "flash")
        async with running_worker(settings, monkeypatch) as gateway:
            reply = await gateway.client.put("bucket", "key", b"body")
    assert reply.status == status
    assert server.methods() == ["PUT"]


async def test_trap_a_304_past_the_row_is_given_the_etag_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RGW's 304 carries no headers."""

    async def script(asked: Asked, _writer: asyncio.StreamWriter) -> bytes:
        return answer_bytes(304)

    async with scripted_server(script) as server:
        settings = gateway_settings(server.endpoint, tmp_path / "flash")
        async with running_worker(settings, monkeypatch) as gateway:
            for asked, told in (('"e"', '"e"'), ('"e", "f"', None), ("*", None), ('W/"e"', None)):
                reply = await gateway.client.get(
                    "bucket", "key", query="versionId=v", headers={"If-None-Match": asked}
                )
                assert (reply.status, reply.headers.get("ETag")) == (304, told)
