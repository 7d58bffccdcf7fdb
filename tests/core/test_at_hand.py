"""Bytes at hand: given at once where that takes no waiting, else not at all."""

import os

import pytest

from gateway.core.at_hand import BYTES_MAX, find_bytes
from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.versions import Version

CHUNK = 2 * BYTES_MAX
BODY = os.urandom(3 * CHUNK)
ROW = Row(ObjectName("b", "k"), Version('"e"', len(BODY), "now"), bytes(16), (), 1)


@pytest.fixture
async def flash(tmp_path):
    """Flash with the first and the last chunk of three."""
    async with await Flash.open(
        tmp_path, size_bytes=64 * CHUNK, chunk_bytes=CHUNK, writer="test"
    ) as opened:
        for number in (0, 2):
            run = await opened.reserve(ROW, number, [CHUNK])
            await opened.write(run, number, BODY[number * CHUNK : (number + 1) * CHUNK])
            opened.finish(run)
        yield opened


@pytest.mark.parametrize(
    "wanted",
    [
        ByteRange(0, 1),
        ByteRange(5, 5 + BYTES_MAX),
        ByteRange(CHUNK - 10, CHUNK),
        ByteRange(2 * CHUNK, 2 * CHUNK + 10),
        ByteRange(3 * CHUNK - 1, 3 * CHUNK),
        ByteRange(7, 7),
    ],
)
async def test_few_bytes_of_one_chunk_are_at_hand(flash, wanted):
    assert find_bytes(flash, ROW, wanted, CHUNK) == BODY[wanted.start : wanted.stop]


@pytest.mark.parametrize(
    "wanted",
    [
        ByteRange(0, BYTES_MAX + 1),
        ByteRange(CHUNK - 1, CHUNK + 1),
        ByteRange(CHUNK, CHUNK + 1),
        ByteRange(2 * CHUNK - 1, 2 * CHUNK + 1),
    ],
    ids=["many", "over a border", "not on flash", "begins on none"],
)
async def test_all_else_is_left_to_a_walk(flash, wanted):
    assert find_bytes(flash, ROW, wanted, CHUNK) is None
