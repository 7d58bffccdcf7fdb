"""Where an origin ignores conditions on writes, Forebay refuses them and passes on all else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker


@pytest.fixture
async def gateway(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    changes = {"conditional_writes": "refuse"}
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", origin=changes)
    async with running_worker(settings, monkeypatch) as running:
        yield running


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Match", "If-Unmodified-Since"])
@pytest.mark.parametrize(
    "asked",
    [
        ("PUT", "", {}),
        ("PUT", "", {"x-amz-copy-source": "/bucket/key"}),
        ("POST", "uploadId=u", {}),
        ("DELETE", "", {}),
    ],
)
async def test_trap_a_condition_that_would_be_ignored_is_refused_in_words(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    condition: str,
    asked: tuple[str, str, dict[str, str]],
) -> None:
    method, query, more = asked
    origin.put("bucket", "key", b"there")
    reply = await gateway.client.ask(
        method, "/bucket/key", query=query, headers={condition: "*", **more}
    )
    assert reply.status == 501
    assert b"<Code>NotImplemented</Code>" in reply.body
    assert condition.encode() in reply.body
    assert origin.read("bucket", "key") == b"there"
    assert not origin.counters.calls


async def test_a_conditional_entry_of_deleteobjects_is_refused_and_the_others_are_deleted(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    for key in ("a", "b"):
        origin.put("bucket", key, b"there")
    entries = "<Object><Key>a</Key></Object><Object><Key>b</Key><ETag>x</ETag></Object>"
    body = f"<Delete>{entries}</Delete>".encode()
    reply = await gateway.client.ask("POST", "/bucket", query="delete", body=body)
    assert b"<Deleted><Key>a</Key>" in reply.body
    assert b"<Key>b</Key><Code>NotImplemented</Code>" in reply.body
    assert list(origin.store.get_bucket("bucket").keys) == ["b"]


async def test_reads_and_plain_writes_go_on(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    assert (await gateway.client.put("bucket", "key", b"new")).status == 200
    reply = await gateway.client.get("bucket", "key", headers={"If-Match": '"other"'})
    assert reply.status == 412
    assert (await gateway.client.delete("bucket", "key")).status == 204
