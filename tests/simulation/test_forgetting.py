"""A write that one worker's flash cannot note is seen by the next read at every worker."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient

KEY = "immutable/k"
READS = 24
"""Each over a connection of its own, so that both workers answer some."""


@pytest.fixture
async def origin() -> AsyncIterator[EmbeddedOrigin]:
    async with running_origin(new_origin()) as running:
        running.make_bucket("bucket")
        yield running


@pytest.fixture
async def run(origin: EmbeddedOrigin, tmp_path: Path) -> AsyncIterator[GatewayRun]:
    started = GatewayRun(tmp_path, origin.endpoint)
    started.start()
    yield started
    started.close()


async def _bodies(run: GatewayRun, key: str) -> set[bytes]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        client = SignedClient(session, run.endpoint, *ADMIN)
        return {(await client.get("bucket", key)).body for _ in range(READS)}


async def _write_where_nothing_is_noted(run: GatewayRun, key: str, body: bytes) -> None:
    """PUT at a worker whose flash takes no change any more, while the other's noticed nothing."""
    run.break_flash("index.commit=EIO")
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        client = SignedClient(session, run.endpoint, *ADMIN)
        async with asyncio.timeout(20):
            while (await client.get("bucket", "other")).headers.get("X-Cache") != "BYPASS":
                await client.put("bucket", "other", b"")
        assert (await client.put("bucket", key, body)).status == 200


async def test_trap_a_write_that_flash_cannot_note_is_seen_at_every_worker(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", KEY, b"old")
    assert await _bodies(run, KEY) == {b"old"}
    await _write_where_nothing_is_noted(run, KEY, b"new")
    assert await _bodies(run, KEY) == {b"new"}
    run.heal_flash()
    assert await _bodies(run, KEY) == {b"new"}


async def test_trap_a_write_that_flash_could_not_note_is_seen_after_a_kill_of_everything(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", KEY, b"old")
    assert await _bodies(run, KEY) == {b"old"}
    await _write_where_nothing_is_noted(run, KEY, b"new")
    run.kill_everything()
    run.heal_flash()
    run.start()
    assert await _bodies(run, KEY) == {b"new"}


async def test_trap_a_write_that_flash_could_not_note_is_seen_after_its_worker_was_killed(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", KEY, b"old")
    assert await _bodies(run, KEY) == {b"old"}
    await _write_where_nothing_is_noted(run, KEY, b"new")
    run.heal_flash()
    for number in (0, 1):
        run.kill_worker(number)
        run.wait_workers(2)
    assert await _bodies(run, KEY) == {b"new"}


async def test_trap_a_write_that_flash_could_not_note_is_seen_after_a_stop(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", KEY, b"old")
    assert await _bodies(run, KEY) == {b"old"}
    await _write_where_nothing_is_noted(run, KEY, b"new")
    assert run.stop() == 0
    run.heal_flash()
    run.start()
    assert await _bodies(run, KEY) == {b"new"}


async def test_immutable_is_asked_for_again_after_no_clean_stop(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", KEY, b"old")
    assert await _bodies(run, KEY) == {b"old"}
    assert run.stop() == 0
    run.start()
    origin.counters.reset()
    assert await _bodies(run, KEY) == {b"old"}
    assert not origin.counters.requests
