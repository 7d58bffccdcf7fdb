"""Bytes of one version and of no other, resumed where the origin breaks off."""

import pytest

from gateway.core.described import described_version
from gateway.core.pinned import pinned_pieces
from gateway.flash.rows import Row
from gateway.model.failures import OriginUnreachable, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY
from tests.doubles.scripted_origin import PIECE_BYTES, ScriptedOrigin

BODY = bytes(range(256)) * 1024


@pytest.fixture
def origin():
    origin = ScriptedOrigin()
    origin.put("k", BODY)
    return origin


def row_of(origin):
    stored = origin.objects["k"]
    version = described_version({**stored.described(), "Content-Length": str(len(stored.body))})
    return Row(ObjectName("b", "k"), version, b"body", (), 0)


async def read(origin, row, wanted, resumes_max=3):
    pieces = pinned_pieces(origin, row, wanted, FOREBAY, resumes_max=resumes_max)
    return b"".join([piece async for piece in pieces])


async def test_exactly_the_bytes_asked(origin):
    row = row_of(origin)
    assert await read(origin, row, ByteRange(10, 100_000)) == BODY[10:100_000]
    assert origin.asked[0].headers["If-Match"] == row.version.etag


async def test_a_body_that_breaks_off_is_resumed_from_where_it_broke(origin):
    origin.truncations = [PIECE_BYTES, PIECE_BYTES]
    assert await read(origin, row_of(origin), ByteRange(0, len(BODY))) == BODY
    asked = [request.headers["Range"] for request in origin.asked]
    last = len(BODY) - 1
    assert asked == [f"bytes={start}-{last}" for start in (0, PIECE_BYTES, 2 * PIECE_BYTES)]


async def test_resumption_has_an_end(origin):
    origin.truncations = [0] * 5
    with pytest.raises(OriginUnreachable):
        await read(origin, row_of(origin), ByteRange(0, len(BODY)), resumes_max=2)
    assert len(origin.asked) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"another"},
        {"body": BODY, "last_modified": "Sat, 21 Nov 2026 00:00:01 GMT"},
        {"body": bytes(len(BODY)), "etag": "forged", "last_modified": "later"},
    ],
    ids=["overwritten", "metadata-only", "md5-collision"],
)
async def test_another_version_gives_no_byte(origin, change):
    row = row_of(origin)
    if change.get("etag") == "forged":
        change = {**change, "etag": row.version.etag}
    origin.put("k", **change)
    with pytest.raises(VersionChanged):
        await read(origin, row, ByteRange(0, 100))


async def test_a_change_between_two_attempts_is_noticed(origin):
    row = row_of(origin)
    origin.truncations = [PIECE_BYTES]
    received = bytearray()

    async def read_while_it_is_overwritten():
        async for piece in pinned_pieces(
            origin, row, ByteRange(0, len(BODY)), FOREBAY, resumes_max=3
        ):
            received.extend(piece)
            origin.put("k", b"\1" * len(BODY))

    with pytest.raises(VersionChanged):
        await read_while_it_is_overwritten()
    assert BODY.startswith(bytes(received))
    assert received
