"""Kills under load (row A6), in small."""

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.simulation import trials
from tests.support.gateway_run import GatewayRun

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_only_the_connections_of_a_killed_worker_break_and_it_is_replaced(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    objects = trials.objects_at(origin, 8, 1_500_000)
    result = await trials.kill_worker_under_load(run, objects, kills=2, requests=60)
    assert result.failures == []
    assert result.figures["connections of others"] > 0
    assert await run.flash_problems() == []


async def test_what_was_warm_is_warm_after_a_kill_of_everything(
    run: GatewayRun, origin: EmbeddedOrigin
) -> None:
    objects = trials.objects_at(origin, 8, 1_500_000)
    result = await trials.kill_everything(run, origin, objects, kills=2, requests=40)
    assert result.failures == []
