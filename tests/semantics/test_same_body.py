"""The same body rule (row A4): overwrites that an ETag does not show, and what is never cached."""

import asyncio
import time

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault
from tests.support.gateway_worker import Gateway
from tests.support.origin_hooks import always, once
from tests.support.signed_client import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
OTHER = BODY[::-1]
GREEN, RED = {"x-amz-meta-colour": "green"}, {"x-amz-meta-colour": "red"}


async def test_a_metadata_only_overwrite_shows_at_once_and_costs_no_body(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY, headers=GREEN, modified=time.time() - 60)
    await gateway.warm("bucket", key)
    after = origin.describe("bucket", key, RED | {"content-type": "text/plain"})
    origin.counters.reset()
    for reply in await _get_and_head(gateway, key):
        assert reply.headers["x-amz-meta-colour"] == "red"
        assert reply.headers["Content-Type"] == "text/plain"
        assert reply.headers["ETag"] == after.etag
    assert origin.counters.body_bytes_sent == 0
    row = await gateway.client.get("bucket", key, headers={"Range": "bytes=5-9"})
    assert (row.status, row.body, row.headers["x-amz-meta-colour"]) == (206, BODY[5:10], "red")


async def test_an_overwrite_with_the_same_bytes_costs_no_body_where_a_checksum_is_stored(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY, headers=GREEN, modified=time.time() - 60)
    old = await gateway.warm("bucket", key)
    origin.put("bucket", key, BODY, headers=RED)
    origin.counters.reset()
    get, head = await _get_and_head(gateway, key)
    assert get.body == BODY
    assert get.headers["Last-Modified"] == head.headers["Last-Modified"]
    assert get.headers["Last-Modified"] != old.headers["Last-Modified"]
    assert get.headers["x-amz-meta-colour"] == head.headers["x-amz-meta-colour"] == "red"
    assert origin.counters.body_bytes_sent == 0


async def test_the_same_bytes_without_a_checksum_prove_nothing_and_are_read_again(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY, modified=time.time() - 60, algorithm="")
    await gateway.warm("bucket", key)
    origin.put("bucket", key, BODY, algorithm="")
    origin.counters.reset()
    assert (await gateway.client.get("bucket", key)).body == BODY
    assert origin.counters.body_bytes_sent == len(BODY)


@pytest.mark.parametrize("algorithm", ["", "crc64nvme"])
async def test_an_md5_collision_never_serves_the_other_body(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, algorithm: str
) -> None:
    old = origin.put(
        "bucket", key, BODY, headers=GREEN, modified=time.time() - 60, algorithm=algorithm
    )
    await gateway.warm("bucket", key)
    origin.put("bucket", key, OTHER, headers=RED, etag=old.etag, algorithm=algorithm)
    for reply in await _get_and_head(gateway, key):
        assert reply.headers["ETag"] == old.etag
        assert reply.headers["x-amz-meta-colour"] == "red"
    assert (await gateway.client.get("bucket", key)).body == OTHER
    part = await gateway.client.get("bucket", key, headers={"Range": "bytes=100-199"})
    assert part.body == OTHER[100:200]


async def test_a_collision_within_the_same_second_shows_by_the_checksum(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    moment = time.time() - 60
    old = origin.put("bucket", key, BODY, modified=moment)
    await gateway.warm("bucket", key)
    origin.put("bucket", key, OTHER, etag=old.etag, modified=moment)
    assert (await gateway.client.get("bucket", key)).body == OTHER
    assert (await gateway.warm("bucket", key)).body == OTHER


async def test_a_collision_within_the_same_second_shows_by_the_version_id(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    moment = time.time() - 60
    old = origin.put("versioned", key, BODY, modified=moment, algorithm="")
    await gateway.warm("versioned", key)
    new = origin.put("versioned", key, OTHER, etag=old.etag, modified=moment, algorithm="")
    reply = await gateway.client.get("versioned", key)
    assert reply.body == OTHER
    assert reply.headers["x-amz-version-id"] == new.version_id


async def test_a_collision_after_a_write_through_the_gateway_finds_no_old_chunks(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    moment = time.time() - 60
    old = origin.put("bucket", key, BODY, modified=moment)
    await gateway.warm("bucket", key)
    # The row is forgotten; chunks of the old body still lie on flash.
    assert (await gateway.client.put("bucket", key, b"between")).status == 200
    origin.put("bucket", key, OTHER, etag=old.etag, modified=moment)
    assert (await gateway.client.get("bucket", key)).body == OTHER


async def test_headers_come_from_the_validation_and_never_from_the_fill(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    first = origin.put("bucket", key, BODY, headers=GREEN)
    await gateway.warm("bucket", key)
    # Tags and the storage class change with the whole validator tuple unchanged.
    origin.store.retag("bucket", key, first.version_id, (("a", "1"), ("b", "2")))
    for reply in await _get_and_head(gateway, key):
        assert reply.headers["x-amz-tagging-count"] == "2"
        assert reply.headers["x-amz-meta-colour"] == "green"


async def test_a_strict_head_is_never_answered_from_memory(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY, headers=GREEN)
    await gateway.warm("bucket", key)
    origin.put("bucket", key, OTHER[:10], headers=RED)
    origin.counters.reset()
    reply = await gateway.client.head("bucket", key)
    assert reply.headers["x-amz-meta-colour"] == "red"
    assert reply.headers["Content-Length"] == "10"
    assert origin.counters.requests == {"HEAD": 1}


@pytest.mark.parametrize("etag", ['W/"weak"', '""'])
async def test_no_strong_etag_is_not_cached(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, etag: str
) -> None:
    origin.put("bucket", key, BODY)
    origin.faults.append(always(Fault(etag=etag), key=key))
    for _ in range(2):
        reply = await gateway.client.get("bucket", key)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
    assert (await gateway.client.head("bucket", key)).status == 200


async def test_trap_same_size_within_the_same_second(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    moment = time.time() - 60
    for body in (BODY, OTHER, BODY):
        origin.put("bucket", key, body, modified=moment)
        assert (await gateway.warm("bucket", key)).body == body


async def test_trap_a_false_etag_once_mixes_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    origin.faults.append(once("GET", Fault(etag='"lie"')))
    for _ in range(3):
        assert (await gateway.client.get("bucket", key)).body == BODY


async def _get_and_head(gateway: Gateway, key: str) -> tuple[Reply, Reply]:
    """Ask both at once, and prove that they tell the same."""
    get, head = await asyncio.gather(
        gateway.client.get("bucket", key), gateway.client.head("bucket", key)
    )
    assert (get.status, head.status) == (200, 200)
    for name in ("ETag", "Last-Modified", "Content-Length", "Content-Type"):
        assert get.headers.get(name) == head.headers.get(name)
    return get, head
