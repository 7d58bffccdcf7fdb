"""Strict hits without a task: kept when the origin confirms, else handed to the pipeline."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from gateway.doors.s3.at_once import AtOnce, Promise
from gateway.telemetry import metrics
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker, until
from tests.support.origin_hooks import always, once
from tests.support.raw_connection import RawConnection, raw_connection, request_bytes

BODY = bytes(range(256)) * 16
OTHER = BODY[::-1]
KEY = "key"
OF_ONE_ANSWER = {"x-amz-request-id", "x-forebay-request-id", "Date"}

Kept = list[bytes | None]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Give what became of each promise; None was handed to the pipeline."""
    seen: Kept = []
    really = Promise.redeem

    def redeem(self: Promise) -> bytes | None:
        seen.append(really(self))
        return seen[-1]

    monkeypatch.setattr(Promise, "redeem", redeem)
    return seen


@pytest.fixture
async def warm(kept: Kept, gateway: Gateway, origin: EmbeddedOrigin) -> Gateway:
    """A gateway with a strict object on flash, and nothing counted yet."""
    origin.put("bucket", KEY, BODY, headers={"x-amz-meta-note": "caf\u00e9"})
    await gateway.warm("bucket", KEY)
    origin.counters.reset()
    kept.clear()
    return gateway


@pytest.fixture
async def connection(warm: Gateway) -> AsyncIterator[RawConnection]:
    async with raw_connection(warm.endpoint) as opened:
        yield opened


def signed(gateway: Gateway, key: str = KEY) -> bytes:
    return request_bytes(gateway.client, "GET", f"/bucket/{key}")


def requests(origin: EmbeddedOrigin) -> dict[str, int]:
    return dict(origin.counters.requests)


async def test_it_is_the_answer_that_the_pipeline_gives(
    connection: RawConnection, warm: Gateway, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    request = signed(warm)
    for _ in range(3):  # parsed, and at last known
        await connection.send(request)
        answers.append(await connection.answer())
    assert all(kept)
    assert len(kept) == 3
    monkeypatch.setattr(AtOnce, "answer", lambda *_: None)
    monkeypatch.setattr(AtOnce, "answer_again", lambda *_: None)
    await connection.send(signed(warm))
    piped = await connection.answer()
    assert piped.headers["X-Cache"] == "REVALIDATED"
    for answer in answers:
        assert (answer.status, answer.body) == (200, BODY)
        assert lasting(answer.headers.items()) == lasting(piped.headers.items())


def lasting(headers: Any) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in headers if name not in OF_ONE_ANSWER)


async def test_each_costs_one_question(
    connection: RawConnection, warm: Gateway, kept: Kept, origin: EmbeddedOrigin
) -> None:
    for _ in range(5):
        await connection.send(signed(warm))
        assert (await connection.answer()).body == BODY
    assert len(kept) == 5
    assert requests(origin) == {"HEAD": 5}


@pytest.mark.parametrize("is_known", [False, True])
async def test_what_changed_is_fetched_after_the_same_question(
    connection: RawConnection,
    warm: Gateway,
    kept: Kept,
    origin: EmbeddedOrigin,
    *,
    is_known: bool,
) -> None:
    request = signed(warm)
    for _ in range(2 * is_known):
        await connection.send(request)
        assert (await connection.answer()).body == BODY
    origin.put("bucket", KEY, OTHER)
    origin.counters.reset()
    await connection.send(request)
    answer = await connection.answer()
    assert (answer.body, answer.headers["X-Cache"]) == (OTHER, "MISS")
    assert kept[-1] is None
    assert requests(origin) == {"HEAD": 1, "GET": 1}


async def test_metadata_that_changed_is_shown_at_once(
    connection: RawConnection, warm: Gateway, origin: EmbeddedOrigin
) -> None:
    await connection.send(signed(warm))
    assert (await connection.answer()).headers["x-amz-meta-note"] != "new"
    origin.put("bucket", KEY, BODY, headers={"x-amz-meta-note": "new"})
    await connection.send(signed(warm))
    answer = await connection.answer()
    assert (answer.body, answer.headers["x-amz-meta-note"]) == (BODY, "new")


async def test_what_was_deleted_is_not_there(
    connection: RawConnection, warm: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.delete("bucket", KEY)
    await connection.send(signed(warm))
    answer = await connection.answer()
    assert answer.status == 404
    assert b"NoSuchKey" in answer.body
    assert requests(origin)["HEAD"] == 1


async def test_an_origin_that_cannot_be_asked_is_waited_for_once(
    connection: RawConnection, warm: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.faults.append(always(Fault(is_reset=True)))
    began = asyncio.get_running_loop().time()
    await connection.send(signed(warm))
    answer = await connection.answer()
    assert answer.status == 503
    # A second question would wait for `origin.patience_seconds` (1) once more.
    assert asyncio.get_running_loop().time() - began < 2


async def test_who_arrives_during_a_question_is_told_by_the_next(
    warm: Gateway, origin: EmbeddedOrigin
) -> None:
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    async with raw_connection(warm.endpoint) as early, raw_connection(warm.endpoint) as late:
        await early.send(signed(warm))
        await held.wait_arrived()
        origin.put("bucket", KEY, OTHER)
        joined = metrics.validations_sent.value
        await late.send(signed(warm))
        held.release()
        assert (await late.answer()).body == OTHER
        assert (await early.answer()).body in (BODY, OTHER)
    assert metrics.validations_sent.value > joined


async def test_64_clients_cost_two_questions_a_round_trip(
    warm: Gateway, origin: EmbeddedOrigin, kept: Kept
) -> None:
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(read_once(warm)) for _ in range(64)]
        await held.wait_arrived()
        await until(lambda: metrics.requests_in_flight.value >= 64)
        held.release()
    assert {reader.result() for reader in readers} == {BODY}
    assert len(kept) == 64
    assert requests(origin)["HEAD"] <= 2


async def read_once(gateway: Gateway) -> bytes:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(signed(gateway))
        return (await connection.answer()).body


@pytest.mark.parametrize("is_changed", [False, True])
async def test_requests_behind_a_promise_are_answered_after_it(
    connection: RawConnection, warm: Gateway, origin: EmbeddedOrigin, *, is_changed: bool
) -> None:
    origin.put("bucket", "immutable/key", b"immutable")
    await warm.warm("bucket", "immutable/key")
    request, behind = signed(warm), signed(warm, "immutable/key")
    for one in (request, behind) * 2:
        await connection.send(one)
        await connection.answer()
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_call=held)))
    await connection.send(request)
    await held.wait_arrived()
    await connection.send(behind)
    await connection.send(behind + request)
    await asyncio.to_thread(list)  # a turn of the loop for the gateway
    if is_changed:
        origin.put("bucket", KEY, OTHER)
    held.release()
    now = OTHER if is_changed else BODY
    assert [(await connection.answer()).body for _ in range(4)] == [
        now,
        b"immutable",
        b"immutable",
        now,
    ]


async def test_a_client_that_leaves_gives_its_promise_up(
    warm: Gateway, kept: Kept, origin: EmbeddedOrigin
) -> None:
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    busy = metrics.requests_in_flight.value
    gone = metrics.requests.labels(door="s3", operation="GetObject", status="499").value
    async with raw_connection(warm.endpoint) as connection:
        await connection.send(signed(warm))
        await held.wait_arrived()
        assert metrics.requests_in_flight.value == busy + 1
    await until(lambda: metrics.requests_in_flight.value == busy)
    held.release()
    assert await read_once(warm) == BODY
    assert len(kept) == 1
    assert metrics.requests.labels(door="s3", operation="GetObject", status="499").value == gone + 1


async def test_beyond_the_room_the_pipeline_refuses(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    origin.put("bucket", KEY, BODY)
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", limits={"requests_max": 1})
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        held = Gate()
        origin.faults.append(once("HEAD", Fault(hold_answer=held)))
        async with raw_connection(gateway.endpoint) as connection:
            await connection.send(signed(gateway))
            await held.wait_arrived()
            assert (await gateway.client.get("bucket", KEY)).status == 503
            held.release()
            assert (await connection.answer()).body == BODY
    assert len(kept) == 1


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_drain_waits_for_what_was_promised(
    origin: EmbeddedOrigin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_changed: bool,
    is_known: bool,
) -> None:
    origin.put("bucket", KEY, BODY)
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", s3={"drain_seconds": 20})
    held = Gate()
    async with asyncio.TaskGroup() as tasks:
        async with running_worker(settings, monkeypatch) as gateway:
            await gateway.warm("bucket", KEY)
            opened = raw_connection(gateway.endpoint)
            connection = await opened.__aenter__()
            request = signed(gateway)
            for _ in range(2 * is_known):
                await connection.send(request)
                await connection.answer()
            origin.faults.append(once("HEAD", Fault(hold_call=held)))
            await connection.send(request)
            await held.wait_arrived()
            if is_changed:
                origin.put("bucket", KEY, OTHER)
            answer = tasks.create_task(connection.answer())
            tasks.create_task(release_when_deaf(gateway.endpoint, held))
        assert (await answer).body == (OTHER if is_changed else BODY)
        assert await connection.ended()
        await opened.__aexit__(None, None, None)


async def release_when_deaf(endpoint: str, held: Gate) -> None:
    """Let the origin answer once the worker takes no connection any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with raw_connection(endpoint):
                    pass
            except OSError:
                held.release()
                return


async def test_each_leaves_a_line_in_the_access_log(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    path = tmp_path / "access.log"
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", log={"access": str(path)})
    origin.put("bucket", KEY, BODY)
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        reply = await gateway.client.get("bucket", KEY)
        identity = reply.headers["x-amz-request-id"]
        await until(lambda: path.exists() and identity in path.read_text())
    assert kept[-1]
    line = next(line for line in path.read_text().splitlines() if identity in line)
    told = json.loads(line)
    assert told["cache"] == "REVALIDATED"
    assert told["status"] == 200
    assert told["origin_requests"] == 1
    assert told["bytes_out"] == len(BODY)


async def test_what_the_audit_log_hears_of_is_left_to_the_pipeline(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    path = tmp_path / "audit.log"
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", audit={"log": str(path)})
    origin.put("bucket", KEY, BODY)
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        reply = await gateway.client.get("bucket", KEY)
    assert not kept
    told = [json.loads(line)["request_id"] for line in path.read_text().splitlines()]
    assert told.count(reply.headers["x-amz-request-id"]) == 1


async def test_a_write_through_the_gateway_is_seen_by_the_next_read(
    connection: RawConnection, warm: Gateway, origin: EmbeddedOrigin
) -> None:
    """The promise was asked before the write, and its answer puts nothing back."""
    held = Gate()
    origin.faults.append(once("HEAD", Fault(hold_answer=held)))
    await connection.send(signed(warm))
    await held.wait_arrived()
    assert (await warm.client.put("bucket", KEY, OTHER)).status == 200
    held.release()
    assert (await connection.answer()).body in (BODY, OTHER)
    assert await read_once(warm) == OTHER
