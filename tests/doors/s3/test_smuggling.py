"""Requests that two parsers could read in two ways are refused, and their connection is ended."""

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_worker import Gateway
from tests.support.raw_connection import raw_connection, request_bytes

SECOND = b"GET /bucket/secret HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + SECOND
HEAD = b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\n"

AMBIGUOUS = {
    "Content-Length and Transfer-Encoding": HEAD
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    + CHUNKED,
    "Transfer-Encoding and Content-Length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    + CHUNKED,
    "two Content-Lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 41\r\n\r\n" + SECOND,
    "one Content-Length with two values": HEAD + b"Content-Length: 0, 41\r\n\r\n" + SECOND,
    "a signed Content-Length": HEAD + b"Content-Length: +41\r\n\r\n" + SECOND,
    "a hexadecimal Content-Length": HEAD + b"Content-Length: 0x29\r\n\r\n" + SECOND,
    "a Content-Length of no digits": HEAD + b"Content-Length: \r\n\r\n" + SECOND,
    "two Transfer-Encodings": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    + CHUNKED,
    "chunked that is not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNKED,
    "an unknown Transfer-Encoding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    "a bare LF behind a header": b"PUT /bucket/key HTTP/1.1\nHost: localhost\n\n" + SECOND,
    "a bare LF inside a header": HEAD + b"X-A: b\nContent-Length: 41\r\n\r\n" + SECOND,
    "a bare CR inside a header": HEAD + b"X-A: b\rContent-Length: 41\r\n\r\n" + SECOND,
    "a folded header": HEAD + b"X-A: b\r\n Content-Length: 41\r\n\r\n" + SECOND,
    "a space before the colon": HEAD + b"Content-Length : 41\r\n\r\n" + SECOND,
    "a NUL in a header": HEAD + b"X-A: b\x00c\r\n\r\n" + SECOND,
    "a header without a name": HEAD + b": b\r\n\r\n" + SECOND,
    "a space in the target": b"GET /bucket/key /other HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a version of its own": b"GET /bucket/key HTTP/1.1 \r\nHost: a\r\n\r\n" + SECOND,
    "no version": b"GET /bucket/key\r\n\r\n" + SECOND,
}


@pytest.mark.parametrize("request_of", list(AMBIGUOUS))
async def test_trap_an_ambiguous_request_is_refused_and_nothing_behind_it_is_read(
    gateway: Gateway, origin: EmbeddedOrigin, request_of: str
) -> None:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(AMBIGUOUS[request_of])
        answer = await connection.answer()
        assert answer.status == 400, answer
        assert b"<Error>" in answer.body
        assert await connection.ended()
    assert not origin.counters.calls


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nab\r\n0\r\n\r\n",
        b"-1\r\na\r\n0\r\n\r\n",
        b"ffffffffffffffff1\r\na\r\n0\r\n\r\n",
        b"2\nab\n0\n\n",
        b"2\r\nabX\r\n0\r\n\r\n",
    ],
)
async def test_a_chunked_body_that_is_malformed_ends_the_connection(
    gateway: Gateway, origin: EmbeddedOrigin, chunks: bytes
) -> None:
    unsigned = {"Transfer-Encoding": "chunked"}
    head = request_bytes(
        gateway.client, "POST", "/bucket/key", headers={}, unsigned=unsigned, target="/bucket/key"
    )
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(head + chunks + SECOND)
        answer = await connection.answer()
        assert 400 <= answer.status < 500
        assert await connection.ended()
    assert "secret" not in str(origin.counters.calls)
