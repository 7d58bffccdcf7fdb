"""Flash under a key: nothing of an object can be read in it, and swapped bytes are misses."""

import os
from dataclasses import replace

import pytest

from gateway.flash import readers
from gateway.flash.rows import Extent, row_key
from gateway.flash.safeguards import Safeguards
from gateway.flash.store import Flash
from gateway.model.versions import body_id
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, fill, read, row_of, wait_for

ONE, OTHER, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))
ROWS = [row_of(f"models/secret-name-{number}", 4 * CHUNK_BYTES) for number in range(3)]


def sealed_flash(path, *keys, **changes):
    return checked_flash(path, safeguards=Safeguards(keys=keys or (ONE,)), **changes)


async def filled(flash):
    for row in ROWS:
        await fill(flash, row, range(4), CHUNK_BYTES)
        flash.put_row(replace(row, headers=(("x-amz-meta-owner", "somebody secret"),)))
    await flash.forgotten(row_of("secret-tombstone", 1).name)


async def hits(flash):
    """Return how many chunks are read right; none is ever read wrong."""
    found = [(row, number, await read(flash, row, number)) for row in ROWS for number in range(4)]
    assert all(data in (None, data_of(row, number, CHUNK_BYTES)) for row, number, data in found)
    return sum(data is not None for _, _, data in found)


def everything(path):
    """Return all bytes of all files under `path`, and their names."""
    files = [file for file in path.rglob("*") if file.is_file()]
    return b"\n".join(str(file).encode() + file.read_bytes() for file in files)


def traces(path):
    """Return what of the objects can be read in the files."""
    words = {
        "name": b"secret-name",
        "bucket": b"bucket",
        "tombstone": b"secret-tombstone",
        "etag": b'"e"',
        "date": b"Jan 2024",
        "header": b"somebody secret",
        "header name": b"x-amz-meta-owner",
        "hash of a name": row_key(ROWS[0].name),
    }
    for row in ROWS:
        for number in range(4):
            data = data_of(row, number, CHUNK_BYTES)
            words |= {f"{row.name} at {at}": data[at : at + 16] for at in range(0, len(data), 999)}
    kept = everything(path)
    return [what for what, word in words.items() if word in kept]


async def test_nothing_of_an_object_is_readable_on_flash(tmp_path):
    async with sealed_flash(tmp_path / "flash") as flash:
        await filled(flash)
        assert await hits(flash) == 12
    assert traces(tmp_path / "flash") == []


async def test_nobody_can_tell_whether_a_version_that_he_knows_is_there(tmp_path):
    name, version = ROWS[0].name, ROWS[0].version
    async with sealed_flash(tmp_path / "one") as flash:
        mine = flash.body_of(name, version)
    async with sealed_flash(tmp_path / "other") as other:
        theirs = other.body_of(name, version)
    assert len({mine, theirs, body_id(name, version, CHUNK_BYTES)}) == 3
    async with sealed_flash(tmp_path / "one", OTHER, ONE) as flash:
        assert flash.body_of(name, version) == mine


async def test_the_same_search_finds_it_all_in_plaintext(tmp_path):
    async with checked_flash(tmp_path / "flash") as flash:
        await filled(flash)
    assert len(traces(tmp_path / "flash")) > 200


async def test_a_restart_with_the_key_keeps_everything(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
    async with sealed_flash(tmp_path) as flash:
        assert await hits(flash) == 12
        row = flash.find_row(ROWS[1].name)
        assert row.headers == (("x-amz-meta-owner", "somebody secret"),)
        assert [found.row.name for found in await held(flash)] == [row.name for row in ROWS]


async def held(flash):
    groups = [group async for group in flash.holdings.groups("bucket/models/")]
    return sorted((one for group in groups for one in group), key=lambda one: str(one.row.name))


async def test_holdings_are_counted_in_bytes_of_objects(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        assert [one.bytes_held for one in await held(flash)] == [4 * CHUNK_BYTES] * 3


async def test_a_power_loss_rebuilds_the_index_from_sealed_records(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
    (tmp_path / "boot").write_text("11111111-2222-3333-4444-555555555555 open\n")
    async with sealed_flash(tmp_path) as flash:
        await wait_for(lambda: flash._lifeline.live.index.find_meta(b"rebuild") == b"")
        assert await hits(flash) == 12
        assert flash.find_row(ROWS[2].name).version == ROWS[2].version


@pytest.mark.parametrize("keys", [(OTHER,), ()], ids=["another key", "no key"])
async def test_without_its_key_flash_begins_anew_in_words(tmp_path, caplog, keys):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
    async with checked_flash(tmp_path, safeguards=Safeguards(keys=keys)) as flash:
        assert flash.is_healthy
        assert await hits(flash) == 0
        assert flash.stats()["segments"] == 0
        await filled(flash)
        assert await hits(flash) == 12
    assert "it begins anew" in caplog.text


async def test_plaintext_is_removed_before_anything_is_sealed(tmp_path, caplog):
    async with checked_flash(tmp_path) as flash:
        await filled(flash)
    (tmp_path / "index.discarded").mkdir()
    (tmp_path / "index.discarded" / "data.mdb").write_bytes(b"secret-name of a killed process")
    assert traces(tmp_path)
    async with sealed_flash(tmp_path) as flash:
        assert await hits(flash) == 0
        assert traces(tmp_path) == []
    assert "in plaintext: it begins anew" in caplog.text


async def test_whoever_comes_with_another_key_while_it_is_in_use_is_refused(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        for keys, words in ((OTHER,), "none of those set"), ((), "sealed, with a key"):
            other = await Flash.open(
                tmp_path,
                size_bytes=32 * MIB,
                chunk_bytes=CHUNK_BYTES,
                segment_bytes=MIB,
                writer="other",
                safeguards=Safeguards(keys=keys),
            )
            assert words in (other.trouble or "")
            await other.close()
        assert await hits(flash) == 12


async def test_a_new_key_seals_and_the_old_is_not_needed_again(tmp_path, caplog):
    async with sealed_flash(tmp_path, ONE) as flash:
        await filled(flash)
        before = flash.extents(ROWS[0].body, range(1))[0]
    async with sealed_flash(tmp_path, OTHER, ONE) as flash:
        assert await hits(flash) == 12
        row = row_of("later", CHUNK_BYTES)
        await fill(flash, row, range(1), CHUNK_BYTES)
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)
        after = flash.extents(row.body, range(1))[0]
    assert (version_of(tmp_path, before), version_of(tmp_path, after)) == (1, 2)
    async with sealed_flash(tmp_path, OTHER) as flash:
        assert await hits(flash) == 12
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)
    async with sealed_flash(tmp_path, THIRD, OTHER) as flash:
        assert await hits(flash) == 12
    assert caplog.text == ""
    async with sealed_flash(tmp_path, ONE) as flash:
        assert await hits(flash) == 0


def version_of(path, extent):
    with (path / "segments" / f"{extent.segment:08d}.seg").open("rb") as file:
        file.seek(extent.offset)
        return int.from_bytes(file.read(4), "little")


async def test_chunks_that_were_swapped_are_misses(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        one, other = (flash.extents(ROWS[0].body, range(4))[number] for number in (0, 1))
        volume = flash._lifeline.live

        def swap(writing):
            writing.put_chunk(ROWS[0].body, 0, other)
            writing.put_chunk(ROWS[0].body, 1, one)
            writing.put_chunk(ROWS[1].body, 0, flash.extents(ROWS[2].body, range(1))[0])

        volume.committer.wait_committed(swap)
        assert await hits(flash) == 9
        # The first look found them in memory, where they had been proven; the next judges anew.
        for _ in range(2):
            assert await read(flash, ROWS[1], 0) is None
        assert await hits(flash) == 9
        await wait_for(lambda: len(flash.extents(ROWS[0].body, range(4))) == 2)


async def test_plaintext_that_somebody_puts_there_is_never_served(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        extent = flash.extents(ROWS[0].body, range(1))[0]
        volume = flash._lifeline.live
        planted = Extent(extent.segment, extent.offset, extent.length, extent.crc32c)
        volume.committer.wait_committed(lambda w: w.put_chunk(ROWS[0].body, 0, planted))
        assert await hits(flash) == 11


async def test_what_changes_in_memory_after_it_was_proven_is_a_miss_and_dropped(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        assert await hits(flash) == 12
        extent = flash.extents(ROWS[0].body, range(4))[2]
        with (tmp_path / "segments" / f"{extent.segment:08d}.seg").open("r+b") as file:
            file.seek(extent.offset + 30_000)
            file.write(b"tampered")
        assert flash.read_now(ROWS[0].body, 2, extent, 0, 10) is None
        assert await hits(flash) == 11
        await wait_for(lambda: len(flash.extents(ROWS[0].body, range(4))) == 3)


async def test_a_small_read_opens_a_unit_and_no_more(tmp_path, monkeypatch):
    async with sealed_flash(tmp_path, chunk_bytes=MIB, segment_bytes=4 * MIB) as flash:
        row = row_of("large", MIB)
        await fill(flash, row, range(1), MIB)
        extent = flash.extents(row.body, range(1))[0]
        lengths = []
        whole = data_of(row, 0, MIB)
        really = readers.open_units

        def counted(cipher, bound, first, stored):
            lengths.append(len(stored))
            return really(cipher, bound, first, stored)

        monkeypatch.setattr(readers, "open_units", counted)
        assert flash.read_now(row.body, 0, extent, 500_000, 4096) == whole[500_000:504_096]
        assert lengths == [65_552]


async def test_hot_chunks_are_carried_over_as_they_were_sealed(tmp_path):
    async with sealed_flash(tmp_path, size_bytes=12 * MIB) as flash:
        row = row_of("hot", CHUNK_BYTES)
        await fill(flash, row, range(1), CHUNK_BYTES)
        before = flash.extents(row.body, range(1))[0]
        for number in range(30):
            for _ in range(3):
                flash.touch(row.body, 0)
            await fill(flash, row_of(f"cold {number}", 8 * CHUNK_BYTES), range(8), CHUNK_BYTES)
        after = flash.extents(row.body, range(1))[0]
        assert after.segment != before.segment
        assert replace(after, segment=before.segment, offset=before.offset) == before
        assert await read(flash, row, 0) == data_of(row, 0, CHUNK_BYTES)


async def test_bytes_of_the_index_that_were_changed_are_no_row(tmp_path):
    async with sealed_flash(tmp_path) as flash:
        await filled(flash)
        index = flash._lifeline.live.index
        keys = [index.row_key(row.name) for row in ROWS]

        def swap(writing):
            kept = writing._transaction.get(keys[0], db=index.rows)
            writing._transaction.put(keys[1], kept, db=index.rows)
            writing._transaction.put(keys[2], os.urandom(len(kept)), db=index.rows)

        flash._lifeline.live.committer.wait_committed(swap)
        assert flash.find_row(ROWS[0].name) is not None
        assert flash.find_row(ROWS[1].name) is None
        assert flash.find_row(ROWS[2].name) is None
        flash.put_row(ROWS[1])
        flash.put_row(ROWS[2])
        await wait_for(lambda: index.find_row(ROWS[2].name) is not None)
        assert index.find_row(ROWS[1].name) == ROWS[1]


async def test_segments_that_hold_no_sealed_chunk_are_refused(tmp_path):
    with pytest.raises(ValueError, match="hold no sealed chunk"):
        await Flash.open(
            tmp_path,
            size_bytes=32 * MIB,
            chunk_bytes=MIB,
            segment_bytes=MIB,
            writer="test",
            safeguards=Safeguards(keys=(ONE,)),
        )
