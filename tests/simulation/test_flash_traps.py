"""What a bad or slow disk must not do to readers, at real processes."""

import asyncio

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.simulation import trials
from tests.simulation.patterns import PatternBlob
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.signed_client import SignedClient

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _flipped(data: bytearray) -> bytearray:
    data[::65_536] = bytes(byte ^ 1 for byte in data[::65_536])
    return data


def _zeroed(data: bytearray) -> bytearray:
    for start in range(0, len(data), 65_536):
        data[start : start + 512] = bytes(len(data[start : start + 512]))
    return data


def _cut(data: bytearray) -> bytearray:
    return data[: len(data) // 8]


DAMAGES = {"bits flipped": _flipped, "zeros": _zeroed, "cut off": _cut}


@pytest.mark.parametrize("damage", list(DAMAGES))
async def test_trap_what_the_disk_returns_wrongly_is_read_from_the_origin_again(
    run: GatewayRun, origin: EmbeddedOrigin, damage: str
) -> None:
    objects = trials.objects_at(origin, 6, 900_000)
    await trials.warm(run, origin, objects)
    assert run.stop() == 0
    for segment in (run.flash_path / "segments").glob("*.seg"):
        segment.write_bytes(DAMAGES[damage](bytearray(segment.read_bytes())))
    run.start()
    # Every byte is compared; what was damaged costs the origin a read, and is whole again.
    assert await trials.cold_bytes(run, origin, objects) > 0
    await trials.warm(run, origin, objects)


async def test_trap_slow_reads_of_the_disk_hold_up_nobody_else(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    objects = trials.objects_at(origin, 2, 900_000)
    await trials.warm(run, origin, objects)
    # After a start nothing is proven yet, so that reads go to the disk.
    assert run.stop() == 0
    run.break_flash("segment.read=slow:0.7")
    run.start()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        client = SignedClient(session, run.endpoint, *ADMIN)
        slow = [tasks.create_task(client.get("bucket", key)) for key in objects for _ in range(4)]
        # All eight are in the middle of a slow read while these come and go.
        for _ in range(20):
            assert (await client.head("bucket", next(iter(objects)))).status == 200
        assert not any(task.done() for task in slow)
        run.heal_flash()
    assert all(_is_right(task.result().body, objects) for task in slow)


def _is_right(body: bytes, objects: dict[str, PatternBlob]) -> bool:
    return any(body == blob.read(0, blob.size) for blob in objects.values())
