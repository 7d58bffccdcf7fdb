"""A snapshot is what was there at one moment: listed, read and judged as that, or refused."""

from typing import Any

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from tests.support.gateway_settings import CHUNK_BYTES
from tests.support.gateway_worker import Gateway, until
from tests.support.snapshot_answers import error_of, listed, pages
from tests.support.snapshot_taker import Taker

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
OTHER = BODY[::-1]


async def test_it_lists_what_was_there_without_a_question(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    keys = [f"{key}/{name}" for name in ("a", "b/1", "b/2", "c d+e&f<g>", "é", "z/z/z", "zz")]
    for number, one in enumerate(keys):
        origin.put("bucket", one, b"x" * number)
    queries = [
        f"prefix={key}/",
        f"prefix={key}/&delimiter=/",
        f"prefix={key}/&delimiter=/&max-keys=2",
        f"prefix={key}/&max-keys=1&encoding-type=url&fetch-owner=true",
        f"prefix={key}/&start-after={key}/b/1",
        f"prefix={key}/b&delimiter=/",
        "delimiter=/",
    ]
    before = [await pages(gateway.client, "bucket", query) for query in queries[:-1]]
    name = await taker.take(f"{key}/")
    for one in keys:
        origin.put("bucket", one, OTHER)
    origin.put("bucket", f"{key}/new", OTHER)
    origin.delete("bucket", keys[0])
    origin.counters.reset()
    for query, expected in zip(queries, before, strict=False):
        assert await pages(gateway.client, name, query) == expected
        assert await pages(gateway.client, name, query) == expected
    root = key.partition("/")[0]
    assert await pages(gateway.client, name, queries[-1]) == [("CommonPrefixes", f"Prefix={root}/")]
    first = await gateway.client.ask("GET", f"/{name}", query=f"prefix={key}/")
    assert listed(first) == [
        tuple(sorted_row) for sorted_row in await pages(gateway.client, name, "fetch-owner=true")
    ]
    assert not origin.counters.requests


async def test_what_is_on_flash_is_read_without_a_question(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY, headers={"content-type": "image/png", "x-amz-meta-a": "1"})
    source = await gateway.warm("bucket", key)
    name = await taker.take(key)
    origin.counters.reset()
    for _ in range(3):
        reply = await gateway.client.get(name, key)
        assert (reply.status, reply.body, reply.headers["X-Cache"]) == (200, BODY, "HIT")
        for header in ("ETag", "Last-Modified", "Content-Type", "x-amz-meta-a"):
            assert reply.headers[header] == source.headers[header]
        head = await gateway.client.head(name, key)
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(BODY)))
    ranged = await gateway.client.get(name, key, headers={"Range": "bytes=10-19"})
    assert (ranged.status, ranged.body) == (206, BODY[10:20])
    same = await gateway.client.get(name, key, headers={"If-None-Match": source.headers["ETag"]})
    assert same.status == 304
    assert not origin.counters.requests


async def test_what_was_overwritten_reads_as_it_was_while_flash_has_it(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    assert (await gateway.client.get(name, key)).body == BODY
    await until(lambda: _is_warm(gateway, taker, name, key))
    origin.put("bucket", key, OTHER)
    assert (await gateway.client.get("bucket", key)).body == OTHER
    assert (await gateway.client.put("bucket", key, OTHER + b"!")).status == 200
    origin.counters.reset()
    reply = await gateway.client.get(name, key)
    assert (reply.status, reply.body) == (200, BODY)
    assert not origin.counters.requests
    assert (await gateway.client.get("bucket", key)).body == OTHER + b"!"


def _is_warm(gateway: Gateway, taker: Taker, name: str, key: str) -> bool:
    held = taker.snapshots.find(name)
    assert held is not None
    kept = held.snapshot.kept_name(key)
    return gateway.is_on_flash(kept.bucket, kept.key)


async def test_what_flash_has_not_is_fetched_pinned(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    etag = origin.put("bucket", key, BODY).etag
    name = await taker.take(key)
    first = {"Range": "bytes=0-9"}
    assert (await gateway.client.get(name, key, headers=first)).body == BODY[:10]
    assert (await gateway.client.get(name, key)).body == BODY
    await gateway.flash.drop()
    assert (await gateway.client.get(name, key)).body == BODY
    assert {call.headers["if-match"] for call in _reads(origin, key)} == {etag}
    origin.put("other", key, BODY)  # no key of the snapshot's name was ever asked for
    assert {call.bucket for call in _reads(origin, key)} == {"bucket"}


async def test_a_hole_whose_version_is_gone_is_refused_or_cut(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    first = {"Range": "bytes=0-9"}
    assert (await gateway.client.get(name, key, headers=first)).body == BODY[:10]
    await until(lambda: _chunks_held(gateway, taker, name, key) == [0])
    origin.put("bucket", key, OTHER)
    hole = {"Range": f"bytes={CHUNK_BYTES}-{CHUNK_BYTES + 9}"}
    assert error_of(await gateway.client.get(name, key, headers=hole))[0] == 412
    with pytest.raises(aiohttp.ClientPayloadError):
        await gateway.client.get(name, key)
    assert (await gateway.client.get(name, key, headers=first)).body == BODY[:10]


def _reads(origin: EmbeddedOrigin, key: str) -> list[Call]:
    return [call for call in origin.counters.calls if call.key == key]


def _chunks_held(gateway: Gateway, taker: Taker, name: str, key: str) -> list[int]:
    held = taker.snapshots.find(name)
    assert held is not None
    row = gateway.flash.find_row(held.snapshot.kept_name(key))
    return [] if row is None else sorted(gateway.flash.extents(row.body, range(8)))


@pytest.mark.parametrize("change", ["overwritten", "deleted", "described"])
async def test_a_version_that_is_gone_fails_in_words(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str, change: str
) -> None:
    etag = origin.put("bucket", key, BODY, modified=1_700_000_000).etag
    name = await taker.take(key)
    match change:
        case "overwritten":
            origin.put("bucket", key, OTHER)
        case "deleted":
            origin.delete("bucket", key)
        case "described":
            origin.describe("bucket", key, {"x-amz-meta-a": "2"})
    for headers in ({}, {"Range": "bytes=0-9"}, {"Cache-Control": "no-store"}):
        status, code, words = error_of(await gateway.client.get(name, key, headers=headers))
        assert (status, code) == (412, "PreconditionFailed")
        for part in (name, key, etag, "bucket", "no more"):
            assert part in words
    assert (await gateway.client.head(name, key)).status == 412
    reply = await gateway.reader.get(name, key)
    assert reply.status == 412
    rows = await pages(gateway.client, name, f"prefix={key}")
    assert len(rows) == 1


async def test_a_versioned_source_gives_back_what_was_overwritten_and_deleted(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    for one in (f"{key}/a", f"{key}/b", f"{key}/c"):
        origin.put("versioned", one, BODY)
    name = await taker.take(f"{key}/", "versioned")
    origin.put("versioned", f"{key}/a", OTHER)
    origin.delete("versioned", f"{key}/b")
    for one in (f"{key}/a", f"{key}/b", f"{key}/c"):
        reply = await gateway.client.get(name, one)
        assert (reply.status, reply.body) == (200, BODY)
        past = await gateway.client.get(name, one, headers={"Cache-Control": "no-store"})
        assert (past.status, past.body, past.headers["X-Cache"]) == (200, BODY, "BYPASS")
        version_id = reply.headers["x-amz-version-id"]
        named = await gateway.client.get(name, one, query=f"versionId={version_id}")
        assert (named.status, named.body) == (200, BODY)
        other = await gateway.client.get(name, one, query="versionId=other")
        assert error_of(other)[:2] == (404, "NoSuchVersion")
    await gateway.flash.drop("")
    assert (await gateway.client.get(name, f"{key}/a")).body == BODY


async def test_what_goes_past_flash_is_pinned_too(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    etag = origin.put("bucket", key, BODY).etag
    name = await taker.take(key)
    past: tuple[dict[str, Any], ...] = (
        {"headers": {"Cache-Control": "no-store"}},
        {"headers": {"Origin": "http://site.example"}},
        {"headers": {"x-amz-request-payer": "requester"}},
        {"query": "partNumber=1"},
    )
    for parts in past:
        reply = await gateway.client.get(name, key, **parts)
        assert (reply.status in (200, 206), reply.body) == (True, BODY)
        assert reply.headers["X-Cache"] == "BYPASS"
    for condition, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": etag, "Range": "bytes=1-3"}, 206),
    ):
        headers = {"Cache-Control": "no-store", **condition}
        assert (await gateway.client.get(name, key, headers=headers)).status == status
    head = await gateway.client.head(name, key, headers={"Range": "bytes=0-9"})
    assert (head.status, head.headers["Content-Length"]) == (206, "10")
    bypassed = f"bypass/{key}"
    origin.put("bucket", bypassed, BODY)
    ruled = await taker.take(bypassed)
    for _ in range(2):
        reply = await gateway.client.get(ruled, bypassed)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
    origin.put("bucket", key, OTHER)
    for parts in past:
        assert error_of(await gateway.client.get(name, key, **parts))[0] == 412
    assert {call.bucket for call in _reads(origin, key)} == {"bucket"}


async def test_what_was_not_recorded_is_not_there(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", f"{key}/a", BODY)
    name = await taker.take(f"{key}/a")
    origin.put("bucket", f"{key}/b", BODY)
    origin.counters.reset()
    assert error_of(await gateway.client.get(name, f"{key}/b"))[:2] == (404, "NoSuchKey")
    assert (await gateway.client.head(name, f"{key}/b")).status == 404
    assert (await gateway.reader.get(name, f"{key}/b")).status == 403
    assert not origin.counters.requests


async def test_a_snapshots_reader_and_the_sources_share_the_bytes(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    assert (await gateway.client.get(name, key)).body == BODY
    await until(lambda: _is_warm(gateway, taker, name, key))
    await gateway.warm("bucket", key)
    held = taker.snapshots.find(name)
    assert held is not None
    kept, source = (
        gateway.flash.find_row(one)
        for one in (held.snapshot.kept_name(key), held.snapshot.source_of(key))
    )
    assert kept is not None
    assert source is not None
    assert kept.body == source.body
