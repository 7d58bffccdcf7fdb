"""The trials of row C5: bits flip, fills are killed, the power fails; no reader may notice.

The tests run them small, `conformance/run.py integrity` long; what they assert is in neither place
but here. In all of them every byte of every answer is compared, and at the end flash is checked
with its data.
"""

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.demo.origin import EmbeddedOrigin
from gateway.flash.residency import is_resident
from tests.simulation.load import Crowd
from tests.simulation.patterns import PatternBlob
from tests.simulation.trials import CLIENTS, Result, cold_bytes, objects_at, warm
from tests.support.gateway_run import GatewayRun

_PAGE_BYTES: Final = 4096
_ANOTHER_BOOT: Final = "11111111-2222-3333-4444-555555555555 open\n"
_SYNCED: Final = frozenset({"layout", "keys"})
"""What is on the disk before anything relies on it; so is `boot`, which tells of another boot."""
_POINTS: Final = (
    "segment.create",
    "segment.write",
    "record.append",
    "record.appended",
    "index.commit",
    "index.committed",
)
_CLEANINGS_MAX: Final = 5
_POINT_SECONDS_MAX: Final = 1.5
_FAULT_SECONDS: Final = 0.15
"""The gateway looks at its faults every tenth of a second."""


async def flip_bits(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    *,
    flips: int,
    is_live: bool,
    chance: random.Random,
) -> Result:
    """Flip bits of what is on flash: in the page cache under load, or on the disk between reads."""
    kind = "in memory, under load" if is_live else "on the disk"
    result = Result(f"bit flips {kind} ({_kept(gateway)})")
    await warm(gateway, origin, objects)
    before = origin.counters.body_bytes_sent
    for _ in range(flips):
        async with Crowd(gateway, objects, CLIENTS if is_live else 1) as crowd:
            if is_live:
                await crowd.wait_requests(CLIENTS)
            else:
                for reader in crowd.readers:
                    reader.is_stopped = True
            if is_live:
                _flip(_used_places(gateway, chance), is_on_disk=False)
                await crowd.wait_requests(CLIENTS)
        if not is_live:
            _flip(_used_places(gateway, chance), is_on_disk=True)
            async with Crowd(gateway, objects, CLIENTS) as crowd:
                await crowd.wait_requests(CLIENTS)
        _take(result, crowd)
    await warm(gateway, origin, objects)
    result.figures = {
        "flips": flips,
        "bytes fetched again": origin.counters.body_bytes_sent - before,
    }
    result.failures += await _problems(gateway, origin, objects)
    return result


def _used_places(gateway: GatewayRun, chance: random.Random) -> tuple[Path, int, int]:
    """Return a file of bodies, a place in it that is not empty, and a bit."""
    files = sorted((gateway.flash_path / "segments").glob("*.seg"))
    while True:
        path = chance.choice(files)
        at = chance.randrange(path.stat().st_size)
        with path.open("rb", buffering=0) as file:
            # Else the kernel reads ahead, and brings to memory what readers judge when they do.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            page = os.pread(file.fileno(), _PAGE_BYTES, at // _PAGE_BYTES * _PAGE_BYTES)
        if any(page):  # what was never written to is nobody's
            return path, at, 1 << chance.randrange(8)


def _flip(place: tuple[Path, int, int], *, is_on_disk: bool) -> None:
    path, at, bit = place
    with path.open("r+b", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([byte ^ bit]), at)
        if is_on_disk:
            # A disk that rots changes no memory: who reads next must come from the disk.
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert not is_resident(file.fileno(), at, 1)


async def kill_fills(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    *,
    kills: int,
    size: int,
    first: int,
    chance: random.Random,
) -> Result:
    """kill -9 in the middle of fills: of everything at any moment, of workers at named points."""
    result = Result(f"kills inside a fill ({_kept(gateway)})")
    at_points = 0
    for number in range(kills):
        cold = objects_at(origin, 2, size, first=first + 2 * number)
        if number % 2:
            at_points += await _kill_at_point(gateway, cold, result, chance)
        else:
            await _kill_at_any_moment(gateway, origin, cold, result, chance)
        some = dict(chance.sample(sorted(objects.items()), 2))
        for _ in range(2):
            await cold_bytes(gateway, origin, {**cold, **some})
        result.requests += 8
        if number % 10 == kills % 10:
            result.failures += await gateway.flash_problems()
    result.figures = {"kills": kills, "of these at named points": at_points}
    result.failures += await _problems(gateway, origin, objects)
    return result


async def _kill_at_any_moment(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    cold: Mapping[str, PatternBlob],
    result: Result,
    chance: random.Random,
) -> None:
    size = sum(blob.size for blob in cold.values())
    enough = origin.counters.body_bytes_sent + chance.randrange(size)
    async with Crowd(gateway, cold, 4, whole_share=1.0) as crowd:
        async with asyncio.timeout(60):
            while origin.counters.body_bytes_sent < enough:  # noqa: ASYNC110 - sets no event
                await asyncio.sleep(0.001)
        gateway.kill_everything()
        for reader in crowd.readers:
            reader.is_stopped = True
    _take(result, crowd, is_cut=True)
    await asyncio.to_thread(gateway.start)


async def _kill_at_point(
    gateway: GatewayRun, cold: Mapping[str, PatternBlob], result: Result, chance: random.Random
) -> bool:
    """Have the workers killed where they pass a point of a write; return whether one was."""
    before = gateway.worker_pids()
    point = chance.choice(_POINTS)
    # A segment is made seldom, the other points are passed for every chunk.
    times = 1 if point == "segment.create" else chance.randint(1, 4)
    gateway.break_flash(f"{point}=kill:{times}")
    await asyncio.sleep(_FAULT_SECONDS)
    async with Crowd(gateway, cold, 4, whole_share=1.0) as crowd:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POINT_SECONDS_MAX):
                while gateway.worker_pids() == before:  # noqa: ASYNC110 - a death sets no event
                    await asyncio.sleep(0.01)
        gateway.heal_flash()
        for reader in crowd.readers:
            reader.is_stopped = True
    _take(result, crowd, is_cut=True)
    was_killed = gateway.worker_pids() != before
    await asyncio.to_thread(gateway.wait_workers, 2)
    return was_killed


async def lose_power(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    *,
    images: int,
    size: int,
    first: int,
    chance: random.Random,
) -> Result:
    """Start from images of flash in which any page that was not synced may be lost."""
    result = Result(f"power losses ({_kept(gateway)})")
    lost_pages = 0
    older = gateway.folder / "older"
    for number in range(images):
        await warm(gateway, origin, objects)
        shutil.rmtree(older, ignore_errors=True)
        shutil.copytree(gateway.flash_path, older, ignore_dangling_symlinks=True)
        cold = objects_at(origin, 3, size, first=first + 3 * number)
        enough = origin.counters.body_bytes_sent + chance.randrange(size, 3 * size)
        async with Crowd(gateway, {**objects, **cold}, CLIENTS, whole_share=0.8) as crowd:
            async with asyncio.timeout(60):
                while origin.counters.body_bytes_sent < enough:  # noqa: ASYNC110 - sets no event
                    await asyncio.sleep(0.001)
            gateway.kill_everything()
            for reader in crowd.readers:
                reader.is_stopped = True
        _take(result, crowd, is_cut=True)
        lost_pages += _drop_unsynced(gateway.flash_path, older, chance)
        await asyncio.to_thread(gateway.start)
        async with Crowd(gateway, {**objects, **cold}, CLIENTS) as crowd:
            await crowd.wait_requests(5 * CLIENTS)
        _take(result, crowd)
        result.failures += await _problems(gateway, origin, {**objects, **cold})
    shutil.rmtree(older, ignore_errors=True)
    result.figures = {"images": images, "pages that were lost": lost_pages}
    return result


def _drop_unsynced(flash: Path, older: Path, chance: random.Random) -> int:
    """Turn flash into what a power loss might leave of it; return how many pages are lost.

    Of each file any page may be as it was before (or empty, where there was none), and its length
    too; of files that are new any may be missing. Nothing is assumed of the order of writes.
    """
    lost = 0
    share = chance.choice((0.1, 0.3, 0.6, 0.95))
    for path in sorted(path for path in flash.rglob("*") if path.is_file()):
        if path.name in _SYNCED:
            continue
        before = older / path.relative_to(flash)
        if not before.exists() and chance.random() < share / 2:
            path.unlink()
            continue
        old = before.read_bytes() if before.exists() else b""
        lost += _drop_pages(path, old, share, chance)
    (flash / "boot").write_text(_ANOTHER_BOOT)
    return lost


def _drop_pages(path: Path, old: bytes, share: float, chance: random.Random) -> int:
    new = bytearray(path.read_bytes())
    lost = 0
    for at in range(0, len(new), _PAGE_BYTES):
        page = new[at : at + _PAGE_BYTES]
        before = old[at : at + len(page)].ljust(len(page), b"\0")
        if page != before and chance.random() < share:
            new[at : at + _PAGE_BYTES] = before
            lost += 1
    if old and len(old) != len(new) and chance.random() < share:
        new = new[: len(old)].ljust(len(old), b"\0")
    path.write_bytes(new)
    return lost


async def all_at_once(
    gateway: GatewayRun,
    origin: EmbeddedOrigin,
    objects: Mapping[str, PatternBlob],
    *,
    rounds: int,
    size: int,
    first: int,
    chance: random.Random,
) -> Result:
    """Flip bits while workers are killed and the disk fails, with new objects coming in."""
    result = Result(f"several faults at once ({_kept(gateway)})")
    await warm(gateway, origin, objects)
    for number in range(rounds):
        mixed = {**objects, **objects_at(origin, 3, size, first=first + 3 * number)}
        async with Crowd(gateway, mixed, CLIENTS) as crowd:
            await crowd.wait_requests(CLIENTS)
            gateway.break_flash(chance.choice(("segment.write=EIO", "index.commit=ENOSPC")))
            _flip(_used_places(gateway, chance), is_on_disk=False)
            await crowd.wait_requests(2 * CLIENTS)
            _flip(_used_places(gateway, chance), is_on_disk=False)
            await asyncio.to_thread(gateway.kill_worker, number)
            gateway.heal_flash()
            await crowd.wait_requests(2 * CLIENTS)
            await asyncio.to_thread(gateway.wait_workers, 2)
        _take(result, crowd, is_cut=True)
        result.failures += await _problems(gateway, origin, mixed)
    result.figures = {"rounds, each 2 flips, a kill and a failing disk": rounds}
    return result


def _take(result: Result, crowd: Crowd, *, is_cut: bool = False) -> None:
    """Add what a crowd saw; what was killed breaks connections, and nothing else."""
    result.requests += crowd.counts["requests"]
    result.failures += [words for words in crowd.failures if not (is_cut and "Error" in words)]


async def _problems(
    gateway: GatewayRun, origin: EmbeddedOrigin, objects: Mapping[str, PatternBlob]
) -> list[str]:
    """Return what is wrong with flash once everything was read: what is bad shows when read."""
    problems: list[str] = []
    for _ in range(_CLEANINGS_MAX):
        await warm(gateway, origin, objects)
        problems = await gateway.flash_problems()
        if not problems:
            break
    return problems


def _kept(gateway: GatewayRun) -> str:
    flash = gateway.settings.flash
    return f"verify {flash.verify}, {'sealed' if flash.is_sealed else 'plain'}"
