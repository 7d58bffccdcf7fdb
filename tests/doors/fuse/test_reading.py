"""Reading: windows that grow under a sequential reader, short reads under a random one."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator

import pytest

from gateway.core.reading import FlashPiece
from gateway.doors.fuse.reading import WINDOW_BYTES_MIN, Reader
from gateway.doors.fuse.room import Room
from gateway.filesystem.status import Kind, Status
from gateway.model.failures import VersionChanged
from gateway.model.ranges import ByteRange

BODY = random.Random(6).randbytes(40 * 1024 * 1024)
PIECE = 100_000


class Source:
    """A version that notes what is asked of it."""

    def __init__(self, body: bytes = BODY):
        self.status = Status("/a", Kind.FILE, len(body))
        self.body = body
        self.windows: list[ByteRange] = []
        self.reads: list[ByteRange] = []
        self.open_walks = 0
        self.fails_at = len(body) + 1

    async def pieces(self, wanted: ByteRange) -> AsyncGenerator[bytes]:
        self.windows.append(wanted)
        self.open_walks += 1
        try:
            for at in range(wanted.start, wanted.stop, PIECE):
                await asyncio.sleep(0)
                if at >= self.fails_at:
                    raise VersionChanged("gone")
                yield self.body[at : min(at + PIECE, wanted.stop)]
        finally:
            self.open_walks -= 1

    async def read(self, wanted: ByteRange) -> bytes:
        self.reads.append(wanted)
        return self.body[wanted.start : wanted.stop]


def reader(source: Source, room: Room, ahead: int = 16 << 20) -> Reader:
    return Reader(source, ahead, room.start)


async def test_a_sequential_reader_is_given_windows_that_grow(room):
    source = Source()
    reading = reader(source, room, ahead=16 << 20)
    got = bytearray()
    while piece := await reading.read(len(got), 131072):
        got += piece
    assert bytes(got) == BODY
    sizes = [one.length for one in source.windows[1:-1]]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (WINDOW_BYTES_MIN, 4 << 20)
    assert all(one.stop % WINDOW_BYTES_MIN == 0 for one in source.windows)
    assert len(source.reads) <= 2
    await reading.close()
    assert source.open_walks == 0


async def test_several_windows_are_begun_at_once_and_no_further_than_it_may_be_ahead(room):
    source = Source()
    reading = reader(source, room, ahead=8 << 20)
    at, walks_max = 0, 0
    while piece := await reading.read(at, 131072):
        at += len(piece)
        await asyncio.sleep(0)
        walks_max = max(walks_max, source.open_walks)
        assert max((one.stop for one in source.windows), default=0) <= at + (10 << 20)
    assert 4 <= walks_max <= 6
    await reading.close()


async def test_what_is_asked_in_vain_is_bounded_by_what_was_read(room):
    source = Source()
    reading = reader(source, room)
    at = 0
    while at < 8 << 20:
        at += len(await reading.read(at, 131072))
    asked = max(one.stop for one in source.windows)
    assert asked <= 4 * at
    await reading.close()


async def test_a_random_reader_asks_for_what_it_reads(room):
    source = Source()
    reading = reader(source, room)
    chance = random.Random(1)
    for _ in range(50):
        at = chance.randrange(len(BODY) - 4096)
        assert bytes(await reading.read(at, 4096)) == BODY[at : at + 4096]
    assert source.windows == []
    await reading.close()


async def test_reads_that_come_side_by_side_are_each_right(room):
    source = Source()
    reading = reader(source, room)
    places = list(range(0, 20 << 20, 131072))
    for first in range(0, len(places), 8):
        group = places[first : first + 8]
        pieces = await asyncio.gather(*(reading.read(at, 131072) for at in group))
        for at, piece in zip(group, pieces, strict=True):
            assert bytes(piece) == BODY[at : at + 131072]
    await reading.close()
    assert source.open_walks == 0


async def test_two_streams_on_one_handle_are_each_right(room):
    source = Source()
    reading = reader(source, room)
    for at in range(0, 5 << 20, 131072):
        for base in (0, 20 << 20):
            piece = await reading.read(base + at, 131072)
            assert bytes(piece) == BODY[base + at : base + at + 131072]
    await reading.close()
    assert source.open_walks == 0


async def test_the_end_is_cut_and_behind_it_is_nothing(room):
    reading = reader(Source(b"12345"), room)
    assert bytes(await reading.read(3, 100)) == b"45"
    assert await reading.read(5, 100) == b""
    assert await reading.read(99, 100) == b""
    await reading.close()


async def test_a_version_that_goes_away_is_told_and_leaves_no_walk(room):
    source = Source()
    source.fails_at = 10 << 20
    reading = reader(source, room)

    async def read_all() -> None:
        at = 0
        while at < len(BODY):
            at += len(await reading.read(at, 131072))

    with pytest.raises(VersionChanged):
        await read_all()
    assert source.open_walks == 0
    await reading.close()


@pytest.mark.parametrize("count", [4096, 131072, 1 << 20, 3 << 20])
async def test_bytes_on_flash_are_right_wherever_a_read_begins(room, tmp_path, count):
    source = Source()
    (tmp_path / "segment").write_bytes(b"before" + BODY)
    with (tmp_path / "segment").open("rb") as segment:

        async def pieces(wanted: ByteRange) -> AsyncGenerator[FlashPiece]:
            handle = os.fdopen(os.dup(segment.fileno()), "rb")
            yield FlashPiece(handle, len(b"before") + wanted.start, wanted.length)

        source.pieces = pieces
        reading = reader(source, room)
        at = 0
        while at < 12 << 20:
            piece = await reading.read(at, count)
            assert bytes(piece) == BODY[at : at + count]
            at += count
        await reading.close()


async def test_a_segment_that_was_cut_is_told(room, tmp_path):
    source = Source()
    (tmp_path / "segment").write_bytes(BODY[:1000])
    with (tmp_path / "segment").open("rb") as segment:

        async def pieces(wanted: ByteRange) -> AsyncGenerator[FlashPiece]:
            yield FlashPiece(os.fdopen(os.dup(segment.fileno()), "rb"), wanted.start, wanted.length)

        source.pieces = pieces
        reading = reader(source, room)
        await reading.read(0, 131072)
        with pytest.raises(ValueError, match="mmap"):
            await reading.read(131072, 131072)
        await reading.close()
