"""The whole program: supervisor, real workers and an origin; what only their sum can promise."""

import asyncio
import json
import os
import re
import signal
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.support.gateway_process import fetch, gateway_process
from tests.support.gateway_settings import ADMIN, READER, gateway_tables
from tests.support.signed_client import SignedClient
from tests.support.waiting import wait_until

GETS = r'forebay_requests_total\{door="s3",operation="GetObject",status="200"\}'
BODY = bytes(range(256)) * 400


@asynccontextmanager
async def clients(endpoint, keys=ADMIN, *, is_lasting=True):
    """Yield a client; one that is not lasting opens a connection for each request."""
    connector = aiohttp.TCPConnector(force_close=not is_lasting)
    async with aiohttp.ClientSession(auto_decompress=False, connector=connector) as session:
        yield SignedClient(session, endpoint, *keys)


@pytest.fixture
def tables(origin, tmp_path):
    target = {"access": str(tmp_path / "access.log"), "level": "info"}
    return gateway_tables(origin.endpoint, tmp_path / "flash", log=target)


@pytest.fixture
def gateway(tables, tmp_path):
    with gateway_process(tables, tmp_path) as running:
        yield running


def access_lines(tmp_path):
    path = tmp_path / "access.log"
    return [json.loads(line) for line in path.read_text().splitlines()]


def sample(gateway, pattern) -> float:
    text = fetch(f"{gateway.admin}/metrics")[1]
    return sum(float(value) for value in re.findall(rf"^{pattern} (.*)$", text, re.MULTILINE))


async def wait_cached(client, key, expected):
    """Return after how many requests an answer came from flash, soon after the fill's answer."""
    asked = 1
    async with asyncio.timeout(20):
        while (await client.get("bucket", key)).headers["X-Cache"] != expected:
            asked += 1
    return asked


async def test_what_one_worker_filled_all_workers_serve_and_count(gateway):
    async with clients(gateway.s3, is_lasting=False) as client:
        assert (await client.put("bucket", "key", BODY)).status == 200
        assert (await client.get("bucket", "key")).headers["X-Cache"] == "MISS"
        asked = 1 + await wait_cached(client, "key", "REVALIDATED")
        received = sample(gateway, "forebay_bytes_from_origin_total")
        replies = [await client.get("bucket", "key") for _ in range(20)]
    assert all(reply.body == BODY for reply in replies)
    assert {reply.headers["X-Cache"] for reply in replies} == {"REVALIDATED"}
    # A request is counted when its answer is on its way: a client may see it before.
    wait_until(lambda: sample(gateway, GETS) >= asked + 20)
    assert sample(gateway, GETS) == asked + 20
    assert sample(gateway, "forebay_bytes_from_origin_total") == received >= len(BODY)
    assert sample(gateway, "forebay_flash_bypass") == 0


async def test_the_access_log_has_one_line_a_request(gateway, tmp_path):
    async with clients(gateway.s3) as client:
        await client.put("bucket", "a b", BODY)
        await client.get("bucket", "a b")
        await client.get("bucket", "absent")
    async with clients(gateway.s3, ("nobody", "nothing")) as stranger:
        assert (await stranger.get("bucket", "a b")).status == 403
    gateway.signal(signal.SIGTERM)
    assert gateway.wait_exit() == 0
    lines = sorted(access_lines(tmp_path), key=lambda line: line["time"])
    shown = [
        (line["operation"], line["key"], line["status"], line["error"], line["principal"])
        for line in lines
    ]
    assert sorted(shown) == [
        ("-", "a b", 403, "InvalidAccessKeyId", "-"),
        ("GetObject", "a b", 200, "", "admin"),
        ("GetObject", "absent", 404, "Origin404", "admin"),
        ("PutObject", "a b", 200, "", "admin"),
    ]
    [read] = [line for line in lines if line["cache"] == "MISS" and line["status"] == 200]
    assert read["bytes_out"] == len(BODY)
    assert read["origin_requests"] >= 1


async def test_a_reload_changes_who_may_what_and_opens_a_rotated_log(gateway, tables, tmp_path):
    async with clients(gateway.s3) as admin, clients(gateway.s3, READER) as reader:
        await admin.put("bucket", "key", BODY)
        assert (await reader.get("bucket", "key")).status == 200
        (tmp_path / "access.log").rename(tmp_path / "access.log.1")
        only_admin = [one for one in tables["identities"] if one["name"] == "admin"]
        rules = [{"match": "bucket/*", "freshness": "bypass"}]
        gateway.rewrite(tables | {"identities": only_admin, "rules": rules})
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: sample(gateway, "forebay_reloads_total") == 1)
        # The order is on its way to this connection's worker; each answer is one or the other.
        statuses = []
        while not statuses or statuses[-1] != 403:
            statuses.append((await reader.get("bucket", "key")).status)
        assert set(statuses) <= {200, 403}
        assert (await admin.get("bucket", "key")).headers["X-Cache"] == "BYPASS"
    wait_until((tmp_path / "access.log").exists)


async def test_a_killed_worker_leaves_the_cache_and_the_others(gateway, origin):
    async with clients(gateway.s3, is_lasting=False) as client:
        await client.put("bucket", "immutable/key", BODY)
        await wait_cached(client, "immutable/key", "HIT")
        pids = [int(pid) for pid in re.findall(r"is process (\d+)", gateway.log)]
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: sample(gateway, "forebay_workers_replaced_total") == 1)
        wait_until(lambda: fetch(f"{gateway.admin}/ready")[0] == 200)
        for _ in range(10):
            reply = await client.get("bucket", "immutable/key")
            assert (reply.body, reply.headers["X-Cache"]) == (BODY, "HIT")


async def test_a_restart_keeps_the_cache(tables, tmp_path):
    for round_number, expected in enumerate(("MISS", "HIT")):
        folder = tmp_path / str(round_number)
        folder.mkdir()
        with gateway_process(tables, folder) as gateway:
            async with clients(gateway.s3) as client:
                if expected == "MISS":
                    await client.put("bucket", "immutable/key", BODY)
                reply = await client.get("bucket", "immutable/key")
                assert (reply.body, reply.headers["X-Cache"]) == (BODY, expected)
                await wait_cached(client, "immutable/key", "HIT")
            gateway.signal(signal.SIGTERM)
            assert gateway.wait_exit() == 0
