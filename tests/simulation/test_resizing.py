"""Another size by SIGHUP, under load at two workers: no request fails, and the size holds."""

import time

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.flash.check import occupied_bytes
from tests.simulation import trials
from tests.simulation.conftest import FLASH_BYTES
from tests.simulation.load import Crowd
from tests.support.gateway_run import GatewayRun

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIB = 1 << 20
SHRUNK_SECONDS_MAX = 30.0


async def test_flash_grows_at_once_and_shrinks_within_half_a_minute_under_load(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    objects = trials.objects_at(origin, 24, 4 * MIB)
    async with Crowd(run, objects, trials.CLIENTS) as crowd:
        await crowd.wait_requests(30)
        for size_bytes in (96 * MIB, 24 * MIB, FLASH_BYTES):
            run.reload(flash_bytes=size_bytes)
            begun = time.monotonic()
            while occupied_bytes(run.flash_path) > size_bytes:
                assert time.monotonic() - begun < SHRUNK_SECONDS_MAX
                await crowd.wait_requests(1)
            for _ in range(20):
                await crowd.wait_requests(2)
                assert occupied_bytes(run.flash_path) <= size_bytes
            if size_bytes > FLASH_BYTES:
                while occupied_bytes(run.flash_path) <= FLASH_BYTES:
                    await crowd.wait_requests(1)
    assert crowd.failures == []
