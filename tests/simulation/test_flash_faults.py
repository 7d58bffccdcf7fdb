"""Flash in trouble under load (row A7), in small: no request fails, and flash comes back."""

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.simulation import trials
from tests.simulation.conftest import FLASH_BYTES
from tests.support.gateway_run import GatewayRun

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", list(trials.FAULTS))
async def test_trap_flash_in_trouble_fails_no_request_and_recovers(
    run: GatewayRun, origin: EmbeddedOrigin, name: str
) -> None:
    objects = trials.objects_at(origin, 8, 1_500_000)
    await trials.warm(run, origin, objects)
    result = await trials.flash_fault_under_load(run, origin, objects, name, requests=30)
    assert result.failures == []
    # Else the fault was not met, and nothing is proven.
    assert result.figures["bypassed of these"] > 0 or name == "slow disk"


async def test_five_times_the_size_read_through_never_exceeds_it(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    objects = trials.objects_at(origin, 30, 8 << 20)
    result = await trials.read_more_than_fits(run, objects, size_bytes=FLASH_BYTES)
    assert result.failures == []
