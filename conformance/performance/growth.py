"""Growth: P11, what a hit, a restart, a look-up and an eviction cost as more is cached."""

import gc
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from conformance.performance import growth_fill
from conformance.performance.asking import asks
from conformance.performance.figures import Bar, Outcome, Samples, ratio_of
from conformance.performance.gateway import Gateway
from conformance.performance.load import send_requests
from conformance.performance.origins import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from conformance.performance.tools import pinned, running, wait_file
from conformance.performance.workplace import GATEWAY_CORE, LOAD_CORE, Workplace
from gateway.model.names import ObjectName

_LOOKUPS = 20_000
_EVICTED_SEGMENTS = 3


@dataclass(slots=True)
class _Grown:
    """What was found at one size."""

    rate_one: list[float] = field(default_factory=list)
    rate_many: list[float] = field(default_factory=list)
    ready_seconds: list[float] = field(default_factory=list)
    memory_bytes: int = 0
    index_bytes: int = 0
    fill_seconds: float = 0.0
    lookup_us: float = 0.0
    evicted_per_second: float = 0.0


def growth(place: Workplace) -> Outcome:
    """P11: hits, restarts, look-ups, memory, eviction at 1 thousand to 10 million cached chunks."""
    sizes = (1_000, 10_000, 100_000) if place.is_quick else (1_000, 100_000, 10_000_000)
    grown = {size: _filled(place.folder / str(size), size) for size in sizes}
    for _ in range(place.scaled(3, 1)):
        for size in sizes:
            _serve(place, place.folder / str(size), grown[size])
    for size in sizes:
        _look_up_and_evict(place.folder / str(size), size, grown[size])
    return _outcome(sizes, grown)


def _filled(folder: Path, chunks: int) -> _Grown:
    begun = time.perf_counter()
    growth_fill.fill(folder / "flash", BUCKET, chunks)
    growth_fill.write_back(folder / "flash")
    gc.collect()
    return _Grown(fill_seconds=time.perf_counter() - begun)


def _serve(place: Workplace, folder: Path, found: _Grown) -> None:
    """Start on the directory, and ask for one object, then for a thousand of them in turn."""
    begun = time.perf_counter()
    with _gateway(folder) as gateway:
        found.ready_seconds.append(time.perf_counter() - begun)
        keys = [f"grown/{number}" for number in range(growth_fill.SMALL)]
        random.Random(11).shuffle(keys)
        seconds = place.scaled(5, 2)
        for rates, asked in ((found.rate_one, keys[:1] * 4096), (found.rate_many, keys * 4)):
            requests = asks(gateway, asked)
            send_requests(gateway, requests, folder, clients=16, seconds=1, core=LOAD_CORE)
            rate = send_requests(
                gateway, requests, folder, clients=16, seconds=seconds, core=LOAD_CORE
            )
            rates.append(rate.requests_per_second)
        found.memory_bytes = gateway.memory_bytes()


@contextmanager
def _gateway(folder: Path) -> Iterator[Gateway]:
    """Run a gateway of one worker on the filled directory; its origin is never asked."""
    configuration, ready = folder / "forebay.toml", folder / "ready.json"
    ready.unlink(missing_ok=True)
    configuration.write_text(
        _SETTINGS.format(
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            bucket=BUCKET,
            size=growth_fill.SIZE_BYTES,
            chunk_size=growth_fill.CHUNK_BYTES,
        )
    )
    command = [*pinned(GATEWAY_CORE), sys.executable, "-m", "gateway", "serve"]
    command += ["--config", str(configuration), "--ready-file", str(ready)]
    with running(command, folder / "log") as process:
        said = json.loads(wait_file(process, ready))
        yield Gateway(urlsplit(said["s3"]).port or 0, process=process)


def _look_up_and_evict(folder: Path, chunks: int, found: _Grown) -> None:
    """Look rows and extents up at random, then evict segments by the gateway's own way."""
    volume = growth_fill.open_volume(folder / "flash")
    try:
        chance = random.Random(3)
        names = [
            ObjectName(BUCKET, f"grown/{chance.randrange(min(chunks, growth_fill.SMALL))}")
            for _ in range(_LOOKUPS)
        ]
        begun = time.perf_counter()
        for name in names:
            row = volume.index.find_row(name)
            assert row is not None
            assert volume.index.extents(row.body, range(1))
        found.lookup_us = (time.perf_counter() - begun) / _LOOKUPS * 1e6
        found.index_bytes = volume.index.used_bytes()
        before = volume.index.counts()["chunks"]
        begun = time.perf_counter()
        volume.space.evict_next(_EVICTED_SEGMENTS)
        gone = before - volume.index.counts()["chunks"]
        found.evicted_per_second = gone / (time.perf_counter() - begun)
    finally:
        volume.close()


def _outcome(sizes: tuple[int, ...], grown: dict[int, _Grown]) -> Outcome:
    samples = [
        one
        for size in sizes
        for one in (
            Samples(f"{size:,} chunks, one object", "GET/s", tuple(grown[size].rate_one)),
            Samples(f"{size:,} chunks, 1,000 objects", "GET/s", tuple(grown[size].rate_many)),
            Samples(f"{size:,} chunks, ready", "s", tuple(grown[size].ready_seconds)),
            Samples(f"{size:,} chunks, look-up", "us", (grown[size].lookup_us,)),
            Samples(f"{size:,} chunks, memory", "MB", (grown[size].memory_bytes / 1e6,)),
            Samples(f"{size:,} chunks, index", "B a chunk", (grown[size].index_bytes / size,)),
            Samples(f"{size:,} chunks, eviction", "chunks/s", (grown[size].evicted_per_second,)),
            Samples(f"{size:,} chunks, filling", "s", (grown[size].fill_seconds,)),
        )
    ]
    by_subject = {one.subject: one for one in samples}
    first, bars = sizes[0], []
    for size in sizes[1:]:
        for what in ("one object", "1,000 objects"):
            ratio = ratio_of(by_subject, f"{size:,} chunks, {what}", f"{first:,} chunks, {what}")
            bars.append(Bar(f"{what}: {size:,} of {first:,}", ratio, 0.9))
    for size in sizes:
        ready = by_subject[f"{size:,} chunks, ready"].median
        bars.append(Bar(f"ready after a restart with {size:,}", ready, 2.0, is_ceiling=True))
    return Outcome(
        "P11",
        "growth: what a hit, a restart, a look-up and an eviction cost with more cached",
        tuple(samples),
        tuple(bars),
        (
            "4 KiB chunks, `immutable`, one worker on one core, 16 clients",
            "rows, records and index written by the gateway's code; bodies are holes in files",
            "eviction: whole segments by their records, one process, nothing hot in them",
        ),
    )


_SETTINGS = """\
[s3]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[origin]
endpoint = "http://127.0.0.1:9"
region = "{region}"
access_key = "{access_key}"
secret_key = "{secret_key}"
[flash]
path = "flash"
size = {size}
chunk_size = {chunk_size}
[workers]
count = 1
[log]
access = "off"
level = "warning"
[[identities]]
name = "performance"
access_key = "{access_key}"
secret_key = "{secret_key}"
policy = "admin"
[[rules]]
match = "{bucket}/*"
freshness = "immutable"
"""
