"""An index that one process discards is no index to the others, from the next write on."""

from pathlib import Path

import pytest

from gateway.flash.store import Flash
from tests.flash.rooms import CHUNK_BYTES, MIB, row_of, wait_for


@pytest.fixture
async def flashes(tmp_path: Path):
    """Two that have one directory open; the second cannot open the index (LMDB, in one process)."""
    opened = [
        await Flash.open(
            tmp_path / "flash",
            size_bytes=32 * MIB,
            chunk_bytes=CHUNK_BYTES,
            segment_bytes=MIB,
            writer=writer,
            probe_seconds=0.5,
            distrust_path=tmp_path / "distrust",
        )
        for writer in ("one", "other")
    ]
    yield opened
    for flash in opened:
        await flash.close()


async def test_what_is_written_after_one_discarded_it_is_confirmed_to_nobody(flashes):
    one, other = flashes
    row = row_of("a", CHUNK_BYTES)
    one.put_row(row)
    await wait_for(lambda: not one._rows._queued)
    lifeline = other._lifeline
    lifeline._must_discard_index = lifeline._must_reopen = True
    await wait_for(lambda: not lifeline._must_discard_index)
    await other.forgotten(row.name)
    found = one.find_row(row.name)
    assert found is None or found.confirmed_ns == 0
    await wait_for(lambda: other.is_healthy)
    assert not one.is_healthy  # it has noticed
