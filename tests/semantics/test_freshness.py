"""Freshness: when a hit is served, mode by mode."""

import asyncio

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from gateway.telemetry import metrics
from tests.support.gateway_worker import Gateway, until
from tests.support.origin_hooks import once

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
OTHER = BODY[::-1]


async def test_strict_serves_what_the_origin_has_now(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    for body in (BODY, OTHER, BODY[:100], b""):
        origin.put("bucket", key, body)
        for _ in range(3):
            reply = await gateway.client.get("bucket", key)
            assert (reply.status, reply.body) == (200, body)
    origin.delete("bucket", key)
    reply = await gateway.client.get("bucket", key)
    assert reply.status == 404
    assert b"<Code>NoSuchKey</Code>" in reply.body
    origin.put("bucket", key, BODY)
    assert (await gateway.client.get("bucket", key)).body == BODY


async def test_strict_is_the_default(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> None:
    origin.put("other", key, BODY)
    for _ in range(3):
        reply = await gateway.client.get("other", key, headers={"x-forebay-explain": "1"})
        assert '"freshness":"strict"' in reply.headers["x-forebay-explain"]
    assert origin.counters.requests == {"GET": 1, "HEAD": 2}


async def test_a_strict_hit_costs_one_question_and_no_body(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    assert (await gateway.client.get("bucket", key)).body == BODY
    assert origin.counters.requests == {"HEAD": 1}
    assert origin.counters.body_bytes_sent == 0


async def test_who_arrives_during_a_validation_is_not_told_its_answer(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        origin.put("bucket", key, OTHER)
        late = tasks.create_task(gateway.client.get("bucket", key))
        held.release()
    assert late.result().body == OTHER
    assert early.result().body in (BODY, OTHER)


async def test_a_get_that_raced_a_put_leaves_nothing_stale_behind(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    held = Gate()
    origin.faults.append(once("GET", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        assert (await gateway.client.put("bucket", key, OTHER)).status == 200
        late = tasks.create_task(gateway.client.get("bucket", key))
        held.release()
    assert late.result().body == OTHER
    # The first answer told of the past when it left; its body is of one version all the same.
    assert early.result().body in (BODY, OTHER)
    assert (await gateway.client.get("bucket", key)).body == OTHER


async def test_bounded_asks_nobody_within_its_seconds(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"bounded/{key}"
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    gateway.clock.ahead_seconds = 29
    reply = await gateway.client.get("bucket", key)
    assert (reply.body, reply.headers["X-Cache"], reply.headers["Age"]) == (BODY, "HIT", "29")
    assert not origin.counters.requests


async def test_bounded_is_never_staler_than_its_seconds(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"bounded/{key}"
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.put("bucket", key, OTHER)
    assert (await gateway.client.get("bucket", key)).body == BODY
    gateway.clock.ahead_seconds = 31
    reply = await gateway.client.get("bucket", key)
    assert (reply.body, reply.headers["X-Cache"]) == (OTHER, "MISS")


async def test_bounded_counts_from_when_the_question_was_sent(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"bounded/{key}"
    origin.put("bucket", key, BODY)
    held = Gate()
    origin.faults.append(once("GET", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        origin.put("bucket", key, OTHER)
        gateway.clock.ahead_seconds = 20
        held.release()
    gateway.clock.ahead_seconds = 31
    assert (await gateway.client.get("bucket", key)).body == OTHER


async def test_a_confirmation_from_the_future_proves_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"bounded/{key}"
    origin.put("bucket", key, BODY)
    gateway.clock.ahead_seconds = 3600
    await gateway.client.get("bucket", key)
    origin.put("bucket", key, OTHER)
    gateway.clock.ahead_seconds = 0
    assert (await gateway.client.get("bucket", key)).body == OTHER


@pytest.mark.parametrize("mode", ["bounded", "immutable", "admit"])
async def test_a_write_through_the_gateway_is_seen_by_the_next_read(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, mode: str
) -> None:
    key = f"{mode}/{key}"
    for body in (BODY, OTHER, b"", BODY):
        assert (await gateway.client.put("bucket", key, body)).status == 200
        assert (await gateway.client.get("bucket", key)).body == body
        assert (await gateway.client.get("bucket", key)).body == body
    assert (await gateway.client.delete("bucket", key)).status == 204
    assert (await gateway.client.get("bucket", key)).status == 404


async def test_immutable_is_served_without_asking_for_ever(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"immutable/{key}"
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    gateway.clock.ahead_seconds = 10 * 365 * 86400
    reply = await gateway.client.get("bucket", key)
    assert (reply.body, reply.headers["X-Cache"]) == (BODY, "HIT")
    assert not origin.counters.requests


async def test_bypass_streams_through_and_keeps_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"bypass/{key}"
    origin.put("bucket", key, BODY)
    for _ in range(2):
        reply = await gateway.client.get("bucket", key)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
        reply = await gateway.client.head("bucket", key)
        assert (reply.status, reply.headers["X-Cache"]) == (200, "BYPASS")
    assert origin.counters.requests == {"GET": 2, "HEAD": 2}
    assert origin.counters.body_bytes_sent == 2 * len(BODY)


async def test_the_longest_matching_rule_wins(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    for prefix, freshness in (
        ("bounded/", "bounded(30s)"),
        ("bounde", "strict"),
        ("immutable/", "immutable"),
    ):
        origin.put("bucket", prefix + key, BODY)
        explain = {"x-forebay-explain": "1"}
        reply = await gateway.client.get("bucket", prefix + key, headers=explain)
        assert f'"freshness":"{freshness}"' in reply.headers["x-forebay-explain"]


async def test_64_clients_of_one_hot_key_cost_two_questions_a_round_trip(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    held, joined = Gate(), metrics.validations_joined
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        before = joined.value
        others = [tasks.create_task(gateway.client.get("bucket", key)) for _ in range(63)]
        # One of them leads the next question, which 62 join.
        await until(lambda: joined.value == before + 62)
        held.release()
    assert all(task.result().body == BODY for task in (first, *others))
    assert origin.counters.requests == {"HEAD": 2}
