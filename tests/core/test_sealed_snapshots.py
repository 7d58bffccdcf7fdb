"""A snapshot on sealed flash: its bodies are the source's there too, and tell no name."""

import base64
from contextlib import closing
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.flash.rows import Row
from gateway.model.names import ObjectName
from gateway.model.versions import body_id
from tests.support.gateway_settings import CHUNK_BYTES, gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.snapshot_taker import Taker

BODY = bytes(range(256)) * 16


async def test_what_a_snapshot_fetched_is_the_sources_body_and_not_to_be_guessed(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"key": base64.b64encode(bytes(32)).decode()}
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", flash=key)
    origin.put("bucket", "key", BODY)
    async with running_worker(settings, monkeypatch) as gateway:
        taker = Taker(gateway)
        with closing(taker.snapshots):
            name = await taker.take("key")
            assert (await gateway.client.get(name, "key")).body == BODY
            held = taker.snapshots.find(name)
            assert held is not None
            kept = found(gateway, held.snapshot.kept_name("key"))
        await gateway.warm("bucket", "key")
        source = found(gateway, ObjectName("bucket", "key"))
    assert kept.body == source.body
    assert kept.body != body_id(source.name, source.version, CHUNK_BYTES)


def found(gateway: Gateway, name: ObjectName) -> Row:
    row = gateway.flash.find_row(name)
    assert row is not None
    return row
