"""Snapshots of real S3 servers: listed as they list, and their versions come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_settings import ADMIN, gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origins import s3_client
from tests.support.real_origins import RealOrigin
from tests.support.snapshot_answers import error_of
from tests.support.snapshot_taker import Taker
from tests.support.waiting import wait_until

KEYS = ("a/1", "a/2", "a/b/1", "a b+c", "d/é/\U0001f600", "d/x&y", "e%20f", "z")
BODY = bytes(range(256)) * 200
OTHER = BODY[::-1]
QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"Prefix": "a/"},
    {"Delimiter": "/"},
    {"Delimiter": "/", "Prefix": "a/"},
    {"MaxKeys": 3},  # after 8 of 8 keys, or 5 of 5, MinIO promises more, and there is none
    {"MaxKeys": 3, "Delimiter": "/"},
    {"StartAfter": "a/2"},
    {"Prefix": "absent"},
)


@pytest.fixture
async def gateway(
    strict_origin: RealOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    settings = gateway_settings(strict_origin.endpoint, tmp_path / "flash", origin=keys)
    async with running_worker(settings, monkeypatch) as running:
        yield running


@pytest.fixture
def direct(strict_origin: RealOrigin) -> Any:
    return s3_client(
        strict_origin.endpoint,
        access_key=strict_origin.access_key,
        secret_key=strict_origin.secret_key,
    )


@pytest.fixture
def bucket(direct: Any, request: pytest.FixtureRequest) -> str:
    name = f"b-{md5(request.node.nodeid.encode()).hexdigest()[:20]}"
    direct.create_bucket(Bucket=name)
    if request.param == "versioned":
        enabled = {"Status": "Enabled"}
        direct.put_bucket_versioning(Bucket=name, VersioningConfiguration=enabled)
    for key in KEYS:
        direct.put_object(Bucket=name, Key=key, Body=BODY)
    return name


def listed(client: Any, bucket: str) -> list[Any]:
    """Return all that clients are told by both kinds of listing, page by page."""
    told = []
    for query in QUERIES:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, **query)
        told += [_shown(page) for page in pages]
    for query in QUERIES[:6]:
        pages = client.get_paginator("list_objects").paginate(Bucket=bucket, **query)
        told += [_shown(page) for page in pages]
    return told


def overwrite_in_a_later_second(client: Any, bucket: str, key: str) -> None:
    """Overwrite; versitygw then gives the version of before another date, which shows only so."""
    begun = client.head_object(Bucket=bucket, Key=key)["LastModified"]
    wait_until(lambda: datetime.now(UTC).replace(microsecond=0) > begun)
    client.put_object(Bucket=bucket, Key=key, Body=OTHER)


def _shown(page: dict[str, Any]) -> tuple[Any, ...]:
    # Of versions versitygw tells no owner, of objects it does.
    rows = [{**row, "Owner": None} for row in page.get("Contents", [])]
    prefixes = [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    return rows, prefixes, page["IsTruncated"], page.get("KeyCount")


@pytest.mark.parametrize("bucket", ["plain", "versioned"], indirect=True)
async def test_it_lists_what_the_origin_listed(gateway: Gateway, direct: Any, bucket: str) -> None:
    taker = Taker(gateway)
    with closing(taker.snapshots):
        before = await asyncio.to_thread(listed, direct, bucket)
        name = await taker.take("", bucket)
        await asyncio.to_thread(direct.delete_object, Bucket=bucket, Key=KEYS[0])
        await asyncio.to_thread(direct.put_object, Bucket=bucket, Key="new", Body=b"new")
        access, secret = ADMIN
        through = s3_client(gateway.endpoint, access_key=access, secret_key=secret)
        assert await asyncio.to_thread(listed, through, name) == before
        taker.snapshots.remove(name)


@pytest.mark.parametrize("bucket", ["plain", "versioned"], indirect=True)
async def test_it_reads_what_the_origin_still_has(
    gateway: Gateway, direct: Any, bucket: str, request: pytest.FixtureRequest
) -> None:
    is_versioned = request.node.callspec.params["bucket"] == "versioned"
    taker = Taker(gateway)
    with closing(taker.snapshots):
        name = await taker.take("", bucket)
        assert (await gateway.client.get(name, KEYS[0])).body == BODY
        for key in KEYS[:2]:
            await asyncio.to_thread(overwrite_in_a_later_second, direct, bucket, key)
        await asyncio.to_thread(direct.delete_object, Bucket=bucket, Key=KEYS[2])
        await gateway.flash.drop()
        for key in KEYS:
            reply = await gateway.client.get(name, key)
            if is_versioned or key not in KEYS[:3]:
                assert (reply.status, reply.body) == (200, BODY)
            else:
                assert error_of(reply)[:2] == (412, "PreconditionFailed")
        taker.snapshots.remove(name)
