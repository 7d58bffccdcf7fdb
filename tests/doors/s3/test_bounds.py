"""The bounds of a worker over real sockets: at each bound it serves, beyond it it says so."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.core.at_hand import BYTES_MAX
from gateway.demo.origin import EmbeddedOrigin
from gateway.doors.prompt_connection import PromptConnection
from gateway.telemetry import metrics
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker, until
from tests.support.raw_connection import RawConnection, raw_connection, request_bytes

Running = Callable[..., AbstractAsyncContextManager[Gateway]]
BODY = b"a body of some bytes"
SHORT = 0.2
MANY_BYTES = 12 * 1024 * 1024
"""More than the kernel keeps for a client that does not read."""


@pytest.fixture
def running(origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Run a gateway with limits of the test's own."""

    @asynccontextmanager
    async def run(
        *, s3: dict[str, Any] | None = None, flash: dict[str, Any] | None = None, **limits: Any
    ) -> AsyncIterator[Gateway]:
        origin.put("bucket", "key", BODY)
        changes = {"limits": limits, "s3": s3 or {}, "flash": flash or {}}
        settings = gateway_settings(origin.endpoint, tmp_path / "flash", **changes)
        async with running_worker(settings, monkeypatch) as gateway:
            yield gateway

    return run


async def read_object(connection: RawConnection, gateway: Gateway) -> bytes:
    await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
    return (await connection.answer()).body


def counted(bound: str) -> float:
    return metrics.requests_slowed.labels(bound=bound).value


def timed_out(awaited: str) -> float:
    return metrics.clients_timed_out.labels(awaited=awaited).value


@pytest.mark.parametrize(("headers", "status"), [(40, 200), (41, 400)])
async def test_a_request_may_have_so_many_headers(
    running: Running, headers: int, status: int
) -> None:
    async with running(headers_max=40) as gateway, raw_connection(gateway.endpoint) as connection:
        plain = request_bytes(gateway.client, "GET", "/bucket/key")
        more = {f"X-{number}": "a" for number in range(headers - plain.count(b"\r\n") + 2)}
        await connection.send(request_bytes(gateway.client, "GET", "/bucket/key", unsigned=more))
        answer = await connection.answer()
        assert answer.status == status, answer
        if status == 400:
            assert b"<Code>RequestHeaderSectionTooLarge</Code>" in answer.body
            assert await connection.ended()


@pytest.mark.parametrize("beyond", [0, 1])
@pytest.mark.parametrize("is_at_once", [True, False])
async def test_a_head_may_have_so_many_bytes(
    running: Running, beyond: int, *, is_at_once: bool
) -> None:
    limits = {"head_bytes_max": "10KiB", "s3": {"header_bytes_max": "8KiB"}}
    async with running(**limits) as gateway, raw_connection(gateway.endpoint) as connection:
        plain = request_bytes(gateway.client, "GET", "/bucket/key", unsigned={"X-1": "", "X-2": ""})
        missing = 10 * 1024 - len(plain) + beyond
        more = {"X-1": "a" * 7000, "X-2": "a" * (missing - 7000)}
        head = request_bytes(gateway.client, "GET", "/bucket/key", unsigned=more)
        assert len(head) == 10 * 1024 + beyond
        for piece in [head] if is_at_once else [head[:9000], head[9000:]]:
            await connection.send(piece)
        answer = await connection.answer()
        if beyond:
            assert answer.status == 400
            assert b"<Code>RequestHeaderSectionTooLarge</Code>" in answer.body
            assert await connection.ended()
        else:
            assert answer.body == BODY
            assert await read_object(connection, gateway) == BODY


async def test_a_body_behind_a_head_does_not_count_as_head(running: Running) -> None:
    limits = {"head_bytes_max": "8KiB", "s3": {"header_bytes_max": "8KiB"}}
    async with running(**limits) as gateway, raw_connection(gateway.endpoint) as connection:
        body = b"b" * 100_000
        length = {"Content-Length": str(len(body))}
        put = request_bytes(gateway.client, "PUT", "/bucket/put", body=body, unsigned=length)
        await connection.send(put + body)
        assert (await connection.answer()).status == 200
        assert await read_object(connection, gateway) == BODY


async def test_a_request_beyond_the_bound_is_told_to_slow_down_and_keeps_its_connection(
    running: Running, origin: EmbeddedOrigin
) -> None:
    async with running(requests_max=1) as gateway:
        before = counted("requests_max")
        async with (
            raw_connection(gateway.endpoint) as first,
            raw_connection(gateway.endpoint) as second,
        ):
            length = {"Content-Length": "20"}
            put = request_bytes(gateway.client, "PUT", "/bucket/put", body=BODY, unsigned=length)
            await first.send(put)
            await until(lambda: metrics.requests_in_flight.value == 1)
            # Before authentication: the signature is not even looked at.
            await second.send(b"GET /bucket/key HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await second.answer()
            assert answer.status == 503
            assert b"<Code>SlowDown</Code>" in answer.body
            assert int(answer.headers["Retry-After"]) >= 1
            await first.send(BODY)
            assert (await first.answer("PUT")).status == 200
            assert await read_object(second, gateway) == BODY
        assert counted("requests_max") == before + 1


async def test_the_connection_that_is_idle_longest_gives_way(running: Running) -> None:
    async with running(connections_max=2) as gateway, AsyncExitStack() as stack:
        oldest, younger = [
            await stack.enter_async_context(raw_connection(gateway.endpoint)) for _ in range(2)
        ]
        for connection in (younger, oldest, younger):
            assert await read_object(connection, gateway) == BODY
        async with raw_connection(gateway.endpoint) as newcomer:
            assert await read_object(newcomer, gateway) == BODY
            assert await oldest.ended()
            assert await read_object(younger, gateway) == BODY


@pytest.mark.parametrize("is_reading", [True, False], ids=["taken", "not taken"])
async def test_a_client_that_has_not_taken_its_answer_is_not_idle(
    running: Running, origin: EmbeddedOrigin, monkeypatch: pytest.MonkeyPatch, *, is_reading: bool
) -> None:
    really = PromptConnection.connection_made

    def with_little_room(self: PromptConnection, transport: asyncio.Transport) -> None:
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        really(self, transport)

    monkeypatch.setattr(PromptConnection, "connection_made", with_little_room)
    body = b"m" * BYTES_MAX
    origin.put("bucket", "immutable/key", body)
    chunks = {"chunk_size": BYTES_MAX}
    async with (
        running(connections_max=1, flash=chunks) as gateway,
        raw_connection(gateway.endpoint) as slow,
    ):
        ask = request_bytes(gateway.client, "GET", "/bucket/immutable/key")
        await slow.send(ask)
        assert (await slow.answer()).body == body
        await until(lambda: gateway.is_on_flash("bucket", "immutable/key"))
        slow.take_little()
        served = metrics.reads_from_flash.value
        await slow.send(ask)
        await until(lambda: metrics.reads_from_flash.value > served)
        if is_reading:
            slow.take_all()
            assert (await slow.answer()).body == body
        async with raw_connection(gateway.endpoint) as newcomer:
            await newcomer.send(request_bytes(gateway.client, "GET", "/bucket/key"))
            assert (await newcomer.answer()).status == (200 if is_reading else 503)
        if not is_reading:
            slow.take_all()
            assert (await slow.answer()).body == body


async def test_where_none_is_idle_one_without_a_head_gives_way(running: Running) -> None:
    async with running(connections_max=1) as gateway, raw_connection(gateway.endpoint) as slow:
        await slow.send(b"GET / HT")
        async with asyncio.timeout(20):
            while True:  # until it is older than what is its due
                async with raw_connection(gateway.endpoint) as newcomer:
                    await newcomer.send(request_bytes(gateway.client, "GET", "/bucket/key"))
                    if (await newcomer.answer()).status == 200:
                        break
        assert await slow.ended()


async def test_where_nobody_gives_way_a_new_connection_is_told_to_slow_down(
    running: Running,
) -> None:
    async with running(connections_max=1) as gateway, raw_connection(gateway.endpoint) as busy:
        length = {"Content-Length": "20"}
        put = request_bytes(gateway.client, "PUT", "/bucket/put", body=BODY, unsigned=length)
        await busy.send(put)
        await until(lambda: metrics.requests_in_flight.value == 1)
        before = metrics.connections_refused.value
        async with raw_connection(gateway.endpoint) as newcomer:
            answer = await newcomer.answer()
            assert answer.status == 503
            assert b"<Code>SlowDown</Code>" in answer.body
            assert answer.headers["Retry-After"] == "2"
            assert await newcomer.ended()
        assert metrics.connections_refused.value == before + 1
        await busy.send(BODY)
        assert (await busy.answer("PUT")).status == 200
        assert await read_object(busy, gateway) == BODY


async def test_a_connection_that_says_nothing_is_ended(running: Running) -> None:
    async with running(header_seconds=SHORT) as gateway:
        before = timed_out("head")
        async with raw_connection(gateway.endpoint) as connection:
            assert await connection.ended()
        assert timed_out("head") == before + 1


async def pace(seconds: float) -> None:
    """Be a client that takes its time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


async def drip(connection: RawConnection, data: bytes) -> None:
    """Send a byte at a time, for ever the last one."""
    try:
        for at in range(10**6):
            await connection.send(data[at : at + 1] or b"a")
            await pace(SHORT / 20)
    except ConnectionError:
        return


@pytest.mark.parametrize("requests_before", [0, 1])
async def test_a_head_that_drips_is_ended_in_words(running: Running, requests_before: int) -> None:
    async with (
        running(header_seconds=SHORT) as gateway,
        raw_connection(gateway.endpoint) as connection,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(requests_before):
            assert await read_object(connection, gateway) == BODY
        dripping = tasks.create_task(drip(connection, b"GET / HTTP/1.1\r\nX: "))
        answer = await connection.answer()
        assert answer.status == 400
        assert b"<Code>RequestTimeout</Code>" in answer.body
        assert await connection.ended()
        dripping.cancel()


async def test_an_idle_connection_is_kept_for_its_time_and_ended(running: Running) -> None:
    limits = {"s3": {"keepalive_seconds": 1.0}, "header_seconds": SHORT}
    async with running(**limits) as gateway, raw_connection(gateway.endpoint) as connection:
        assert await read_object(connection, gateway) == BODY
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await connection.ended()
        assert loop.time() - began >= 0.9


async def test_a_body_that_stops_is_ended_in_words(
    running: Running, origin: EmbeddedOrigin
) -> None:
    async with running(stall_seconds=SHORT) as gateway:
        before = timed_out("body")
        async with raw_connection(gateway.endpoint) as connection:
            length = {"Content-Length": "20"}
            put = request_bytes(gateway.client, "PUT", "/bucket/put", body=BODY, unsigned=length)
            await connection.send(put + BODY[:7])
            answer = await connection.answer("PUT")
            assert answer.status == 400
            assert b"<Code>RequestTimeout</Code>" in answer.body
            assert await connection.ended()
        assert timed_out("body") == before + 1
        assert (await gateway.client.get("bucket", "put")).status == 404


async def test_a_body_that_drips_is_ended_in_words(running: Running) -> None:
    limits = {"stall_seconds": SHORT, "bytes_per_second_min": "1KiB"}
    length, body = {"Content-Length": str(10**6)}, b"a" * 10**6
    async with (
        running(**limits) as gateway,
        raw_connection(gateway.endpoint) as connection,
        asyncio.TaskGroup() as tasks,
    ):
        put = request_bytes(gateway.client, "PUT", "/bucket/put", body=body, unsigned=length)
        await connection.send(put)
        dripping = tasks.create_task(drip(connection, b""))
        answer = await connection.answer("PUT")
        assert b"<Code>RequestTimeout</Code>" in answer.body
        dripping.cancel()


async def test_a_slow_but_steady_body_is_taken(running: Running) -> None:
    limits = {"stall_seconds": SHORT, "bytes_per_second_min": 1}
    async with running(**limits) as gateway, raw_connection(gateway.endpoint) as connection:
        length = {"Content-Length": "20"}
        put = request_bytes(gateway.client, "PUT", "/bucket/put", body=BODY, unsigned=length)
        await connection.send(put)
        for at in range(len(BODY)):
            await connection.send(BODY[at : at + 1])
            await pace(SHORT / 10)  # twice as long as one pause may be
        assert (await connection.answer("PUT")).status == 200


@pytest.mark.parametrize("is_warm", [True, False], ids=["sendfile", "writes"])
async def test_a_client_that_does_not_read_is_let_go(
    running: Running, origin: EmbeddedOrigin, *, is_warm: bool
) -> None:
    key = "large" if is_warm else "bypass/large"
    origin.put("bucket", key, b"l" * MANY_BYTES)
    async with running(stall_seconds=SHORT) as gateway:
        if is_warm:
            await gateway.warm("bucket", key)
        before = timed_out("reading")
        host, port = gateway.endpoint.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as deaf:
            deaf.settimeout(0)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(deaf, request_bytes(gateway.client, "GET", f"/bucket/{key}"))
            await until(lambda: timed_out("reading") > before)
            await until(lambda: metrics.requests_in_flight.value == 0)
        assert (await gateway.client.get("bucket", key)).body == b"l" * MANY_BYTES


@pytest.mark.parametrize("is_warm", [True, False], ids=["sendfile", "writes"])
async def test_a_client_that_reads_slowly_gets_all(
    running: Running, origin: EmbeddedOrigin, *, is_warm: bool
) -> None:
    key = "large" if is_warm else "bypass/large"
    origin.put("bucket", key, b"l" * MANY_BYTES)
    async with running(stall_seconds=SHORT) as gateway:
        if is_warm:
            await gateway.warm("bucket", key)
        async with gateway.client.opened("GET", f"/bucket/{key}") as answer:
            taken = 0
            async for piece in answer.content.iter_chunked(256 * 1024):
                taken += len(piece)
                await pace(SHORT / 10)
        assert taken == MANY_BYTES
