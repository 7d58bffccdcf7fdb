"""Unreachable is not deleted: 503 with Retry-After, nothing stale, nothing forgotten for ever."""

from base64 import b64encode
from hashlib import md5

import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_faults import Fault
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origin_hooks import always, once
from tests.support.origins import new_origin
from tests.support.signed_client import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
FAULTS = pytest.mark.parametrize(
    "fault",
    [
        Fault(code="ServiceUnavailable"),
        Fault(code="InternalError"),
        Fault(code="SlowDown"),
        Fault(is_reset=True),
    ],
    ids=["503", "500", "slow-down", "reset"],
)


@FAULTS
@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
async def test_an_origin_that_cannot_be_asked_gives_503_with_retry_after(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, fault: Fault, is_warm: bool
) -> None:
    origin.put("bucket", key, BODY)
    if is_warm:
        await gateway.warm("bucket", key)
    origin.faults.append(always(fault, key=key))
    reply = await gateway.client.get("bucket", key)
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert b"<Code>ServiceUnavailable</Code>" in reply.body
    head = await gateway.client.head("bucket", key)
    assert (head.status, head.body) == (503, b"")
    assert head.headers["Retry-After"]
    origin.faults.clear()
    assert (await gateway.client.get("bucket", key)).body == BODY


@FAULTS
async def test_one_passing_failure_is_not_seen_by_readers(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, fault: Fault
) -> None:
    origin.put("bucket", key, BODY)
    for method in ("GET", "HEAD"):
        origin.faults.append(once(method, fault, key=key))
        assert (await gateway.client.get("bucket", key)).body == BODY
        assert (await gateway.client.head("bucket", key)).status == 200


@FAULTS
async def test_one_passing_failure_is_not_seen_by_who_lists_or_goes_past_flash(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, fault: Fault
) -> None:
    origin.put("bucket", key, BODY)
    origin.faults.append(once("GET", fault, key=""))
    listed = await gateway.client.ask("GET", "/bucket", query=f"list-type=2&prefix={key}")
    assert listed.status == 200
    assert f"<Key>{key}</Key>".encode() in listed.body
    origin.faults.append(once("GET", fault, key=key))
    past = await gateway.client.get("bucket", key, query="partNumber=1")
    assert (past.body, past.headers["X-Cache"]) == (BODY, "BYPASS")


async def test_nothing_stale_is_served_while_the_origin_is_away(
    module_monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    origin = new_origin()
    origin.make_bucket("bucket")
    origin.put("bucket", "k", BODY)
    flash_path = tmp_path_factory.mktemp("away") / "flash"
    async with running_origin(origin):
        port = origin.port
        gateway = running_worker(gateway_settings(origin.endpoint, flash_path), module_monkeypatch)
        served = await gateway.__aenter__()
        await served.warm("bucket", "k")
    try:
        for _ in range(2):
            reply = await served.client.get("bucket", "k")
            assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
        origin.put("bucket", "k", BODY[::-1])
        async with running_origin(origin, port=port):
            assert (await served.client.get("bucket", "k")).body == BODY[::-1]
    finally:
        await gateway.__aexit__(None, None, None)


async def test_trap_a_refusal_is_not_an_absence(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.faults.append(always(Fault(code="AccessDenied"), key=key))
    reply = await gateway.client.get("bucket", key)
    assert reply.status == 403
    assert b"<Code>AccessDenied</Code>" in reply.body
    assert (await gateway.client.head("bucket", key)).status == 403
    origin.faults.clear()
    origin.counters.reset()
    assert (await gateway.client.get("bucket", key)).body == BODY
    assert origin.counters.body_bytes_sent == 0


async def test_trap_an_unreachable_origin_is_not_an_empty_body(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.client.head("bucket", key)
    origin.faults.append(always(Fault(truncate_bytes=0), method="GET", key=key))
    reply = await gateway.client.get("bucket", key)
    assert reply.status == 503


async def test_a_write_whose_answer_was_lost_is_not_read_as_before(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"immutable/{key}"
    for method in ("PUT", "DELETE", "POST"):
        origin.put("bucket", key, BODY)
        await gateway.warm("bucket", key)
        origin.faults[:] = [once(method, Fault(is_answer_lost=True))]
        assert (await _write(gateway, method, key)).status == 503
        origin.faults.clear()
        reply = await gateway.client.get("bucket", key)
        assert reply.status == 404 if method != "PUT" else reply.body == b"new"


async def test_a_write_is_never_repeated_on_its_own(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    """Else If-None-Match fails on itself, and a later write of another's is overwritten."""
    await gateway.client.head("bucket", key)  # a connection is open
    for method in ("PUT", "DELETE", "POST"):
        origin.counters.reset()
        origin.faults[:] = [once(method, Fault(is_answer_lost=True))]
        assert (await _write(gateway, method, key)).status == 503
        assert origin.counters.requests[method] == 1


async def test_a_read_on_a_connection_gone_stale_is_repeated(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    for query in ("tagging", ""):
        origin.faults[:] = [once("GET", Fault(is_reset=True))]
        reply = await gateway.client.get("bucket", key, query=query)
        assert reply.status == 200


async def _write(gateway: Gateway, method: str, key: str) -> Reply:
    if method == "PUT":
        return await gateway.client.put("bucket", key, b"new")
    if method == "DELETE":
        return await gateway.client.delete("bucket", key)
    document = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
    proof = {"Content-MD5": b64encode(md5(document).digest()).decode()}
    return await gateway.client.ask("POST", "/bucket", query="delete", body=document, headers=proof)
