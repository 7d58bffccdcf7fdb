"""A disk that does not answer holds up its resizing, and nothing that is told after it."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import ADMIN, gateway_settings
from tests.support.gateway_worker import running_worker, until


async def test_identities_are_revoked_while_the_disk_does_not_answer(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = {"name": "admin", "access_key": ADMIN[0], "secret_key": ADMIN[1], "policy": "admin"}
    nobody = {**admin, "secret_key": "another"}
    settings, revoked = (
        gateway_settings(origin.endpoint, tmp_path / "flash", identities=[one])
        for one in (admin, nobody)
    )
    answers = threading.Event()
    async with running_worker(settings, monkeypatch) as gateway:
        monkeypatch.setattr(gateway.flash, "_patience_seconds", 0.1)
        stuck = gateway.flash._lifeline.keeper.call(answers.wait)
        try:
            for again in (settings, revoked):
                await gateway.reloads.put(again)
            async with asyncio.timeout(10):
                await until(gateway.reloads.empty)
                while (await gateway.client.ask("GET", "/bucket")).status != 403:
                    pass
        finally:
            answers.set()
            await asyncio.wrap_future(stuck)
