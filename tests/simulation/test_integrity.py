"""Row C5, small: bits flip, fills are killed, the power fails; the long run has the same trials.

`conformance/run.py integrity` runs them as often as the row asks for.
"""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conformance.machine.rig import rig
from gateway.demo.origin import EmbeddedOrigin
from tests.simulation import integrity_trials, trials
from tests.support.gateway_run import GatewayRun

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OBJECTS, OBJECT_BYTES, COLD_BYTES = 6, 1_300_000, 2_000_000

Stage = tuple[GatewayRun, EmbeddedOrigin, dict[str, Any]]


@pytest.fixture(params=["plain", "sealed"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    flash = {"key": KEY} if request.param == "sealed" else {}
    async with rig(size="96MiB", chunk_size="256KiB", **flash) as (gateway, origin):
        yield gateway, origin, trials.objects_at(origin, OBJECTS, OBJECT_BYTES)


@pytest.mark.timeout(300)
async def test_trap_bits_that_flip_on_the_disk_reach_nobody(stage: Stage) -> None:
    result = await integrity_trials.flip_bits(
        *stage, flips=3, is_live=False, chance=random.Random(1)
    )
    assert result.failures == []


@pytest.mark.timeout(300)
async def test_kills_inside_a_fill_leave_nothing_wrong(stage: Stage) -> None:
    result = await integrity_trials.kill_fills(
        *stage, kills=2, size=COLD_BYTES, first=1000, chance=random.Random(2)
    )
    assert result.failures == []


@pytest.mark.timeout(300)
async def test_a_power_loss_leaves_nothing_wrong(stage: Stage) -> None:
    result = await integrity_trials.lose_power(
        *stage, images=1, size=COLD_BYTES, first=1000, chance=random.Random(3)
    )
    assert result.failures == []
    assert result.figures["pages that were lost"]


@pytest.mark.timeout(300)
async def test_bits_that_flip_in_memory_reach_nobody_where_every_read_is_judged() -> None:
    async with rig(size="96MiB", chunk_size="256KiB", verify="always") as (gateway, origin):
        objects = trials.objects_at(origin, OBJECTS, OBJECT_BYTES)
        result = await integrity_trials.flip_bits(
            gateway, origin, objects, flips=3, is_live=True, chance=random.Random(4)
        )
        assert result.failures == []


@pytest.mark.timeout(300)
async def test_several_faults_at_once_on_sealed_flash() -> None:
    async with rig(size="96MiB", chunk_size="256KiB", key=KEY) as (gateway, origin):
        objects = trials.objects_at(origin, OBJECTS, OBJECT_BYTES)
        result = await integrity_trials.all_at_once(
            gateway, origin, objects, rounds=1, size=800_000, first=1000, chance=random.Random(5)
        )
        assert result.failures == []
