"""The trials of rows A6 and A7: each puts a gateway under load, strikes, and tells what happened.

The tests run them small, `conformance/run.py kills` and `flash-faults` long; what they assert is in
neither place but here.
"""

import asyncio
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gateway.demo.origin import EmbeddedOrigin
from gateway.flash.check import occupied_bytes
from tests.simulation.load import Crowd
from tests.simulation.patterns import PatternBlob, put_pattern
from tests.support.gateway_run import GatewayRun

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 8


@dataclass(slots=True)
class Result:
    """One trial's figures."""

    name: str
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


def objects_at(
    origin: EmbeddedOrigin, count: int, size: int, *, first: int = 0
) -> dict[str, PatternBlob]:
    """Put so many objects of that size into `bucket`."""
    origin.make_bucket("bucket")
    return {
        f"o/{number}": put_pattern(origin, "bucket", f"o/{number}", number, size)
        for number in range(first, first + count)
    }


async def warm(
    gateway: GatewayRun, origin: EmbeddedOrigin, objects: Mapping[str, PatternBlob]
) -> None:
    """Read every object until none costs the origin a byte."""
    async with asyncio.timeout(60):
        while await cold_bytes(gateway, origin, objects):
            pass


async def cold_bytes(
    gateway: GatewayRun, origin: EmbeddedOrigin, objects: Mapping[str, PatternBlob]
) -> int:
    """Read every object once; return the body bytes that the origin sent for that."""
    before = origin.counters.body_bytes_sent
    for key, blob in objects.items():
        async with Crowd(gateway, {key: blob}, 1, whole_share=1.0) as one:
            await one.wait_requests(1)
        assert one.failures == []
    return origin.counters.body_bytes_sent - before


async def kill_worker_under_load(
    gateway: GatewayRun, objects: Mapping[str, PatternBlob], *, kills: int, requests: int
) -> Result:
    """kill -9 of a worker: only its own connections break, and it is replaced."""
    result = Result("kill -9 of a worker under load")
    port, broken, spared = int(gateway.endpoint.rpartition(":")[2]), 0, 0
    for number in range(kills):
        await asyncio.to_thread(gateway.wait_workers, 2)
        async with Crowd(gateway, objects, CLIENTS) as crowd:
            await crowd.wait_requests(requests)
            pids = gateway.worker_pids()
            owned = crowd.by_worker(port, pids)
            killed = pids[number % len(pids)]
            assert gateway.kill_worker(number) == killed
            theirs = [reader for pid in pids if pid != killed for reader in owned[pid]]
            await crowd.wait_requests(requests)
            await asyncio.to_thread(gateway.wait_workers, 2)
            await crowd.wait_requests(requests)
        spared += len(theirs)
        broken += sum(bool(reader.account.failures) for reader in owned[killed])
        result.requests += crowd.counts["requests"]
        for reader in crowd.readers:
            if reader in theirs or len(reader.account.failures) > 1:
                result.failures += reader.account.failures
        assert killed not in gateway.worker_pids()
    result.figures = {
        "kills": kills,
        "connections of others": spared,
        "connections of the killed that broke": broken,
    }
    return result


async def kill_everything(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    *,
    kills: int,
    requests: int,
) -> Result:
    """kill -9 of everything under load: what was warm is warm, and flash is sound."""
    result = Result("kill -9 of everything under load")
    cold = ready_seconds = 0.0
    for number in range(kills):
        await warm(gateway, origin, objects)
        extra = objects_at(origin, 4, 700_000, first=1000 + 10 * number)
        crowd = Crowd(gateway, {**objects, **extra}, CLIENTS)
        async with crowd:
            await crowd.wait_requests(requests)
            gateway.kill_everything()
            for reader in crowd.readers:
                reader.is_stopped = True
        result.requests += crowd.counts["requests"]
        result.failures += [words for words in crowd.failures if "Error" not in words]
        if number % 2:
            result.failures += await gateway.flash_problems()
        begun = time.monotonic()
        await asyncio.to_thread(gateway.start)
        ready_seconds = max(ready_seconds, time.monotonic() - begun)
        missing = await cold_bytes(gateway, origin, objects)
        cold += missing
        if missing:
            result.failures.append(f"{missing} warm bytes were lost")
        result.failures += await gateway.flash_problems()
    result.figures = {
        "kills": kills,
        "warm bytes that were cold after": int(cold),
        "slowest start, s": round(ready_seconds, 2),
    }
    return result


class SizeWatch:
    """Looks at a flash directory all the time; `highest_bytes` is the most it occupied."""

    def __init__(self, path: Path) -> None:
        self.highest_bytes = 0
        self.looks = 0
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.highest_bytes = max(self.highest_bytes, occupied_bytes(self._path))
            self.looks += 1
            self._stop.wait(0.01)


async def read_more_than_fits(
    gateway: GatewayRun, objects: Mapping[str, PatternBlob], *, size_bytes: int
) -> Result:
    """Read several times the size through: it is never exceeded, and nothing fails."""
    result = Result("more is read than fits")
    total = sum(blob.size for blob in objects.values())
    queue = list(objects.items())
    with SizeWatch(gateway.flash_path) as watch:

        async def read_rest() -> None:
            while queue:
                key, blob = queue.pop()
                async with Crowd(gateway, {key: blob}, 1, whole_share=1.0) as one:
                    await one.wait_requests(1, seconds_max=300)
                result.requests += one.counts["requests"]
                result.failures += one.failures

        await asyncio.gather(*(read_rest() for _ in range(4)))
    if watch.highest_bytes > size_bytes:
        result.failures.append(f"{watch.highest_bytes} bytes on flash, of {size_bytes}")
    result.failures += await gateway.flash_problems()
    result.figures = {
        "bytes read": total,
        "size": size_bytes,
        "highest": watch.highest_bytes,
        "looks": watch.looks,
    }
    return result


FAULTS = {
    "disk full": "segment.create=ENOSPC\nsegment.write=ENOSPC\nindex.commit=ENOSPC",
    "write error": "segment.write=EIO",
    "read error": "segment.read=EIO",
    "index error": "index.commit=EIO",
    "read-only": "segment.create=EROFS\nsegment.write=EROFS\nindex.commit=EROFS",
    "slow disk": "segment.write=slow:0.2\nsegment.read=slow:0.1\nindex.commit=slow:0.1",
    "directory vanished": "",
}
RECOVERED_SECONDS_MAX = 30.0


@contextmanager
def broken_flash(gateway: GatewayRun, faults: str) -> "Iterator[None]":
    """Break flash for the block: by its named points, or by taking the directory away."""
    if faults:
        gateway.break_flash(faults)
    else:
        gone = gateway.flash_path.with_name("gone")
        gateway.flash_path.rename(gone)
        shutil.rmtree(gone)
    try:
        yield
    finally:
        gateway.heal_flash()


async def flash_fault_under_load(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    name: str,
    *,
    requests: int,
) -> Result:
    """Break flash under load: no request fails; healed, it serves warm reads again."""
    result = Result(f"flash fault under load: {name}")
    # Some are not on flash yet, so that there is something to write.
    number = 10_000 + 100 * list(FAULTS).index(name)
    mixed = {**objects, **objects_at(origin, 4 * len(objects), 300_000, first=number)}
    async with Crowd(gateway, mixed, CLIENTS) as crowd:
        with broken_flash(gateway, FAULTS[name]):
            # The gateway looks at the faults every tenth of a second.
            begun = time.monotonic()
            while time.monotonic() < begun + 1.0:
                await crowd.wait_requests(requests)
            during = crowd.counts
        await crowd.wait_requests(requests)
    result.requests, result.failures = crowd.counts["requests"], crowd.failures
    healed = time.monotonic()
    async with asyncio.timeout(RECOVERED_SECONDS_MAX):
        await warm(gateway, origin, objects)
    result.figures = {
        "requests while broken": during["requests"],
        "bypassed of these": during["cache BYPASS"],
        "warm again after, s": round(time.monotonic() - healed, 1),
    }
    result.failures += await gateway.flash_problems()
    return result
