"""HEADs on the session's connections: kept alive, never half used, never answered by another's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
from multidict import CIMultiDict

from conformance.support.certificates import make_certificates
from gateway.model.failures import OriginUnreachable
from gateway.model.voices import FOREBAY, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.heads import written_head
from gateway.origin.interface import OriginRequest
from gateway.origin.s3 import OriginParameters, S3Origin

HEAD = OriginRequest("HEAD", "bucket", "key", voice=FOREBAY)
GET = OriginRequest("GET", "bucket", "key", voice=FOREBAY)
FINE = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 4096\r\n\r\n'
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"

Serve = Callable[["Served", int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Served:
    """What an origin of a test saw."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.lost = asyncio.Event()


@asynccontextmanager
async def serving(
    serve: Serve, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Served, int]]:
    """Serve each connection by `serve`; yields what was seen, and the port."""
    served = Served()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(served, served.connections, reader, writer)
        served.lost.set()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield served, server.sockets[0].getsockname()[1]


def now() -> datetime:
    return datetime.now(UTC)


def origin_at(
    port: int, scheme: str = "http", *, clock: Callable[[], datetime] = now, **given: object
) -> S3Origin:
    """Return the origin under test."""
    parameters = OriginParameters(f"{scheme}://127.0.0.1:{port}", "us-east-1", **given)
    return S3Origin(parameters, StaticCredentials(Keys("key", "secret")), clock)


def always(*answers: bytes) -> Serve:
    """Give these answers in turn on each connection, then close it."""

    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for answer in answers:
            served.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        await writer.drain()

    return serve


async def test_heads_and_gets_share_one_connection() -> None:
    async with serving(always(FINE, EMPTY, FINE, EMPTY)) as (served, port):
        async with origin_at(port) as origin:
            for request in (HEAD, GET, HEAD):
                answer = await origin.ask(request)
                assert await answer.read(10) == b""
                answer.close()
        assert served.connections == 1
        assert served.heads[0].startswith(b"HEAD /bucket/key HTTP/1.1\r\n")
        assert b"\r\nauthorization: AWS4-HMAC-SHA256 Credential=key/" in served.heads[0]


async def test_what_was_answered_is_told_as_it_came() -> None:
    answer = b'HTTP/1.1 412 No\r\nX-One: a\r\nx-one: b\r\nETag: "\xc3\xa9"\r\n\r\n'
    async with serving(always(answer)) as (_, port), origin_at(port) as origin:
        told = await origin.ask(HEAD)
        assert (told.status, told.headers.getall("X-ONE"), told.headers["etag"]) == (
            412,
            ["a", "b"],
            '"é"',
        )
        assert [piece async for piece in told.pieces()] == []


async def test_hints_before_the_answer_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + FINE
    async with serving(always(hints)) as (_, port), origin_at(port) as origin:
        assert (await origin.ask(HEAD)).status == 200


async def test_a_connection_that_the_origin_closed_is_replaced_unseen() -> None:
    async with serving(always(FINE)) as (served, port), origin_at(port) as origin:
        for _ in range(20):
            assert (await origin.ask(HEAD)).status == 200
        assert served.connections == 20


async def test_a_connection_that_breaks_at_the_question_is_asked_once_more() -> None:
    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FINE)
        served.heads.append(await reader.readuntil(b"\r\n\r\n"))

    async with serving(serve) as (served, port), origin_at(port) as origin:
        assert (await origin.ask(HEAD)).status == 200
        assert (await origin.ask(HEAD)).status == 200
        assert (len(served.heads), served.connections) == (1, 2)


async def test_silence_twice_is_an_unreachable_origin() -> None:
    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serving(serve) as (served, port), origin_at(port) as origin:
        with pytest.raises(OriginUnreachable, match="the origin cannot be asked"):
            await origin.ask(HEAD)
        assert served.connections == 2


async def test_nobody_listens() -> None:
    async with serving(always(FINE)) as (_, port):
        pass
    async with origin_at(port) as origin:
        with pytest.raises(OriginUnreachable, match="Cannot connect to host"):
            await origin.ask(HEAD)


async def test_a_cancelled_question_leaves_no_half_used_connection() -> None:
    asked = asyncio.Event()

    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if number == 1:
            asked.set()
            await reader.read()
        else:
            writer.write(FINE)
            await reader.read()

    async with serving(serve) as (served, port), origin_at(port, connections_max=1) as origin:
        async with asyncio.TaskGroup() as tasks:
            question = tasks.create_task(origin.ask(HEAD))
            await asked.wait()
            question.cancel()
        await asyncio.wait_for(served.lost.wait(), 5)
        answer = await asyncio.wait_for(origin.ask(HEAD), 5)
        assert (answer.status, served.connections) == (200, 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage, and no head\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 100_000 + b"\r\n\r\n",
        FINE + b"a body that no HEAD has",
    ],
    ids=["no-head", "bad-line", "long-line", "body"],
)
async def test_what_is_no_answer_is_an_unreachable_origin(answer: bytes) -> None:
    async with serving(always(answer)) as (served, port), origin_at(port) as origin:
        with pytest.raises(OriginUnreachable):
            await origin.ask(HEAD)
        await asyncio.wait_for(served.lost.wait(), 5)


async def test_an_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    """A second answer lies on the connection: it must not be the next question's."""
    stray = b'HTTP/1.1 200 OK\r\nETag: "stray"\r\nContent-Length: 0\r\n\r\n'
    go_on = asyncio.Event()

    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FINE)
        if number == 1:
            await go_on.wait()
            writer.write(stray)
            await writer.drain()
            served.lost.set()
        await reader.read()

    async with serving(serve) as (served, port), origin_at(port) as origin:
        await origin.ask(HEAD)
        go_on.set()
        await asyncio.wait_for(served.lost.wait(), 5)
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        told = await asyncio.wait_for(origin.ask(HEAD), 5)
        assert (told.headers["ETag"], served.connections) == ('"a"', 2)


async def test_an_origin_that_goes_silent_is_waited_for_as_long_as_set() -> None:
    async def serve(
        served: Served, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FINE[:20])
        await reader.read()

    async with (
        serving(serve) as (served, port),
        origin_at(port, read_timeout_seconds=0.05) as origin,
    ):
        with pytest.raises(OriginUnreachable, match="Timeout on reading data from socket"):
            await asyncio.wait_for(origin.ask(HEAD), 5)
        await asyncio.wait_for(served.lost.wait(), 5)


async def test_over_tls_and_only_with_who_is_trusted(tmp_path) -> None:
    made = make_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    async with serving(always(FINE, FINE), tls=context) as (served, port):
        async with origin_at(port, "https", ca_file=made.ca_file) as origin:
            assert (await origin.ask(HEAD)).status == 200
            assert (await origin.ask(HEAD)).status == 200
        assert served.connections == 1
        async with origin_at(port, "https") as origin:
            with pytest.raises(OriginUnreachable, match="certificate"):
                await origin.ask(HEAD)


async def test_closing_the_origin_closes_its_connections() -> None:
    async with serving(always(FINE, FINE)) as (served, port):
        async with origin_at(port) as origin:
            await origin.ask(HEAD)
            assert not served.lost.is_set()
        await asyncio.wait_for(served.lost.wait(), 5)
        with pytest.raises(OriginUnreachable, match="closed"):
            await origin.ask(HEAD)


@pytest.mark.parametrize("bad", ["a\r\nb: c", "a\nb", "a\rb", "a\0"])
def test_no_header_becomes_two(bad: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        written_head("/", CIMultiDict({"Origin": bad}))


async def test_its_head_is_what_a_session_writes() -> None:
    """Whoever signed must find on the wire what was signed, whichever way it goes out."""
    request = OriginRequest(
        "HEAD", "bucket", "a%20b", "x=1", {"Accept-Encoding": "identity"}, voice=FOREBAY
    )
    async with serving(always(FINE, FINE)) as (served, port), origin_at(port) as origin:
        await origin.ask(request)
        lines = served.heads[0].decode().split("\r\n")[1:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        async with aiohttp.ClientSession(
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
        ) as session:
            await session.head(f"http://127.0.0.1:{port}/bucket/a%20b?x=1", headers=headers)
    first, second = (sorted(head.split(b"\r\n")) for head in served.heads)
    assert first == second


async def test_words_are_kept_for_their_second_and_only_for_the_same_question() -> None:
    moments = [datetime(2026, 11, 28, 17, 0, second, tzinfo=UTC) for second in (0, 0, 0, 0, 0, 1)]
    other = replace(FOREBAY, mark="x", keys=Keys("other", "secret"))
    questions = [
        HEAD,
        HEAD,
        replace(HEAD, raw_key="other"),
        replace(HEAD, voice=other),
        replace(HEAD, voice=FOREBAY.on_behalf_of("https://site", "HEAD")),
        HEAD,
    ]
    async with (
        serving(always(*[FINE] * 6)) as (served, port),
        origin_at(port, clock=iter(moments).__next__) as origin,
    ):
        for question in questions:
            await origin.ask(question)
    assert served.heads[0] == served.heads[1]
    assert len(set(served.heads)) == 5
    assert b"Origin: https://site\r\n" in served.heads[4]
    assert b"Credential=other/" in served.heads[3]
    assert b"x-amz-date: 20261128T170001Z\r\n" in served.heads[5]


async def test_what_a_client_adds_is_not_kept() -> None:
    secret = {"x-amz-server-side-encryption-customer-key": "c2VjcmV0"}
    async with serving(always(FINE, FINE)) as (_, port), origin_at(port) as origin:
        await origin.ask(replace(HEAD, headers=secret))
        assert "c2VjcmV0" not in repr(origin._said)
        await origin.ask(HEAD)
        assert len(origin._said) == 1
