"""Fixtures that every room's tests may use: origins, embedded and real, bare and shaped."""

from collections.abc import AsyncIterator

import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from tests.support.origins import new_origin


@pytest.fixture
async def origin() -> AsyncIterator[EmbeddedOrigin]:
    """Serve an embedded origin in this test's event loop, with the bucket `bucket`."""
    async with running_origin(new_origin()) as running:
        running.make_bucket("bucket")
        yield running
