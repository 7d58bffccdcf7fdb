"""Clients who read at random, check every byte, and write down how it went."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic

import aiohttp
from yarl import URL

_TIMEOUT = aiohttp.ClientTimeout(total=300)
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Thing:
    """An object to read: its URL, signed, and what its bytes must come to."""

    url: str
    digest: str


@dataclass(frozen=True, slots=True)
class Read:
    """One read, as its client saw it."""

    began: float
    seconds: float
    outcome: str
    """`ok`, `wrong`, or what went wrong in a word: `503`, `503 without Retry-After`, `cut`."""


@dataclass(slots=True)
class Reads:
    """What many clients saw in one phase."""

    all: list[Read] = field(default_factory=list)

    def outcomes(self, since: float = 0.0) -> Counter[str]:
        """Return how many ended how, of those that began after `since`."""
        return Counter(one.outcome for one in self.all if one.began >= since)

    def quantile_ms(self, share: float) -> float:
        """Return how long a read took, in milliseconds; 0 without any."""
        taken = sorted(one.seconds for one in self.all)
        return round(1000 * taken[min(int(share * len(taken)), len(taken) - 1)], 1) if taken else 0

    def slowest_seconds(self, since: float = 0.0) -> float:
        """Return the longest of those that began after `since`."""
        return round(max((one.seconds for one in self.all if one.began >= since), default=0.0), 2)


class Crowd:
    """So many clients, each reading one thing after the other until told to stop."""

    def __init__(self, things: Mapping[str, list[Thing]], clients: int, seed: int) -> None:
        """Read four small things for each large one."""
        self._things = things
        self._clients = clients
        self._random = random.Random(seed)
        self._stopped = asyncio.Event()
        self.reads = Reads()

    def next_phase(self) -> Reads:
        """Return what was seen of a phase; what begins from now on belongs to the next."""
        ended, self.reads = self.reads, Reads()
        return ended

    def stop(self) -> None:
        """Let every client end its read, and begin no more."""
        self._stopped.set()

    async def run(self) -> None:
        """Read until stopped."""
        connector = aiohttp.TCPConnector(limit=self._clients)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(self._clients):
                tasks.create_task(self._client(session))

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while not self._stopped.is_set():
            size = "small" if self._random.random() < 0.8 else "large"
            thing = self._random.choice(self._things[size])
            reads, began = self.reads, monotonic()
            outcome = await _read(session, thing)
            reads.all.append(Read(began, monotonic() - began, outcome))


async def _read(session: aiohttp.ClientSession, thing: Thing) -> str:
    try:
        async with session.get(URL(thing.url, encoded=True)) as answer:
            digest = sha256()
            async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                digest.update(piece)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"cut: {type(error).__name__}"
    if answer.status != 200:
        polite = answer.status != 503 or "Retry-After" in answer.headers
        return f"{answer.status}" if polite else f"{answer.status} without Retry-After"
    return "ok" if digest.hexdigest() == thing.digest else "wrong"
