"""Bodies in codings: stored ones are never touched, aws-chunked is framing and never stored."""

import gzip
import zlib
from base64 import b64encode

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.framed_bodies import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    chunks_of,
    framed,
)
from tests.support.gateway_settings import ADMIN
from tests.support.gateway_worker import Gateway
from tests.support.signed_client import Reply

TEXT = b"text that compresses well; " * 4000
ZIPPED = gzip.compress(TEXT)


def crc32(body: bytes) -> str:
    return b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


async def put_framed(
    gateway: Gateway,
    kind: str,
    body: bytes,
    *,
    chunks: list[bytes] | None = None,
    trailers: list[tuple[str, str]] | None = None,
    change: tuple[bytes, bytes] | None = None,
    **headers: str,
) -> Reply:
    trailers = [("x-amz-checksum-crc32", crc32(body))] if trailers is None else trailers
    if "TRAILER" not in kind:
        trailers = []
    names = ",".join(name for name, _ in trailers)
    sent = {
        "x-amz-decoded-content-length": str(len(body)),
        "Content-Encoding": "aws-chunked",
        **({"x-amz-trailer": names} if names else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    signed = gateway.client.signed("PUT", "/bucket/key", "", sent, payload_hash=kind)
    cut = chunks if chunks is not None else chunks_of(body)
    wire = framed(kind, cut, headers=signed, secret=ADMIN[1], trailers=trailers)
    if change is not None:
        assert change[0] in wire
        wire = wire.replace(*change, 1)
    async with gateway.session.put(
        f"{gateway.endpoint}/bucket/key", headers=signed, data=wire
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "aws-gzip", "gzip, br"])
async def test_trap_an_encoded_object_is_stored_read_and_ranged_as_it_is(
    gateway: Gateway, origin: EmbeddedOrigin, coding: str
) -> None:
    headers = {"Content-Encoding": coding, "Content-Type": "text/plain"}
    reply = await gateway.client.put("bucket", "key", ZIPPED, headers=headers)
    assert reply.status == 200
    assert origin.read("bucket", "key") == ZIPPED
    for accepted in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}):
        whole = await gateway.client.get("bucket", "key", headers=accepted)
        assert (whole.body, whole.headers["Content-Encoding"]) == (ZIPPED, coding)
        assert whole.headers["Content-Length"] == str(len(ZIPPED))
    part = await gateway.client.get("bucket", "key", headers={"Range": "bytes=10-99"})
    assert (part.status, part.body) == (206, ZIPPED[10:100])
    assert part.headers["Content-Encoding"] == coding


@pytest.mark.parametrize("kind", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("AWS-Chunked, gzip, br", "gzip, br"),
    ],
)
async def test_trap_aws_chunked_is_taken_out_and_what_the_client_meant_stays(
    gateway: Gateway, origin: EmbeddedOrigin, kind: str, sent: str, stored: str | None
) -> None:
    assert (await put_framed(gateway, kind, ZIPPED, Content_Encoding=sent)).status == 200
    assert origin.read("bucket", "key") == ZIPPED
    assert origin.store.get_version("bucket", "key").headers.get("content-encoding") == stored
    assert (await gateway.client.get("bucket", "key")).headers.get("Content-Encoding") == stored


@pytest.mark.parametrize("kind", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("body", [b"", b"x", TEXT], ids=["empty", "one byte", "long"])
async def test_trap_a_framed_body_of_any_length_arrives_with_a_content_length(
    gateway: Gateway, origin: EmbeddedOrigin, kind: str, body: bytes
) -> None:
    """S3A frames its zero-byte markers; boto3 over https sends no Content-Length."""
    assert (await put_framed(gateway, kind, body)).status == 200
    assert origin.read("bucket", "key") == body
    put = origin.counters.calls[-1]
    assert put.headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in put.headers
    assert "x-amz-decoded-content-length" not in put.headers
    assert "x-amz-trailer" not in put.headers


async def test_a_framed_body_in_one_chunk_and_in_many_is_the_same(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    for chunks in ([TEXT], chunks_of(TEXT, 8192), chunks_of(TEXT, 9001)):
        assert (await put_framed(gateway, SIGNED, TEXT, chunks=chunks)).status == 200
        assert origin.read("bucket", "key") == TEXT


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"6\r\nabcdef\r\n", b"ffffffffffffffff\r\nabcdef\r\n"), b"IncompleteBody"),
        ((b"6\r\nabcdef\r\n", b"10000000000000006\r\nabcdef\r\n"), b"InvalidRequest"),
        ((b"6\r\nabcdef\r\n", b"-6\r\nabcdef\r\n"), b"InvalidRequest"),
        ((b"6\r\nabcdef\r\n", b"0x6\r\nabcdef\r\n"), b"InvalidRequest"),
        ((b"6\r\nabcdef\r\n", b"5\r\nabcdef\r\n"), b"InvalidRequest"),
        ((b"6\r\nabcdef\r\n", b"6\r\nabcdefX\n"), b"InvalidRequest"),
        ((b"6\r\nabcdef\r\n", b"5\r\nabcde\r\n"), b"IncompleteBody"),
        ((b"0\r\n", b"0;" + b"x" * 600 + b"\r\n"), b"InvalidRequest"),
        ((b"x-amz-checksum-crc32:", b"x-amz-meta-late:"), b"MalformedTrailerError"),
        ((b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32:AAAAAA==\r\nx:"), b"MalformedTr"),
        ((b"0\r\nx-amz", b"0\r\n\r\nx-amz"), b"MalformedTrailerError"),
    ],
)
async def test_trap_a_chunk_that_lies_is_refused_and_stores_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, change: tuple[bytes, bytes], code: bytes
) -> None:
    reply = await put_framed(gateway, UNSIGNED_TRAILER, b"abcdef", change=change)
    assert (reply.status, code in reply.body) == (400, True), reply
    assert "PUT" not in origin.counters.requests


async def test_trap_bytes_behind_the_end_of_a_framed_body_are_refused(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    first = f"x-amz-checksum-crc32:{crc32(b'abcdef')}\r\n\r\n".encode()
    change = (first, first + b"3\r\nabc\r\n")
    reply = await put_framed(gateway, UNSIGNED_TRAILER, b"abcdef", change=change)
    assert reply.status == 400
    assert "PUT" not in origin.counters.requests


async def test_a_framing_that_nobody_knows_is_refused(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    kind = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    reply = await put_framed(gateway, kind, b"abcdef")
    assert (reply.status, b"<Code>NotImplemented</Code>" in reply.body) == (501, True)
    assert "PUT" not in origin.counters.requests


async def test_trap_a_bad_chunk_signature_after_megabytes_leaves_nothing(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    body = TEXT * 30
    origin.put("bucket", "key", b"before")
    sent = {"x-amz-decoded-content-length": str(len(body)), "Content-Encoding": "aws-chunked"}
    signed = gateway.client.signed("PUT", "/bucket/key", "", sent, payload_hash=SIGNED)
    cut = chunks_of(body)
    wire = framed(SIGNED, cut, headers=signed, secret=ADMIN[1], lie_in_chunk=len(cut) - 1)
    reply = await gateway.client.session.put(
        f"{gateway.endpoint}/bucket/key", headers=signed, data=_pieces(wire)
    )
    async with reply:
        assert reply.status == 403
        assert b"SignatureDoesNotMatch" in await reply.read()
    assert origin.read("bucket", "key") == b"before"


async def _pieces(wire: bytes):
    for start in range(0, len(wire), 100_000):
        yield wire[start : start + 100_000]
