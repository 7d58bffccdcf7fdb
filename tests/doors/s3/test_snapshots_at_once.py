"""What is answered at once of a snapshot obeys its source's rules as they are now."""

from contextlib import closing
from pathlib import Path

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, until
from tests.support.snapshot_taker import Taker

BODY = bytes(range(256)) * 16


async def test_a_source_that_is_to_be_bypassed_from_now_on_is(
    gateway: Gateway, origin: EmbeddedOrigin, tmp_path: Path
) -> None:
    origin.put("bucket", "key", BODY)
    await gateway.warm("bucket", "key")
    taker = Taker(gateway)
    with closing(taker.snapshots):
        name = await taker.take("key")
        for _ in range(2):
            reply = await gateway.client.get(name, "key")
        assert reply.headers["X-Cache"] == "HIT"
        bypassed = [{"match": "bucket/*", "freshness": "bypass"}]
        await gateway.reloads.put(
            gateway_settings(origin.endpoint, tmp_path / "flash", rules=bypassed)
        )
        await until(gateway.reloads.empty)
        reply = await gateway.client.get(name, "key")
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
