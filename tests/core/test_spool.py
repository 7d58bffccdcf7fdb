"""A spool gives back what it took, from memory or a file, and survives a directory that fails."""

import errno
import os

import pytest

from gateway.core.budget import ByteBudget
from gateway.core.spool import MEMORY_BYTES_MAX, Spool
from gateway.core.spool_file import SpoolFile
from gateway.model.failures import Overloaded

PIECES = [os.urandom(100_000) for _ in range(20)]
BODY = b"".join(PIECES)


async def each(pieces):
    for piece in pieces:
        yield piece


async def content(spool, piece_bytes=70_000):
    return b"".join([piece async for piece in spool.pieces(piece_bytes)])


@pytest.mark.parametrize("memory_bytes", [0, len(BODY)])
@pytest.mark.parametrize("is_sealed", [False, True])
async def test_what_went_in_comes_out_as_often_as_asked(tmp_path, memory_bytes, is_sealed):
    memory = ByteBudget(memory_bytes)
    async with Spool([tmp_path], memory, len(BODY), is_sealed=is_sealed) as spool:
        await spool.fill(each(PIECES))
        assert spool.length == len(BODY)
        assert await content(spool) == BODY
        assert await content(spool, 1 << 20) == BODY
        assert memory.taken_bytes == memory_bytes
    assert memory.taken_bytes == 0
    assert list(tmp_path.iterdir()) == []


async def test_a_large_body_takes_no_memory(tmp_path):
    memory = ByteBudget(1 << 30)
    async with Spool([tmp_path], memory, MEMORY_BYTES_MAX + 1):
        assert memory.taken_bytes == 0


async def test_tee_passes_on_what_it_keeps(tmp_path):
    async with Spool([tmp_path], ByteBudget(0), len(BODY)) as spool:
        passed = [piece async for piece in spool.tee(each(PIECES))]
        assert passed == PIECES
        assert await content(spool) == BODY


async def test_a_missing_directory_is_passed_over(tmp_path):
    async with Spool([tmp_path / "gone"], ByteBudget(0), len(BODY)) as spool:
        await spool.fill(each(PIECES))
        assert await content(spool) == BODY


class Full:
    """A file on a disk that gets full: what it took stays readable."""

    def __init__(self, file, room_bytes):
        self._file, self._room_bytes = file, room_bytes

    def write(self, piece):
        if self._file.tell() + len(piece) > self._room_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(piece)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_a_disk_that_fills_up_is_left_for_the_next(tmp_path, is_sealed):
    async with Spool([tmp_path], ByteBudget(0), len(BODY), is_sealed=is_sealed) as spool:
        spool._file = SpoolFile(tmp_path, is_sealed=is_sealed)
        spool._file._file = Full(spool._file._file, 250_000)
        await spool.fill(each(PIECES))
        assert await content(spool) == BODY


async def test_a_sealed_file_holds_nothing_of_the_body_and_gives_no_wrong_byte(tmp_path):
    async with Spool([tmp_path], ByteBudget(0), len(BODY), is_sealed=True) as spool:
        await spool.fill(each(PIECES))
        file = spool._file._file
        file.seek(0)
        kept = file.read()
        assert len(kept) > len(BODY) - 65536
        assert not any(BODY[at : at + 16] in kept for at in range(0, len(BODY) - 16, 4096))
        file.seek(70_000)
        file.write(b"x")
        with pytest.raises(Overloaded, match="lost a body"):
            await content(spool, 65_536)


async def test_without_any_room_the_client_is_told_to_come_back(tmp_path):
    async with Spool([tmp_path], ByteBudget(0), len(BODY)) as spool:
        spool._directories = [tmp_path / "gone"]
        with pytest.raises(Overloaded):
            await spool.fill(each(PIECES))
