"""What an identity may use: requests beyond it are refused, bodies are slowed, others unharmed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.telemetry import metrics
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import gateway_settings, gateway_tables
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.raw_connection import raw_connection, request_bytes
from tests.support.signed_client import SignedClient

LARGE = b"l" * 600_000
SECONDS_MIN = 600_000 / 1_000_000 - 0.1
"""What `LARGE` takes at 1 MB a second, but for the burst."""
RATE = {"bytes_per_second_max": 1_000_000, "bytes_burst": 100_000}


def first_limited(tables: dict[str, Any], **keys: Any) -> list[dict[str, Any]]:
    """Return the identities, the first of them (the admin) with these keys."""
    first, *others = tables["identities"]
    return [{**first, **keys}, *others]


@asynccontextmanager
async def limited(
    origin: EmbeddedOrigin, folder: Path, monkeypatch: pytest.MonkeyPatch, **keys: Any
) -> AsyncIterator[Gateway]:
    tables = gateway_tables(origin.endpoint, folder / "flash")
    settings = gateway_settings(
        origin.endpoint, folder / "flash", identities=first_limited(tables, **keys)
    )
    async with running_worker(settings, monkeypatch) as gateway:
        yield gateway


async def test_requests_beyond_the_rate_are_told_to_slow_down_and_others_are_not(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.put("bucket", "key", b"body")
    rate = {"requests_per_second_max": 0.01, "requests_burst": 3}
    async with limited(origin, tmp_path, monkeypatch, **rate) as gateway:
        before = metrics.requests_slowed.labels(bound="requests_per_second_max").value
        async with raw_connection(gateway.endpoint) as connection:
            answers = []
            for _ in range(5):
                await connection.send(request_bytes(gateway.client, "GET", "/bucket/key"))
                answers.append(await connection.answer())
        assert [one.status for one in answers] == [200, 200, 200, 503, 503]
        assert b"<Code>SlowDown</Code>" in answers[-1].body
        assert 90 <= int(answers[-1].headers["Retry-After"]) <= 100
        assert metrics.requests_slowed.labels(bound="requests_per_second_max").value == before + 2
        assert (await gateway.reader.get("bucket", "key")).status == 200


async def test_a_request_that_is_not_proven_costs_its_identity_nothing(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.put("bucket", "key", b"body")
    rate = {"requests_per_second_max": 0.01, "requests_burst": 1}
    async with limited(origin, tmp_path, monkeypatch, **rate) as gateway:
        liar = gateway.as_principal((gateway.settings.identities[0].access_key, "not the secret"))
        for _ in range(3):
            assert (await liar.get("bucket", "key")).status == 403
        assert (await gateway.client.get("bucket", "key")).status == 200


@pytest.mark.parametrize("way", ["sendfile", "bypass", "upload", "form-sized"])
async def test_bodies_are_slowed_in_both_directions(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    key = "bypass/large" if way == "bypass" else "large"
    origin.put("bucket", key, LARGE)
    origin.put("bucket", "small", LARGE[:60_000])
    async with limited(origin, tmp_path, monkeypatch, **RATE) as gateway:
        if way == "sendfile":
            reply = await gateway.reader.get("bucket", key)
            assert reply.body == LARGE
        before = metrics.bodies_paced_seconds.value
        began = monotonic()
        if way == "upload":
            assert (await gateway.client.put("bucket", "put", LARGE)).status == 200
        elif way == "form-sized":
            for _ in range(10):
                assert (await gateway.client.get("bucket", "small")).body == LARGE[:60_000]
        else:
            assert (await gateway.client.get("bucket", key)).body == LARGE
        assert monotonic() - began >= SECONDS_MIN
        assert metrics.bodies_paced_seconds.value > before


async def test_an_identity_without_a_bound_is_not_slowed(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.put("bucket", "large", LARGE)
    async with limited(origin, tmp_path, monkeypatch, **RATE) as gateway:
        before = metrics.bodies_paced_seconds.value
        assert (await gateway.reader.get("bucket", "large")).body == LARGE
        assert metrics.bodies_paced_seconds.value == before


async def test_a_reload_changes_what_an_identity_may_use(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.put("bucket", "key", b"body")
    rate = {"requests_per_second_max": 0.001, "requests_burst": 1}
    async with limited(origin, tmp_path, monkeypatch, **rate) as gateway:
        assert (await gateway.client.get("bucket", "key")).status == 200
        assert (await gateway.client.get("bucket", "key")).status == 503
        await gateway.reloads.put(gateway_settings(origin.endpoint, tmp_path / "flash"))
        while (await gateway.client.get("bucket", "key")).status == 503:
            pass


@pytest.mark.parametrize("is_lasting", [True, False], ids=["one connection", "one a request"])
async def test_workers_share_a_rate_however_connections_are_spread(
    origin: EmbeddedOrigin, tmp_path: Path, *, is_lasting: bool
) -> None:
    origin.put("bucket", "key", b"body")
    tables = gateway_tables(origin.endpoint, tmp_path / "flash")
    rate = {"requests_per_second_max": 0.01, "requests_burst": 10}
    tables["identities"] = first_limited(tables, **rate)
    connector = aiohttp.TCPConnector(force_close=not is_lasting)
    with gateway_process(tables, tmp_path) as process:
        async with aiohttp.ClientSession(connector=connector) as session:
            client = SignedClient(session, process.s3, "gate-admin", "admin/secret")
            statuses = [(await client.get("bucket", "key")).status for _ in range(16)]
    assert statuses == [200] * 10 + [503] * 6
