"""A worker of the test's own before an embedded origin."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker


@pytest.fixture
async def gateway(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(origin.endpoint, tmp_path / "flash")
    async with running_worker(settings, monkeypatch) as running:
        yield running
