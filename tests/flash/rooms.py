"""Flash for tests: opened, used, and checked at the end whatever the test did.

    async with checked_flash(tmp_path / "flash") as flash: ...

Other rooms' tests use it too, so that each of them ends with `flash.check()`.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from gateway.flash.check import occupied_bytes
from gateway.flash.faults import Faults
from gateway.flash.safeguards import Safeguards
from gateway.flash.store import Extent, Flash, Row
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.model.versions import Version, body_id

MIB = 1 << 20
CHUNK_BYTES = 64 * 1024


@contextlib.asynccontextmanager
async def checked_flash(
    path: Path,
    *,
    size_bytes: int = 32 * MIB,
    chunk_bytes: int = CHUNK_BYTES,
    segment_bytes: int | None = MIB,
    faults: Faults | None = None,
    probe_seconds: float = 0.05,
    patience_seconds: float = 10.0,
    rules: Rules | None = None,
    checked_bytes: int | None = None,
    safeguards: Safeguards | None = None,
) -> AsyncIterator[Flash]:
    """Yield an open flash of small segments; at the end assert that nothing is wrong with it."""
    flash = await Flash.open(
        path,
        size_bytes=size_bytes,
        chunk_bytes=chunk_bytes,
        segment_bytes=segment_bytes,
        writer="test",
        probe_seconds=probe_seconds,
        patience_seconds=patience_seconds,
        faults=faults or Faults(),
        rules=rules,
        safeguards=safeguards,
    )
    try:
        yield flash
        if flash.is_healthy:
            assert await flash.check(with_data=True) == []
            assert occupied_bytes(path) <= (checked_bytes or size_bytes)
    finally:
        await flash.close()


def row_of(key: str, size: int, *, etag: str = '"e"', confirmed_ns: int | None = None) -> Row:
    """Return the row of an object of `size` bytes in bucket `bucket`."""
    name = ObjectName("bucket", key)
    version = Version(etag, size, "Mon, 01 Jan 2024 00:00:00 GMT", None)
    body = body_id(name, version, CHUNK_BYTES)
    stamp = time.time_ns() if confirmed_ns is None else confirmed_ns
    return Row(name, version, body, (("Content-Type", "text/plain"),), stamp)


def data_of(row: Row, number: int, length: int) -> bytes:
    """Return the bytes that chunk `number` of `row` has in every process of every test."""
    return random.Random(row.body + number.to_bytes(4, "big")).randbytes(length)


async def fill(flash: Flash, row: Row, chunks: range, length: int) -> dict[int, Extent]:
    """Write those chunks and the row; return the extents of what there was room for."""
    run = await flash.reserve(row, chunks.start, [length] * len(chunks))
    if run is None:
        return {}
    try:
        extents = {}
        for number in run.numbers:
            extents[number] = await flash.write(run, number, data_of(row, number, length))
    finally:
        flash.finish(run)
    flash.put_row(row)
    return extents


async def read(flash: Flash, row: Row, number: int) -> bytes | None:
    """Return a chunk as the read path would, proven; None is a miss."""
    extent = flash.extents(row.body, range(number, number + 1)).get(number)
    if extent is None or not await flash.proven(row.body, number, extent):
        return None
    return flash.read_now(row.body, number, extent, 0, extent.body_bytes)


async def wait_for(condition: Callable[[], bool], seconds_max: float = 20.0) -> None:
    """Return once the condition is true, the loop running meanwhile; fail after the deadline."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110 - nobody could set an event for this
            await asyncio.sleep(0.005)
