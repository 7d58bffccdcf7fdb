"""A gateway of two real workers before an embedded origin with large objects, one per module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.demo.origin import EmbeddedOrigin, running_origin
from tests.support.gateway_run import GatewayRun
from tests.support.origins import new_origin

FLASH_BYTES = 48 << 20
CHUNK_BYTES = 256 * 1024


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def origin() -> AsyncIterator[EmbeddedOrigin]:
    async with running_origin(new_origin()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def run(
    origin: EmbeddedOrigin, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayRun]:
    started = GatewayRun(
        tmp_path_factory.mktemp("gateway"),
        origin.endpoint,
        flash={"size": FLASH_BYTES, "chunk_size": CHUNK_BYTES},
        rules=[],
    )
    started.start()
    yield started
    started.close()
