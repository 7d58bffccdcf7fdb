"""Requests that two parsers could read in two ways are refused, and their connection is ended."""

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD
from tests.support.gateway_worker import Gateway
from tests.support.raw_connection import raw_connection, request_bytes

SECOND = b"GET /bucket/secret HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + SECOND
HEAD = b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /bucket/key HTTP/1.1\r\n"


def put(*lines: bytes, behind: bytes = SECOND) -> bytes:
    """Return a PUT with header lines as they are."""
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + behind


AMBIGUOUS = {
    # Two lengths (RFC 9112 6.3)
    "Content-Length and Transfer-Encoding": put(
        b"Content-Length: 5", b"Transfer-Encoding: chunked", behind=CHUNKED
    ),
    "Transfer-Encoding and Content-Length": put(
        b"Transfer-Encoding: chunked", b"Content-Length: 5", behind=CHUNKED
    ),
    "two Content-Lengths": put(b"Content-Length: 0", b"Content-Length: 41"),
    "one Content-Length twice": put(b"Content-Length: 41", b"Content-Length: 41"),
    "one Content-Length with two values": put(b"Content-Length: 0, 41"),
    "one Content-Length with one value twice": put(b"Content-Length: 41, 41"),
    # Lengths that are numbers to some
    "a Content-Length with a plus": put(b"Content-Length: +41"),
    "a Content-Length with a minus": put(b"Content-Length: -41"),
    "a Content-Length with a space inside": put(b"Content-Length: 4 1"),
    "a Content-Length with an underscore": put(b"Content-Length: 4_1"),
    "a hexadecimal Content-Length": put(b"Content-Length: 0x29"),
    "a Content-Length with an exponent": put(b"Content-Length: 4e1"),
    "a Content-Length in other digits": put("Content-Length: ٤١".encode()),
    "a Content-Length beyond 64 bits": put(b"Content-Length: 18446744073709551657"),
    "a Content-Length of no digits": put(b"Content-Length: "),
    # Codings that some know (RFC 9112 6.1)
    "two Transfer-Encodings": put(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", behind=CHUNKED
    ),
    "one Transfer-Encoding twice": put(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", behind=CHUNKED
    ),
    "chunked twice": put(b"Transfer-Encoding: chunked, chunked", behind=CHUNKED),
    "chunked that is not last": put(b"Transfer-Encoding: chunked, gzip", behind=CHUNKED),
    "an unknown Transfer-Encoding": put(b"Transfer-Encoding: xchunked", behind=CHUNKED),
    "a Transfer-Encoding in quotes": put(b'Transfer-Encoding: "chunked"', behind=CHUNKED),
    "a Transfer-Encoding behind a vertical tab": put(
        b"Transfer-Encoding:\x0bchunked", behind=CHUNKED
    ),
    "a Transfer-Encoding on a line of its own": put(
        b"Transfer-Encoding:", b" chunked", behind=CHUNKED
    ),
    "identity": put(b"Transfer-Encoding: identity", behind=CHUNKED),
    "chunked in HTTP/1.0": put(b"Transfer-Encoding: chunked", behind=CHUNKED).replace(
        b"HTTP/1.1", b"HTTP/1.0", 1
    ),
    # Ends of lines
    "a bare LF behind a header": b"PUT /bucket/key HTTP/1.1\nHost: localhost\n\n" + SECOND,
    "a bare LF inside a header": put(b"X-A: b\nContent-Length: 41"),
    "a bare CR inside a header": put(b"X-A: b\rContent-Length: 41"),
    "two CRs behind a header": put(b"X-A: b\r"),
    "a bare CR in the target": b"GET /bucket/k\ry HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a folded header": put(b"X-A: b", b" Content-Length: 41"),
    "a header folded with a tab": put(b"X-A: b", b"\tContent-Length: 41"),
    "a space before the first header": GET + b" Host: a\r\nX-A: b\r\n\r\n" + SECOND,
    # Names and values
    "a space before the colon": put(b"Content-Length : 41"),
    "a tab before the colon": put(b"Content-Length\t: 41"),
    "a NUL in a header": put(b"X-A: b\x00c"),
    "a NUL in a header's name": put(b"X\x00A: b"),
    "a NUL in the target": b"GET /bucket/k\x00 HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a vertical tab in a header": put(b"X-A: b\x0bc"),
    "a header without a name": put(b": b"),
    "a header without a colon": put(b"X-A"),
    # First lines
    "a space in the target": b"GET /bucket/key /other HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a version of its own": b"GET /bucket/key HTTP/1.1 \r\nHost: a\r\n\r\n" + SECOND,
    "a version of two digits": b"GET /bucket/key HTTP/1.10\r\nHost: a\r\n\r\n" + SECOND,
    "no version, which is HTTP/0.9": b"GET /bucket/key\r\n\r\n" + SECOND,
    "HTTP/0.9 by name": b"GET /bucket/key HTTP/0.9\r\nHost: a\r\n\r\n" + SECOND,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SECOND,
    # Whose request it is (RFC 9112 3.2)
    "two Hosts": GET + b"Host: a\r\nHost: b\r\n\r\n" + SECOND,
    "no Host": GET + b"\r\n" + SECOND,
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


async def test_trap_it_is_refused_behind_a_good_request_as_well(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    await gateway.client.put("bucket", "key", b"hello")
    good = request_bytes(gateway.client, "GET", "/bucket/key")
    for name, ambiguous in AMBIGUOUS.items():
        async with raw_connection(gateway.endpoint) as connection:
            await connection.send(good)
            assert (await connection.answer()).body == b"hello"
            await connection.send(ambiguous)
            assert (await connection.answer()).status == 400, name
            assert await connection.ended(), name
        async with raw_connection(gateway.endpoint) as connection:
            await connection.send(good + ambiguous)
            # What comes in one piece with a bad request may be refused with it, never more.
            answer = await connection.answer()
            if answer.status == 200:
                answer = await connection.answer()
            assert answer.status == 400, name
            assert await connection.ended(), name
    assert "secret" not in str(origin.counters.calls)


CODED = {
    "gzip, chunked": "transfer coding",
    "Chunked, Chunked": "Bad Request",
    "deflate,chunked": "transfer coding",
    "": "transfer coding",
}


@pytest.mark.parametrize("coding", CODED)
async def test_trap_a_transfer_coding_that_is_left_in_the_body_is_refused(
    gateway: Gateway, origin: EmbeddedOrigin, coding: str
) -> None:
    length = {} if coding else {"Content-Length": "5"}
    signed = request_bytes(
        gateway.client,
        "PUT",
        "/bucket/key",
        headers={"x-amz-decoded-content-length": "5"},
        unsigned={"Transfer-Encoding": coding, **length},
    )
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(signed + b"0\r\n\r\n" + SECOND)
        answer = await connection.answer()
        assert answer.status in {400, 501}
        assert CODED[coding] in answer.body.decode()
        assert await connection.ended()
    assert not origin.counters.calls


@pytest.mark.parametrize("key", ["key", "immutable/key"])
async def test_trap_an_empty_transfer_coding_is_refused_where_the_body_is_at_hand(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, b"hello")
    await gateway.warm("bucket", key)
    signed = request_bytes(
        gateway.client, "GET", f"/bucket/{key}", unsigned={"Transfer-Encoding": ""}
    )
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(signed + b"0\r\n\r\n" + SECOND)
        assert (await connection.answer()).status in {400, 501}
        assert await connection.ended()
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(signed)
        assert (await connection.answer()).status == 501
        assert await connection.ended()


MALFORMED_CHUNKS = {
    "no number": b"zz\r\nab\r\n0\r\n\r\n",
    "a minus": b"-1\r\na\r\n0\r\n\r\n",
    "a plus": b"+2\r\nab\r\n0\r\n\r\n",
    "0x": b"0x2\r\nab\r\n0\r\n\r\n",
    "an underscore": b"0_2\r\nab\r\n0\r\n\r\n",
    "beyond 64 bits": b"ffffffffffffffff1\r\na\r\n0\r\n\r\n",
    "2 modulo 2^64": b"10000000000000002\r\nab\r\n0\r\n\r\n",
    "a space before": b" 2\r\nab\r\n0\r\n\r\n",
    "a space behind": b"2 \r\nab\r\n0\r\n\r\n",
    "a NUL": b"2\x00\r\nab\r\n0\r\n\r\n",
    "nothing": b"\r\nab\r\n0\r\n\r\n",
    "bare LFs": b"2\nab\n0\n\n",
    "a bare LF in an extension": b"2;a\nb\r\nab\r\n0\r\n\r\n",
    "a bare CR in an extension": b"2;a\rb\r\nab\r\n0\r\n\r\n",
    "a line's end in a quoted extension": b'2;a="\r\n"\r\nab\r\n0\r\n\r\n',
    "bytes behind the chunk": b"2\r\nabX\r\n0\r\n\r\n",
    "no line's end behind the chunk": b"2\r\nab0\r\n\r\n",
    "a bare LF behind the chunk": b"2\r\nab\n0\r\n\r\n",
    "bare LFs at the end": b"2\r\nab\r\n0\n\n",
    "a Content-Length as trailer": b"2\r\nab\r\n0\r\nContent-Length: 41\r\n\r\n",
    "a space in a trailer's name": b"2\r\nab\r\n0\r\nX : 1\r\n\r\n",
    "a bare LF behind a trailer": b"2\r\nab\r\n0\r\nX: 1\n\r\n",
}


@pytest.mark.parametrize("chunks", MALFORMED_CHUNKS)
async def test_a_chunked_body_that_is_malformed_ends_the_connection(
    gateway: Gateway, origin: EmbeddedOrigin, chunks: str
) -> None:
    framed = {
        "x-amz-decoded-content-length": "2",
        "Content-Encoding": "aws-chunked",
        "Transfer-Encoding": "chunked",
    }
    signed = gateway.client.signed("PUT", "/bucket/key", "", framed, payload_hash=UNSIGNED_PAYLOAD)
    netloc = gateway.endpoint.removeprefix("http://")
    lines = [f"{name}: {value}" for name, value in {"Host": netloc, **signed}.items()]
    head = "\r\n".join(["PUT /bucket/key HTTP/1.1", *lines]) + "\r\n\r\n"
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(head.encode() + MALFORMED_CHUNKS[chunks] + SECOND)
        answer = await connection.answer()
        assert 400 <= answer.status < 500
        assert await connection.ended()
    assert not origin.counters.calls


async def test_the_host_that_is_signed_counts_and_not_one_in_an_absolute_target(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    await gateway.client.put("bucket", "key", b"hello")
    target = "http://secret.s3.example.com/bucket/key"
    asked = request_bytes(gateway.client, "GET", "/bucket/key", target=target)
    lying = asked.replace(b"Host: ", b"Host: secret.").replace(
        target.encode(), b"http://" + gateway.endpoint.removeprefix("http://").encode() + b"/k"
    )
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(asked + lying)
        assert (await connection.answer()).body == b"hello"
        assert (await connection.answer()).status == 403
    assert "secret" not in str(origin.counters.calls)
