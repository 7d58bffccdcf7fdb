"""Never mixed: a response holds bytes of one version, or is visibly incomplete."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault
from gateway.model.names import ObjectName
from tests.support.gateway_settings import CHUNK_BYTES
from tests.support.gateway_worker import Gateway, until
from tests.support.origin_hooks import always, before, is_gap_read, once
from tests.support.signed_client import object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHUNKS = 40
"""More than one run, so that a cold read makes gap reads behind its opening."""
BODY = b"".join(bytes([number]) * CHUNK_BYTES for number in range(CHUNKS))
OTHER = b"".join(bytes([number + 100]) * CHUNK_BYTES for number in range(CHUNKS))


def _put(origin: EmbeddedOrigin, key: str) -> Callable[[], object]:
    return lambda: origin.put("bucket", key, OTHER)


def _collide(origin: EmbeddedOrigin, key: str) -> Callable[[], object]:
    etag = origin.store.get_version("bucket", key).etag
    return lambda: origin.put("bucket", key, OTHER, etag=etag)


def _delete(origin: EmbeddedOrigin, key: str) -> Callable[[], object]:
    return lambda: origin.delete("bucket", key)


CHANGES = pytest.mark.parametrize("change", [_put, _collide])


@CHANGES
async def test_a_gap_read_that_finds_another_version_restarts_before_the_first_byte(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, change: Callable[..., Callable[[], object]]
) -> None:
    origin.put("bucket", key, BODY, modified=time.time() - 60)
    # Only the first chunk is on flash, so the rest is a gap.
    await gateway.client.get("bucket", key, headers={"Range": "bytes=0-9"})
    origin.faults.append(before(is_gap_read, change(origin, key)))
    begin = 20 * CHUNK_BYTES
    reply = await gateway.client.get("bucket", key, headers={"Range": f"bytes={begin}-"})
    assert (reply.status, reply.body) == (206, OTHER[begin:])


@CHANGES
async def test_a_gap_read_that_finds_another_version_cuts_after_the_first_byte(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, change: Callable[..., Callable[[], object]]
) -> None:
    origin.put("bucket", key, BODY, modified=time.time() - 60)
    first = f"bytes=0-{CHUNK_BYTES - 1}"
    await gateway.client.get("bucket", key, headers={"Range": first})
    await _until_first_chunk_is_on_flash(gateway, key)
    origin.faults.append(before(is_gap_read, change(origin, key)))
    received = bytearray()
    with pytest.raises(aiohttp.ClientPayloadError):
        await _read_into(received, gateway, key)
    assert received
    assert BODY.startswith(received)
    assert (await gateway.client.get("bucket", key)).body == OTHER


async def test_an_object_deleted_under_a_read_is_cut_and_not_ended(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.client.get("bucket", key, headers={"Range": f"bytes=0-{CHUNK_BYTES - 1}"})
    await _until_first_chunk_is_on_flash(gateway, key)
    origin.faults.append(before(is_gap_read, _delete(origin, key)))
    received = bytearray()
    with pytest.raises(aiohttp.ClientPayloadError):
        await _read_into(received, gateway, key)
    assert BODY.startswith(received)
    assert (await gateway.client.get("bucket", key)).status == 404


async def test_trap_a_412_of_a_gap_read_never_reaches_the_client(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    origin.faults.append(always(Fault(code="PreconditionFailed"), method="GET", key=key))
    await gateway.client.head("bucket", key)
    reply = await gateway.client.get("bucket", key, headers={"Range": "bytes=-5"})
    # The version is there by HEAD and gone by GET each time: no answer is better than a wrong one.
    assert reply.status == 503
    assert reply.headers["Retry-After"]


async def test_readers_of_a_key_that_changes_all_the_time_see_whole_versions(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    bodies = [bytes([number]) * (CHUNK_BYTES * 18 + number) for number in range(30)]
    origin.put("bucket", key, bodies[0])
    waiting, chance = list(bodies[1:]), random.Random(2)

    def overwrite(call: Call) -> Fault | None:
        if waiting and call.key == key and chance.random() < 0.2:
            origin.put("bucket", key, waiting.pop(0))
        return None

    origin.faults.append(overwrite)

    async def read() -> str:
        try:
            reply = await gateway.client.get("bucket", key)
        except aiohttp.ClientPayloadError:
            return "cut"
        assert reply.status in (200, 503)
        assert reply.status == 503 or reply.body in bodies
        return "whole" if reply.status == 200 else "refused"

    outcomes = Counter[str]()
    while waiting:
        outcomes.update(await asyncio.gather(*(read() for _ in range(4))))
    assert outcomes["whole"] > 0
    assert (await gateway.client.get("bucket", key)).body == origin.read("bucket", key)


@pytest.mark.parametrize("at", [0, 1, 7 * CHUNK_BYTES, 20 * CHUNK_BYTES + 5])
async def test_trap_a_body_that_the_origin_breaks_off_is_resumed(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, at: int
) -> None:
    origin.put("bucket", key, BODY)
    origin.faults.append(once("GET", Fault(truncate_bytes=at)))
    assert (await gateway.client.get("bucket", key)).body == BODY
    assert (await gateway.warm("bucket", key)).body == BODY


async def test_trap_a_client_that_leaves_its_first_get_leaves_no_half_body(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    for stop in (1, CHUNK_BYTES, 9 * CHUNK_BYTES):
        async with gateway.client.opened("GET", object_path("bucket", key)) as answer:
            await answer.content.readexactly(stop)
            answer.close()
        assert (await gateway.client.get("bucket", key)).body == BODY


async def test_trap_a_range_over_an_evicted_hole(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.client.get("bucket", key, headers={"Range": f"bytes=0-{CHUNK_BYTES - 1}"})
    far = 30 * CHUNK_BYTES
    await gateway.client.get("bucket", key, headers={"Range": f"bytes={far}-{far}"})
    begin, last = CHUNK_BYTES - 7, far + 9
    reply = await gateway.client.get("bucket", key, headers={"Range": f"bytes={begin}-{last}"})
    assert (reply.status, reply.body) == (206, BODY[begin : last + 1])
    await gateway.flash.drop()
    reply = await gateway.client.get("bucket", key, headers={"Range": f"bytes={begin}-{last}"})
    assert (reply.status, reply.body) == (206, BODY[begin : last + 1])


async def test_trap_a_slow_reader_does_not_hold_up_the_others(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    large = BODY * 8
    origin.put("bucket", key, large)
    async with gateway.client.opened("GET", object_path("bucket", key)) as slow:
        # It has read nothing but the head while the others read everything.
        others = await asyncio.gather(*(gateway.client.get("bucket", key) for _ in range(4)))
        assert all(reply.body == large for reply in others)
        assert await slow.read() == large


async def _read_into(received: bytearray, gateway: Gateway, key: str) -> None:
    async with gateway.client.opened("GET", object_path("bucket", key)) as answer:
        assert answer.status == 200
        async for piece in answer.content.iter_any():
            received += piece


async def _until_first_chunk_is_on_flash(gateway: Gateway, key: str) -> None:
    def has_it() -> bool:
        row = gateway.flash.find_row(ObjectName("bucket", key))
        return row is not None and 0 in gateway.flash.extents(row.body, range(1))

    await until(has_it)
