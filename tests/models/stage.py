"""Where the machine plays: an observed origin, a gateway of real processes, and the reference.

Every request is timed and judged. What may go wrong is said as narrowly as it can be: an answer may
be a 503 or cut only where a fault was at work, a process was killed, or the object changed under
the read; it may never be a wrong byte.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault, Gate
from tests.models.observed_origin import META, observe, value_of
from tests.models.reference_store import (
    BrokenPromiseError,
    Key,
    PendingWrite,
    ReferenceStore,
    Seen,
    Value,
)
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient, object_path

BOUNDED_SECONDS = 1.0
FLASH_BYTES = 8 << 20
WORKERS = 2
RECOVERED_SECONDS_MAX = 20.0
AFTERMATH_SECONDS = 2.0
"""How long after a kill or fault its consequences may still be met."""
_ANSWER_SECONDS_MAX = 20.0
EAGER_FOR_PAGES = """
from gateway.core import batching
batching.ROOM_MIN = batching.ROOM_MAX = batching.GAIN_MIN = 1.0
batching._GAIN_OF_COST, batching.CREDIT_MAX = 0.0, 1e9
"""
"""Whoever would be the second to ask about a bucket waits for a page, and any page is worth it."""


class Stall(Gate):
    """A gate that opens on its own: the origin is slow for a moment."""

    async def wait_open(self) -> None:
        await asyncio.sleep(0.03)


FAULTS: Mapping[str, Fault] = {
    "503": Fault(code="ServiceUnavailable"),
    "500": Fault(code="InternalError"),
    "reset": Fault(is_reset=True),
    "answer lost": Fault(is_answer_lost=True),
    "truncated at 0": Fault(truncate_bytes=0),
    "truncated at 1": Fault(truncate_bytes=1),
    "truncated within": Fault(truncate_bytes=20_000),
    "stalled": Fault(stall_bytes=10, stall=Stall()),
    "answers late": Fault(hold_answer=Stall()),
    "called late": Fault(hold_call=Stall()),
}


@dataclass(slots=True)
class OriginClock:
    """The origin's clock, which a test may put forward and which never goes back."""

    floor: float = 0.0

    def __call__(self) -> float:
        self.floor = max(self.floor, time.time())
        return self.floor

    def pass_beyond(self, moment: float) -> None:
        """Let at least until the second after `moment` pass."""
        self.floor = max(self(), moment + 1)


@dataclass(slots=True)
class Outcome:
    """What one request came to."""

    seen: Seen | None
    """None where there was no answer at all."""
    begin: float
    end: float


class Stage:
    """Everything the machine acts on; the same through all examples of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = asyncio.Runner()
        self.counts: Counter[str] = Counter()
        self.store = ReferenceStore()
        self.origin: EmbeddedOrigin = new_origin()
        self.clock = self.origin.store.clock = OriginClock()
        self.faults_left: list[Fault] = []
        self.disturbed_at = float("-inf")
        self.chance = random.Random(0)
        self.is_disturbed = False
        """Whether anything was done since the last healing that needs one."""
        self._last_cache = ""
        self._numbers = 0
        self._kills_are_expected = False
        self._stack = AsyncExitStack()

    def open(self) -> None:
        """Start origin and gateway."""
        self.runner.run(self._stack.enter_async_context(running_origin(self.origin)))
        observe(self.origin, "bucket", self._told)
        observe(self.origin, "versioned", self._told, versioning="Enabled")
        observe(self.origin, "listed", self._told)
        self.origin.make_bucket("probe")
        self.origin.store.part_bytes_min = 1
        self.origin.faults.append(self._fault)
        # A connection for each request: the kernel spreads them over the workers.
        connector_made = self._new_session()
        self.session = self.runner.run(connector_made)
        self.gateway = GatewayRun(
            self.folder,
            self.origin.endpoint,
            flash={"size": FLASH_BYTES},
            workers={"count": WORKERS},
            origin={"list_consistency": "strong"},
            preface=EAGER_FOR_PAGES,
            rules=[
                {"match": "listed/*", "batch_validation": True},
                {"match": "bucket/bounded/*", "freshness": f"bounded({BOUNDED_SECONDS}s)"},
                {"match": "bucket/admit/*", "admit_on_write": True},
            ],
        )
        self.gateway.start()

    async def _new_session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=60),
        )
        session._retry_connection = False  # what is asked once is answered once
        return await self._stack.enter_async_context(session)

    def close(self) -> None:
        """End everything."""
        self.gateway.close()
        self.runner.run(self._stack.aclose())
        self.runner.close()

    def run(self, act: Awaitable[None]) -> None:
        """Carry out one step; origin and clients live only while steps run."""

        async def step() -> None:
            await act

        self.runner.run(step())

    @property
    def client(self) -> SignedClient:
        return SignedClient(self.session, self.gateway.endpoint, *ADMIN)

    def next_number(self) -> str:
        """Return the user metadata of a new write."""
        self._numbers += 1
        return str(self._numbers)

    def _told(self, key: Key, value: Value | None, now: float) -> None:
        self.store.commit(key, value, now)

    def _fault(self, call: Call) -> Fault | None:
        if not self.faults_left or not (call.key or call.operation == "ListObjectsV2"):
            return None
        self.disturbed_at = time.monotonic()
        self.counts["faults met"] += 1
        return self.faults_left.pop()

    # Writers

    def foreign(self, key: Key, value: Value | None, act: Callable[[], object]) -> None:
        """Write past the gateway: one synchronous step at the origin."""
        with self.store.foreign(key, value):
            act()
        self.counts["foreign writes"] += 1

    async def write(
        self, key: Key, value: Value | None, ask: Callable[[], Awaitable[int | None]]
    ) -> int | None:
        """Write through the gateway and judge the outcome; return its status."""
        pending: PendingWrite = self.store.begin(key, value)
        begin = time.monotonic()
        status = None
        try:
            status = await ask()
        except aiohttp.ClientError as error:
            self._excuse(key, begin, f"a write had no answer: {error!r}", is_write=True)
        if status is not None and status >= 500:
            self._excuse(key, begin, f"a write was answered {status}", is_write=True)
        self.store.end(pending, status, time.monotonic())
        self.counts["writes"] += 1
        return status

    # Readers

    async def read(self, key: Key, method: str = "GET", **headers: str) -> None:
        """Ask for a key until there is an answer, and judge that."""
        deadline = time.monotonic() + _ANSWER_SECONDS_MAX
        while time.monotonic() < deadline:
            outcome = await self._ask(key, method, headers)
            seen = outcome.seen
            if seen is None or seen.status >= 500:
                words = "no answer" if seen is None else str(seen.status)
                self._excuse(key, outcome.begin, f"{method} {key} got {words}")
                self.counts["reads unavailable"] += 1
                if seen is None and self._kills_are_expected:
                    self.heal_flash()  # else each worker that comes is killed as well
                await asyncio.sleep(0.01)  # a worker is being replaced
                continue
            if seen.is_cut:
                self._excuse(key, outcome.begin, f"{method} {key} was cut")
                self.counts["reads cut"] += 1
            self._judge(key, seen, outcome)
            if not seen.is_cut:
                return
        raise BrokenPromiseError("unavailable", f"{method} {key} {headers} found no answer")

    def _judge(self, key: Key, seen: Seen, outcome: Outcome) -> None:
        self.counts["reads checked"] += 1
        self.counts[f"answered {seen.status}"] += 1
        staleness = BOUNDED_SECONDS if key[1].startswith("bounded/") else 0.0
        try:
            self.store.judge(key, seen, outcome.begin, outcome.end, staleness_seconds=staleness)
        except BrokenPromiseError as broken:
            self.counts[broken.kind] += 1
            raise

    async def _ask(self, key: Key, method: str, headers: dict[str, str]) -> Outcome:
        begin = time.monotonic()
        body, is_cut = bytearray(), False
        try:
            async with self.client.opened(method, object_path(*key), headers=headers) as answer:
                try:
                    async for piece in answer.content.iter_any():
                        body += piece
                except aiohttp.ClientPayloadError:
                    is_cut = True
                except aiohttp.ClientOSError:
                    is_cut = True
                asked = headers.get("If-Match") or headers.get("If-None-Match") or ""
                seen = _seen(answer, bytes(body), is_cut=is_cut, asked=asked)
        except aiohttp.ClientError:
            return Outcome(None, begin, time.monotonic())
        self._last_cache = answer.headers.get("X-Cache", "-")
        self.counts["batched"] += '"batched"' in answer.headers.get("x-forebay-explain", "")
        self.counts[f"cache {self._last_cache}"] += 1
        return Outcome(seen, begin, time.monotonic())

    def _excuse(self, key: Key, begin: float, words: str, *, is_write: bool = False) -> None:
        """Raise unless something is known that may have caused the failure."""
        now = time.monotonic()
        if self._kills_are_expected or self.gateway.listeners < WORKERS:
            self.gateway.killed_at = now
        trouble = max(self.disturbed_at, self.gateway.killed_at)
        if trouble > begin - AFTERMATH_SECONDS:
            return
        if not is_write and self.store.has_changed(key, begin, now):
            return
        raise BrokenPromiseError("refused", f"{words}, and nothing was wrong")

    def arm(self, faults: list[Fault]) -> None:
        """Have the origin's next answers about objects go wrong so."""
        self.faults_left = faults
        self.is_disturbed = True
        self.disturbed_at = time.monotonic()

    def break_flash(self, faults: str) -> None:
        """Have flash fail, or kill workers at a named point, until it is healed."""
        self.gateway.break_flash(faults)
        self.is_disturbed = True
        self._kills_are_expected = "kill" in faults

    # Ends

    def settle(self) -> None:
        """Take every fault away."""
        self.faults_left.clear()
        self.is_disturbed = False
        self.heal_flash()

    async def wait_recovered(self) -> None:
        """Return once flash takes part again; it comes back by a probe, once a second."""
        self.origin.put("probe", "k", b"probe")
        async with asyncio.timeout(RECOVERED_SECONDS_MAX):
            in_a_row = 0
            while in_a_row < 2 * WORKERS:  # each comes to some worker
                outcome = await self._ask(("probe", "k"), "GET", {})
                is_back = outcome.seen is not None and self._last_cache != "BYPASS"
                in_a_row = in_a_row + 1 if is_back else 0
                await asyncio.sleep(0 if is_back else 0.02)

    def heal_flash(self) -> None:
        """Take the flash faults away; who was killed by them is being replaced still."""
        self.gateway.heal_flash()
        if self._kills_are_expected:
            self.gateway.killed_at = time.monotonic()
            self._kills_are_expected = False

    def assert_sound(self) -> None:
        """Raise unless flash is as it should be and the origin as the reference says."""
        problems = self.runner.run(self.gateway.flash_problems())
        assert problems == [], problems
        self.counts["flash checks"] += 1

    def origin_value(self, key: Key) -> Value | None:
        """Return what the origin has."""
        bucket, name = key
        found = self.origin.store.buckets[bucket].find(name)
        return None if found is None or found.is_delete_marker else value_of(found)


def _seen(answer: aiohttp.ClientResponse, body: bytes, *, is_cut: bool, asked: str) -> Seen:
    headers = answer.headers
    length = headers.get("Content-Length")
    part, size = None, int(length) if length is not None else None
    placed = headers.get("Content-Range", "").removeprefix("bytes ")
    if placed:
        where, _, whole = placed.partition("/")
        size = int(whole)
        if where != "*":
            first, last = where.split("-")
            part = int(first), int(last) + 1
    return Seen(
        status=answer.status,
        meta=headers.get(META, ""),
        body=body,
        size=size,
        etag=headers.get("ETag", ""),
        part=part,
        is_cut=is_cut,
        is_head=answer.method == "HEAD",
        asked=asked,
    )
