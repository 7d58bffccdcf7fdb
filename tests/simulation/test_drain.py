"""SIGTERM: what is idle ends at once, what is being answered is answered."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_faults import Fault, Gate
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.origin_hooks import once
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient

DRAIN_SECONDS = 60


@pytest.fixture
async def origin() -> AsyncIterator[EmbeddedOrigin]:
    async with running_origin(new_origin()) as running:
        running.make_bucket("bucket")
        running.put("bucket", "k", b"body")
        yield running


@pytest.fixture
async def run(origin: EmbeddedOrigin, tmp_path: Path) -> AsyncIterator[GatewayRun]:
    started = GatewayRun(tmp_path, origin.endpoint, s3={"drain_seconds": DRAIN_SECONDS})
    started.start()
    yield started
    started.close()


async def test_trap_a_drain_does_not_wait_for_idle_connections(run: GatewayRun) -> None:
    kept = aiohttp.TCPConnector(keepalive_timeout=2 * DRAIN_SECONDS)
    async with aiohttp.ClientSession(connector=kept, auto_decompress=False) as session:
        client = SignedClient(session, run.endpoint, *ADMIN)
        assert (await client.get("bucket", "k")).body == b"body"
        # The connection is kept alive by both sides.
        begun = time.monotonic()
        assert await asyncio.to_thread(run.stop) == 0
    assert time.monotonic() - begun < DRAIN_SECONDS / 2


async def test_a_drain_lets_requests_in_flight_end(run: GatewayRun, origin: EmbeddedOrigin) -> None:
    held = Gate()
    origin.faults.append(once("GET", Fault(hold_answer=held)))
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        client = SignedClient(session, run.endpoint, *ADMIN)
        async with asyncio.TaskGroup() as tasks:
            reply = tasks.create_task(client.get("bucket", "k"))
            await held.wait_arrived()
            stopped = tasks.create_task(asyncio.to_thread(run.stop))
            await asyncio.to_thread(run.wait_deaf)
            held.release()
    assert reply.result().body == b"body"
    assert stopped.result() == 0
