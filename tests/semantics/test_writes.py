"""Write-through: what is not proven is visible nowhere; the client's 200 is the origin's."""

import asyncio
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import md5, sha256
from urllib.parse import urlsplit

import pytest

from gateway.core.writing import held_back
from gateway.demo.origin import EmbeddedOrigin
from gateway.model.failures import BodyMismatch
from gateway.model.names import ObjectName
from gateway.telemetry import metrics
from tests.support.framed_bodies import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    chunks_of,
    framed,
)
from tests.support.gateway_settings import ADMIN
from tests.support.gateway_worker import Gateway, until
from tests.support.signed_client import Reply, object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD = b"what was there before"
SIZES = pytest.mark.parametrize("size", [5, 70_000, 3_000_000], ids=["tiny", "small", "streamed"])
PREFIXES = pytest.mark.parametrize("prefix", ["", "admit/"], ids=["strict", "admitted"])


def crc32(body: bytes) -> str:
    return b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def md5_of(body: bytes) -> str:
    return b64encode(md5(body).digest()).decode()


# Each lie: headers, payload hash, framing, trailer and where a chunk's signature is wrong.
def lies(truth: bytes) -> dict[str, dict[str, object]]:
    other = b"another body"
    sum_of_other = ("x-amz-checksum-crc32", crc32(other))
    return {
        "sha256 in the header": {"payload_hash": sha256(other).hexdigest()},
        "Content-MD5": {"headers": {"Content-MD5": md5_of(other)}},
        "checksum header": {"headers": dict([sum_of_other])},
        "checksum header, unsigned payload": {
            "headers": dict([sum_of_other]),
            "payload_hash": "UNSIGNED-PAYLOAD",
        },
        "first chunk signature": {"kind": SIGNED, "lie_in_chunk": 0},
        "last chunk signature": {"kind": SIGNED, "lie_in_chunk": len(chunks_of(truth))},
        "trailer of a signed body": {"kind": SIGNED_TRAILER, "trailers": [sum_of_other]},
        "trailer of an unsigned body": {"kind": UNSIGNED_TRAILER, "trailers": [sum_of_other]},
        "decoded length": {"kind": SIGNED, "length": len(truth) + 1},
    }


@SIZES
@PREFIXES
@pytest.mark.parametrize("lie", list(lies(b"")))
async def test_a_lie_leaves_nothing_behind(
    gateway: Gateway, origin: EmbeddedOrigin, size: int, prefix: str, lie: str
) -> None:
    name = f"{prefix}{lie}/{size}"
    body = bytes(range(251)) * (size // 251 + 1)
    origin.put("bucket", name, OLD)
    await gateway.warm("bucket", name)
    reply = await _put(gateway, name, body[:size], **lies(body[:size])[lie])
    assert reply.status in (400, 403), reply
    assert b"<Code>" in reply.body
    await _assert_untouched(gateway, origin, name)


@SIZES
@PREFIXES
@pytest.mark.parametrize("kind", ["plain", SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    gateway: Gateway, origin: EmbeddedOrigin, size: int, prefix: str, kind: str
) -> None:
    name = f"{prefix}leaves/{kind}/{size}"
    origin.put("bucket", name, OLD)
    await gateway.warm("bucket", name)
    body = b"n" * size
    trailers = [("x-amz-checksum-crc32", crc32(body))] if "TRAILER" in kind else []
    headers, wire = _framed_put(gateway, name, body, kind, trailers)
    refused = metrics.writes_refused.value
    for sent in (wire[: len(wire) // 2], wire[:-1]):
        await _send_and_leave(gateway, name, headers, sent, len(wire))
    await until(lambda: metrics.writes_refused.value == refused + 2)
    await _assert_untouched(gateway, origin, name)


@SIZES
@PREFIXES
@pytest.mark.parametrize("kind", ["plain", SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
async def test_the_truth_arrives_unframed_with_its_checksum(
    gateway: Gateway, origin: EmbeddedOrigin, size: int, prefix: str, kind: str
) -> None:
    name = f"{prefix}truth/{kind}/{size}"
    body = b"t" * size
    trailers = [("x-amz-checksum-crc32", crc32(body))] if "TRAILER" in kind else []
    reply = await _put(gateway, name, body, kind=kind, trailers=trailers)
    assert reply.status == 200, reply
    stored = origin.store.get_version("bucket", name)
    assert origin.read("bucket", name) == body
    assert reply.headers["ETag"] == stored.etag == f'"{md5(body).hexdigest()}"'
    assert "content-encoding" not in stored.headers
    if trailers:
        assert stored.checksums == {"crc32": crc32(body)}
        assert reply.headers["x-amz-checksum-crc32"] == crc32(body)
    assert (await gateway.client.get("bucket", name)).body == body


async def test_the_last_bytes_leave_only_after_the_proof() -> None:
    """Whatever the origin verifies itself: a body that ends before its length is discarded."""

    def finish() -> dict[str, str]:
        raise BodyMismatch("a lie")

    left = bytearray()

    async def leave() -> None:
        async for piece in held_back(_pieces(b"n" * 600_000), finish):
            left.extend(piece)

    with pytest.raises(BodyMismatch):
        await leave()
    assert 0 < len(left) < 600_000


async def test_the_200_is_the_origins(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> None:
    reply = await gateway.client.put("versioned", key, b"one", headers={"x-amz-meta-a": "b"})
    stored = origin.store.get_version("versioned", key)
    assert reply.headers["ETag"] == stored.etag
    assert reply.headers["x-amz-version-id"] == stored.version_id
    assert reply.headers["x-amz-checksum-crc64nvme"] == stored.checksums["crc64nvme"]
    assert stored.headers["x-amz-meta-a"] == "b"


async def test_an_admitted_body_is_on_flash_before_anyone_reads_it(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    name, body = f"admit/{key}", b"a" * 100_000
    assert (await gateway.client.put("bucket", name, body)).status == 200
    await until(lambda: gateway.is_on_flash("bucket", name))
    origin.counters.reset()
    assert (await gateway.client.get("bucket", name)).body == body
    assert origin.counters.body_bytes_sent == 0


async def test_an_admitted_body_is_not_taken_for_what_another_wrote_meanwhile(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    name, body, other = f"admit/{key}", b"a" * 100_000, b"b" * 100_000

    def collide(call: object) -> None:
        if getattr(call, "method", "") == "HEAD" and getattr(call, "key", "") == name:
            stored = origin.store.get_version("bucket", name)
            origin.put("bucket", name, other, etag=stored.etag, modified=stored.modified)
            origin.faults.clear()

    origin.faults.append(collide)
    assert (await gateway.client.put("bucket", name, body)).status == 200
    await until(lambda: not origin.faults)
    assert (await gateway.client.get("bucket", name)).body == other


@pytest.mark.parametrize("remembers", [True, False], ids=["origin remembers", "origin forgets"])
async def test_complete_multipart_upload_repeated_gives_the_same_answer(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, remembers: bool
) -> None:
    path, name = object_path("bucket", key), ObjectName("bucket", key)
    begun = await gateway.client.ask("POST", path, query="uploads")
    upload_id = begun.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    query = f"partNumber=1&uploadId={upload_id}"
    etag = (await gateway.client.ask("PUT", path, query=query, body=b"p" * 1000)).headers["ETag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    first = await _complete(gateway, path, upload_id, document)
    if not remembers:
        del origin.store.uploads[upload_id]
    again = await _complete(gateway, path, upload_id, document)
    assert (first.status, again.status) == (200, 200)
    assert _leaf(first.body, b"Location").decode() == f"{gateway.endpoint}{path}"
    for tag in (b"ETag", b"Bucket", b"Key", b"Location"):
        assert _leaf(first.body, tag) == _leaf(again.body, tag) != b""
    assert origin.read(name.bucket, name.key) == b"p" * 1000
    # What another wrote since is not taken for the upload's outcome.
    origin.put("bucket", key, b"of another")
    if not remembers:
        late = await _complete(gateway, path, upload_id, document)
        assert late.status == 404
        assert _leaf(late.body, b"Code") == b"NoSuchUpload"


async def test_conditional_writes_are_judged_by_the_origin(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    create = {"If-None-Match": "*"}
    assert (await gateway.client.put("bucket", key, b"one", headers=create)).status == 200
    refused = await gateway.client.put("bucket", key, b"two", headers=create)
    assert (refused.status, _leaf(refused.body, b"Code")) == (412, b"PreconditionFailed")
    assert origin.read("bucket", key) == b"one"
    # Changed behind our back: only the origin can know.
    etag = origin.put("bucket", key, b"foreign").etag
    stale = {"If-Match": f'"{md5(b"one").hexdigest()}"'}
    assert (await gateway.client.put("bucket", key, b"three", headers=stale)).status == 412
    assert origin.read("bucket", key) == b"foreign"
    right = {"If-Match": etag}
    assert (await gateway.client.put("bucket", key, b"four", headers=right)).status == 200
    assert (await gateway.client.get("bucket", key)).body == b"four"


async def test_trap_a_body_that_looks_framed_is_kept_as_it_is(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    body = b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n0;chunk-signature=\r\n\r\n"
    assert (await gateway.client.put("bucket", key, body)).status == 200
    assert origin.read("bucket", key) == body


async def _put(
    gateway: Gateway,
    key: str,
    body: bytes,
    *,
    kind: str = "plain",
    headers: dict[str, str] | None = None,
    payload_hash: str | None = None,
    **framing: object,
) -> Reply:
    if kind == "plain":
        return await gateway.client.put(
            "bucket", key, body, headers=headers or {}, payload_hash=payload_hash
        )
    trailers = framing.pop("trailers", [])
    sent, wire = _framed_put(gateway, key, body, kind, trailers, **framing)  # type: ignore[arg-type]
    async with gateway.session.put(
        gateway.endpoint + object_path("bucket", key),
        headers=sent | {"Content-Length": str(len(wire))},
        data=_pieces(wire),
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


def _framed_put(
    gateway: Gateway,
    key: str,
    body: bytes,
    kind: str,
    trailers: list[tuple[str, str]],
    *,
    length: int | None = None,
    lie_in_chunk: int | None = None,
) -> tuple[dict[str, str], bytes]:
    """Return the signed headers of a PUT and its body as it goes on the wire."""
    path = object_path("bucket", key)
    if kind == "plain":
        return gateway.client.signed("PUT", path, "", {}, body=body), body
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(body) if length is None else length),
    }
    if trailers:
        headers["x-amz-trailer"] = ",".join(name for name, _ in trailers)
    headers = gateway.client.signed("PUT", path, "", headers, payload_hash=kind)
    wire = framed(
        kind,
        chunks_of(body),
        headers=headers,
        secret=ADMIN[1],
        trailers=trailers,
        lie_in_chunk=lie_in_chunk,
    )
    return headers, wire


async def _pieces(wire: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(wire), 256 * 1024):
        yield wire[start : start + 256 * 1024]


async def _send_and_leave(
    gateway: Gateway, key: str, headers: dict[str, str], sent: bytes, length: int
) -> None:
    """Announce `length` bytes, send fewer, and close the connection."""
    where = urlsplit(gateway.endpoint)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {object_path('bucket', key)} HTTP/1.1\r\nHost: {where.netloc}\r\n"
    writer.write(f"{head}{lines}Content-Length: {length}\r\n\r\n".encode() + sent)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _assert_untouched(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> None:
    assert origin.read("bucket", key) == OLD
    origin.counters.reset()
    reply = await gateway.client.get("bucket", key)
    assert (reply.status, reply.body) == (200, OLD)
    # Flash has what it had: the body was not read again.
    assert origin.counters.body_bytes_sent == 0


async def _complete(gateway: Gateway, path: str, upload_id: str, document: bytes) -> Reply:
    return await gateway.client.ask("POST", path, query=f"uploadId={upload_id}", body=document)


def _leaf(document: bytes, tag: bytes) -> bytes:
    text = document.partition(b"<" + tag + b">")[2].partition(b"</")[0]
    return text.replace(b"&quot;", b'"')
