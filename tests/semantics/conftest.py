"""One gateway per module in front of an embedded origin; both live in the module's event loop."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.origin import EmbeddedOrigin, running_origin
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origins import new_origin
from tests.support.snapshot_taker import Taker


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    """Return what a module wants otherwise in its settings; overridden there."""
    return {}


@pytest.fixture(scope="module")
def module_monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served_origin() -> AsyncIterator[EmbeddedOrigin]:
    async with running_origin(new_origin()) as running:
        for bucket in ("bucket", "other", "versioned"):
            running.make_bucket(bucket)
        running.store.buckets["versioned"].versioning = "Enabled"
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served_gateway(
    served_origin: EmbeddedOrigin,
    tmp_path_factory: pytest.TempPathFactory,
    module_monkeypatch: pytest.MonkeyPatch,
    gateway_changes: dict[str, Any],
) -> AsyncIterator[Gateway]:
    flash_path = tmp_path_factory.mktemp("gateway") / "flash"
    settings = gateway_settings(served_origin.endpoint, flash_path, **gateway_changes)
    async with running_worker(settings, module_monkeypatch) as gateway:
        yield gateway


@pytest.fixture
def origin(served_origin: EmbeddedOrigin) -> Iterator[EmbeddedOrigin]:
    """The origin with counters at zero, freed of its faults afterwards."""
    served_origin.counters.reset()
    yield served_origin
    served_origin.faults.clear()


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(served_gateway: Gateway) -> AsyncIterator[Gateway]:
    """The gateway; afterwards its clock is set right and its flash must be sound."""
    yield served_gateway
    served_gateway.clock.ahead_seconds = 0.0
    assert await served_gateway.flash.check(with_data=True) == []


@pytest_asyncio.fixture(loop_scope="module")
async def taker(gateway: Gateway) -> AsyncIterator[Taker]:
    taker = Taker(gateway)
    with closing(taker.snapshots):
        yield taker
        for held in taker.snapshots.all():
            taker.snapshots.remove(held.snapshot.name)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key of this test's own, under the default rule: strict."""
    return f"k/{request.node.name}"
