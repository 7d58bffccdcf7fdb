"""Regressions that each were a bug in a real system of this kind, at the S3 door."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from gateway.protocol.s3.signing import presign
from tests.support.gateway_settings import ADMIN, gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origin_hooks import once
from tests.support.signed_client import Reply, object_path

BODY = bytes(range(256)) * 100
ODD_KEYS = [
    "a+b",
    "a b",
    "per%cent",
    "per%2Fcent",
    "double//slash",
    "/leading",
    "trailing/",
    "dot/./dot",
    "up/../up",
    "..",
    "co:lon",
    "quest?ion",
    "ha#sh",
    "am&per=sand",
    "ünïcödé/日本",
    "quo'te\"s",
    "~tilde*star!",
    "k" * 1024,
]


@pytest.fixture
async def gateway(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(origin.endpoint, tmp_path / "flash")
    async with running_worker(settings, monkeypatch) as running:
        yield running
        assert await running.flash.check(with_data=True) == []


async def test_trap_odd_keys_name_one_object_on_both_sides(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    for number, key in enumerate(ODD_KEYS):
        assert (await gateway.client.put("bucket", key, f"{number}".encode())).status == 200
    assert set(origin.store.buckets["bucket"].keys) == set(ODD_KEYS)
    for number, key in enumerate(ODD_KEYS):
        for _ in range(2):
            assert (await gateway.client.get("bucket", key)).body == f"{number}".encode()
        assert (await gateway.client.delete("bucket", key)).status == 204
    assert origin.store.buckets["bucket"].keys == []


async def test_trap_two_uploads_of_one_part_that_overlap(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    path, upload = await _begin(gateway)
    query, held = f"partNumber=1&uploadId={upload}", Gate()
    origin.faults.append(once("PUT", Fault(hold_call=held)))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(gateway.client.ask("PUT", path, query=query, body=b"one" * 9))
        await held.wait_arrived()
        second = await gateway.client.ask("PUT", path, query=query, body=b"two" * 9)
        held.release()
    # The one that the origin took last counts, and its ETag names it.
    last = first.result()
    assert second.status == last.status == 200
    done = await _complete(gateway, path, upload, last.headers["ETag"])
    assert done.status == 200
    assert origin.read("bucket", "k") == b"one" * 9


@pytest.mark.parametrize("token_bytes", [0, 9000])
async def test_trap_a_presigned_put_keeps_its_query_and_may_be_long(
    gateway: Gateway, origin: EmbeddedOrigin, token_bytes: int
) -> None:
    query = presign(
        "PUT",
        urlsplit(gateway.endpoint).netloc,
        "/bucket/k",
        "x-id=PutObject" + "&x-long=" + "t" * token_bytes,
        {},
        access_key=ADMIN[0],
        secret=ADMIN[1],
        session_token=None,
        region="us-east-1",
        amz_date=_amz_date(),
        expires_seconds=60,
    )
    async with gateway.session.put(f"{gateway.endpoint}/bucket/k?{query}", data=BODY) as reply:
        assert reply.status == 200, await reply.text()
    assert origin.read("bucket", "k") == BODY
    assert all("X-Amz-Signature" not in call.target for call in origin.counters.calls)


async def test_trap_a_signed_accept_encoding_is_not_touched_and_nothing_is_unpacked(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    packed = b"\x1f\x8b\x08\x00 no gzip at all"
    headers = {"Content-Encoding": "gzip"}
    assert (await gateway.client.put("bucket", "k", packed, headers=headers)).status == 200
    for _ in range(2):
        for asked in ("gzip", "identity", "gzip, deflate"):
            reply = await gateway.client.get("bucket", "k", headers={"Accept-Encoding": asked})
            assert (reply.status, reply.body) == (200, packed)
            assert reply.headers["Content-Encoding"] == "gzip"
    part = await gateway.client.get("bucket", "k", headers={"Range": "bytes=2-3"})
    assert part.body == packed[2:4]


async def test_trap_nothing_is_ever_redirected(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/bucket"),
        ("GET", "/bucket/"),
        ("HEAD", "/bucket"),
        ("GET", "/bucket//k"),
        ("GET", "/absent/k"),
        ("PUT", "/bucket/k"),
    ):
        assert (await gateway.client.ask(method, path)).status not in range(300, 400)


async def test_trap_a_body_that_is_not_what_its_signed_hash_says_reaches_nobody(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    lie = sha256(b"other").hexdigest()
    reply = await gateway.client.put("bucket", "k", BODY, payload_hash=lie)
    assert reply.status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in reply.body
    assert not origin.counters.requests


async def test_trap_error_answers_name_code_resource_and_request(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    reply = await gateway.client.get("bucket", "absent key")
    assert reply.status == 404
    for part in (b"<Code>NoSuchKey</Code>", b"<Resource>", b"<RequestId>"):
        assert part in reply.body
    head = await gateway.client.head("bucket", "absent key")
    assert (head.status, head.body) == (404, b"")
    assert head.headers["x-amz-request-id"]


async def _begin(gateway: Gateway) -> tuple[str, str]:
    path = object_path("bucket", "k")
    begun = await gateway.client.ask("POST", path, query="uploads")
    return path, begun.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()


async def _complete(gateway: Gateway, path: str, upload: str, etag: str) -> Reply:
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    return await gateway.client.ask("POST", path, query=f"uploadId={upload}", body=document)


def _amz_date() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
