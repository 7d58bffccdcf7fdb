"""A whole worker in the test's own event loop: settings in, an endpoint out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from gateway.assembly import core, snapshots, worker
from gateway.doors.http_server import listening_socket
from gateway.flash.store import Flash
from gateway.model.names import ObjectName
from gateway.settings.tree import Settings
from tests.support.gateway_settings import ADMIN, READER, STRANGER
from tests.support.signed_client import Reply, SignedClient


@dataclass
class SettableClock:
    """The wall clock of the core, which a test may put forward instead of sleeping."""

    ahead_seconds: float = 0.0

    def time_ns(self) -> int:
        return time.time_ns() + int(self.ahead_seconds * 1e9)


@dataclass
class Gateway:
    """A running worker and its clients."""

    endpoint: str
    webhdfs: str
    """The WebHDFS door's URL; nobody listens there unless the settings say so."""
    settings: Settings
    session: aiohttp.ClientSession
    clock: SettableClock
    reloads: asyncio.Queue[Settings] = field(default_factory=asyncio.Queue)
    opened: list[Flash] = field(default_factory=list)

    @property
    def flash(self) -> Flash:
        """The worker's own, to look into."""
        return self.opened[0]

    @property
    def flash_path(self) -> Path:
        return self.settings.flash.path

    async def warm(self, bucket: str, key: str) -> Reply:
        """Read an object, and return once its body lies on flash."""
        reply = await self.client.get(bucket, key)
        assert reply.status == 200, reply
        await until(lambda: self.is_on_flash(bucket, key))
        return reply

    def is_on_flash(self, bucket: str, key: str) -> bool:
        """Return whether every chunk of the version known is on flash."""
        row = self.flash.find_row(ObjectName(bucket, key))
        if row is None:
            return False
        count = -(-row.version.size // self.settings.flash.chunk_size)
        return len(self.chunks_on_flash(bucket, key)) == count

    def chunks_on_flash(self, bucket: str, key: str) -> list[int]:
        """Return the numbers of the chunks of the version known that are on flash."""
        row = self.flash.find_row(ObjectName(bucket, key))
        if row is None:
            return []
        numbers = range(-(-row.version.size // self.settings.flash.chunk_size))
        return list(self.flash.extents(row.body, numbers))

    @property
    def client(self) -> SignedClient:
        return self.as_principal(ADMIN)

    @property
    def reader(self) -> SignedClient:
        return self.as_principal(READER)

    @property
    def stranger(self) -> SignedClient:
        return self.as_principal(STRANGER)

    def as_principal(self, keys: tuple[str, str], token: str | None = None) -> SignedClient:
        return SignedClient(self.session, self.endpoint, *keys, token)


@asynccontextmanager
async def running_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """Serve by `settings` until the block ends, under a clock that the test may set."""
    # Bound but not listening, this socket keeps the port ours.
    with (
        listening_socket("127.0.0.1", 0) as reserved,
        listening_socket("127.0.0.1", 0) as reserved_too,
    ):
        port, webhdfs_port = (one.getsockname()[1] for one in (reserved, reserved_too))
        async with _session() as session, asyncio.TaskGroup() as tasks:
            urls = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{webhdfs_port}"
            gateway = Gateway(*urls, settings, session, SettableClock())
            _watch(gateway, monkeypatch)
            ready, stop = asyncio.Event(), asyncio.Event()
            ports = port, webhdfs_port
            worker = tasks.create_task(_serve(gateway, ports, ready, stop))
            is_ready = tasks.create_task(ready.wait())
            await asyncio.wait({is_ready, worker}, return_when=asyncio.FIRST_COMPLETED)
            is_ready.cancel()
            if worker.done():
                worker.result()
            try:
                yield gateway
            finally:
                stop.set()


def _watch(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put in the clock, and keep the flash that the worker opens."""
    really_open = Flash.open

    async def open_and_keep(*where: Any, **how: Any) -> Flash:
        gateway.opened.append(await really_open(*where, **how))
        return gateway.opened[-1]

    monkeypatch.setattr(core.Flash, "open", open_and_keep)
    for module in (core, snapshots):
        monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=gateway.clock.time_ns))


async def _serve(
    gateway: Gateway, ports: tuple[int, int], ready: asyncio.Event, stop: asyncio.Event
) -> None:
    async def reloads() -> AsyncIterator[Settings]:
        while True:
            yield await gateway.reloads.get()

    await worker.run_worker(
        gateway.settings,
        worker_number=0,
        listen_port=ports[0],
        webhdfs_port=ports[1],
        on_ready=ready.set,
        reloads=reloads(),
        stop=stop,
    )


def _session() -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=60),
    )
    session._retry_connection = False  # what is asked once is answered once
    return session


async def until(condition: Callable[[], bool], *, seconds_max: float = 20.0) -> None:
    """Return once the condition is true, looked at every few milliseconds; fail at the deadline."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110 - the conditions are the gateway's, and set no event
            await asyncio.sleep(0.002)
