"""Load on a gateway: clients that read at random, compare every byte, and keep account.

Each client has one connection of its own for as long as it lasts, so that it is known whose worker
failed when a request did.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from tests.simulation.patterns import PatternBlob
from tests.support.connection_owners import connection_owners
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.signed_client import SignedClient, object_path


@dataclass(slots=True)
class Account:
    """What one client's requests came to."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Reader:
    """A client that reads until it is told to stop."""

    gateway: GatewayRun
    objects: Mapping[str, PatternBlob]
    chance: random.Random
    account: Account = field(default_factory=Account)
    part_bytes_max: int = 1 << 20
    whole_share: float = 0.3
    is_stopped: bool = False
    connector: aiohttp.TCPConnector | None = None

    async def run(self) -> None:
        """Read one after the other."""
        while not self.is_stopped:
            # A connection that broke is replaced by a new session: nothing else is reused.
            self.connector = aiohttp.TCPConnector(limit=1)
            session = aiohttp.ClientSession(
                connector=self.connector,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=60),
            )
            session._retry_connection = False
            async with session:
                client = SignedClient(session, self.gateway.endpoint, *ADMIN)
                while not self.is_stopped and await self._read(client):
                    pass

    async def _read(self, client: SignedClient) -> bool:
        """Read an object or a part of one; return whether the connection is still good."""
        key = self.chance.choice(list(self.objects))
        blob = self.objects[key]
        start, stop = self._span(blob)
        headers = {"Range": f"bytes={start}-{stop - 1}"} if (start, stop) != (0, blob.size) else {}
        try:
            async with client.opened("GET", object_path("bucket", key), headers=headers) as answer:
                await self._compare(answer, blob, start, stop)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.account.failures.append(f"{key} {start}-{stop}: {error!r}")
            return False
        return True

    def _span(self, blob: PatternBlob) -> tuple[int, int]:
        if self.chance.random() < self.whole_share:
            return 0, blob.size
        start = self.chance.randrange(blob.size)
        return start, min(blob.size, start + self.chance.randint(1, self.part_bytes_max))

    async def _compare(
        self, answer: aiohttp.ClientResponse, blob: PatternBlob, start: int, stop: int
    ) -> None:
        self.account.counts["requests"] += 1
        self.account.counts[f"cache {answer.headers.get('X-Cache', '-')}"] += 1
        if answer.status not in (200, 206):
            body = await answer.read()
            self.account.failures.append(f"{answer.status} {body[:200]!r}")
            return
        position = start
        async for piece in answer.content.iter_any():
            if piece != blob.read(position, position + len(piece)):
                self.account.failures.append(f"wrong bytes at {position}")
            position += len(piece)
        self.account.counts["bytes"] += position - start
        if position != stop:
            self.account.failures.append(f"{position - start} bytes instead of {stop - start}")


class Crowd:
    """Readers that run as long as the block lasts."""

    def __init__(
        self, gateway: GatewayRun, objects: Mapping[str, PatternBlob], clients: int, **how: object
    ) -> None:
        self.readers = [
            Reader(gateway, objects, random.Random(number), **how)  # type: ignore[arg-type]
            for number in range(clients)
        ]
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        for reader in self.readers:
            self._tasks.create_task(reader.run())
        return self

    async def __aexit__(self, *how: object) -> None:
        for reader in self.readers:
            reader.is_stopped = True
        await self._tasks.__aexit__(*how)  # type: ignore[arg-type]

    @property
    def counts(self) -> Counter[str]:
        """The sum of all accounts."""
        return sum((reader.account.counts for reader in self.readers), Counter())

    @property
    def failures(self) -> list[str]:
        """All failures of all clients."""
        return [words for reader in self.readers for words in reader.account.failures]

    async def wait_requests(self, count: int, *, seconds_max: float = 60.0) -> None:
        """Return once that many more requests were answered."""
        aim = self.counts["requests"] + count
        async with asyncio.timeout(seconds_max):
            while self.counts["requests"] < aim:  # noqa: ASYNC110 - progress sets no event
                await asyncio.sleep(0.01)

    def by_worker(self, port: int, pids: list[int]) -> dict[int, list[Reader]]:
        """Return whose connections are which worker's, by the kernel's own tables."""
        owners = connection_owners(port, pids)
        found: dict[int, list[Reader]] = {pid: [] for pid in pids}
        for reader in self.readers:
            pid = owners.get(_local_port(reader))
            if pid is not None:
                found[pid].append(reader)
        return found


def _local_port(reader: Reader) -> int:
    """Return the port that a reader's connection comes from; 0 where it has none now."""
    connector = reader.connector
    if connector is None:
        return 0
    handlers = [*connector._acquired, *(h for held in connector._conns.values() for h, _ in held)]
    for handler in handlers:
        transport = getattr(handler, "transport", None)
        name = transport.get_extra_info("sockname") if transport is not None else None
        if name:
            return int(name[1])
    return 0
