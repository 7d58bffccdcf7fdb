"""Open files: one version whatever comes after, and what opening costs, cold and warm."""

import os
from contextlib import aclosing

import pytest

from gateway.core.reading import FlashPiece
from gateway.demo.origin_faults import Fault
from gateway.filesystem.status import Kind
from gateway.model.failures import FileConflict, NotFound, OriginRefused, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from tests.support.gateway_settings import CHUNK_BYTES
from tests.support.gateway_worker import until
from tests.support.origin_hooks import always
from tests.support.trees import running_stage

BODY = os.urandom(5 * CHUNK_BYTES + 123)
WHOLE = ByteRange(0, len(BODY))
RANGES = [
    WHOLE,
    ByteRange(0, 0),
    ByteRange(0, 1),
    ByteRange(CHUNK_BYTES - 1, CHUNK_BYTES + 1),
    ByteRange(len(BODY) - 1, len(BODY)),
    ByteRange(len(BODY) - 10, len(BODY) + 1000),
    ByteRange(len(BODY), len(BODY) + 7),
    ByteRange(len(BODY) + 5, len(BODY) + 7),
]


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as stage:
        yield stage


async def collected(pieces):
    content = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, FlashPiece):
                with piece.handle:
                    content += os.pread(piece.handle.fileno(), piece.length, piece.offset)
            else:
                content += piece
    return bytes(content)


async def warmed(stage, key, body=BODY):
    """Put an object and read it, until its bytes lie on flash."""
    stage.put(key, body)
    file = await stage.tree.open(stage.caller(), f"/bucket/{key}", ByteRange(0, len(body)))
    assert await file.read(ByteRange(0, len(body))) == body
    flash, chunks = stage.core.flash, range(-(-len(body) // CHUNK_BYTES))
    row = flash.find_row(ObjectName("bucket", key))
    await until(lambda: len(flash.extents(row.body, chunks)) == len(chunks))
    stage.reset()


@pytest.mark.parametrize("rule", ["k", "bypass", "immutable"])
@pytest.mark.parametrize("wanted", RANGES)
async def test_a_range_is_cut_at_the_end(stage, wanted, rule):
    stage.put(f"{rule}/k", BODY)
    file = await stage.tree.open(stage.caller(), f"/bucket/{rule}/k")
    for _ in range(2):
        assert await file.read(wanted) == BODY[wanted.start : wanted.stop]
        assert await collected(file.pieces(wanted)) == BODY[wanted.start : wanted.stop]


async def test_a_cold_file_is_opened_by_the_get_that_reads_it(stage):
    stage.put("k", BODY)
    wanted = ByteRange(CHUNK_BYTES + 10, CHUNK_BYTES + 20)
    file = await stage.tree.open(stage.caller(), "/bucket/k", wanted)
    assert file.status.length == len(BODY)
    assert await file.read(wanted) == BODY[wanted.start : wanted.stop]
    assert stage.asked() == {"GetObject": 1}
    assert stage.origin.counters.calls[0].headers["range"] == (
        f"bytes={CHUNK_BYTES}-{2 * CHUNK_BYTES - 1}"
    )


async def test_a_cold_file_of_which_no_range_is_named_is_asked_about_by_head(stage):
    stage.put("k", BODY)
    file = await stage.tree.open(stage.caller(), "/bucket/k")
    assert stage.asked() == {"HeadObject": 1}
    assert file.status.kind is Kind.FILE


@pytest.mark.parametrize(
    ("rule", "asked"),
    [("immutable", {}), ("exclusive", {}), ("bounded", {}), ("k", {"HeadObject": 1})],
)
async def test_a_warm_file_is_opened_unasked_where_its_rule_says_so(stage, rule, asked):
    await warmed(stage, f"{rule}/k")
    file = await stage.tree.open(stage.caller(), f"/bucket/{rule}/k", WHOLE)
    assert await collected(file.pieces(WHOLE)) == BODY
    assert stage.asked() == asked


async def test_warm_pieces_are_ready_for_sendfile(stage):
    await warmed(stage, "k")
    file = await stage.tree.open(stage.caller(), "/bucket/k")
    async with aclosing(file.pieces(WHOLE)) as pieces:
        piece = await anext(pieces)
        assert isinstance(piece, FlashPiece)
        piece.handle.close()


@pytest.mark.parametrize("key", ["k", "bypass/k"])
async def test_an_open_file_is_one_version_and_says_when_that_is_gone(stage, key):
    stage.put(key, BODY)
    file = await stage.tree.open(stage.caller(), f"/bucket/{key}")
    stage.put(key, BODY[::-1], modified=None)
    with pytest.raises(VersionChanged):
        await file.read(ByteRange(10, 20))
    with pytest.raises(VersionChanged):
        await collected(file.pieces(WHOLE))
    assert file.status.length == len(BODY)
    anew = await stage.tree.open(stage.caller(), f"/bucket/{key}")
    assert await anew.read(WHOLE) == BODY[::-1]


async def test_a_version_that_is_on_flash_is_read_to_its_end_though_it_is_gone(stage):
    await warmed(stage, "k")
    file = await stage.tree.open(stage.caller(), "/bucket/k")
    stage.origin.delete("bucket", "k")
    assert await file.read(WHOLE) == BODY
    with pytest.raises(NotFound):
        await stage.tree.open(stage.caller(), "/bucket/k")


async def test_after_a_version_was_found_gone_even_an_immutable_name_is_asked_about(stage):
    stage.put("immutable/k", BODY)
    await stage.tree.status(stage.caller(), "/bucket/immutable/k")
    stage.put("immutable/k", b"anew", modified=None)
    file = await stage.tree.open(stage.caller(), "/bucket/immutable/k")
    with pytest.raises(VersionChanged):
        await file.read(WHOLE)
    anew = await stage.tree.open(stage.caller(), "/bucket/immutable/k")
    assert await anew.read(WHOLE) == b"anew"


async def test_without_a_strong_validator_each_header_must_be_the_same(stage):
    stage.put("weak", BODY)
    stage.origin.put("bucket", "weak", BODY, etag='W/"1"', modified=1.0)
    file = await stage.tree.open(stage.caller(), "/bucket/weak")
    assert file.status.version is None
    for wanted in RANGES:
        assert await file.read(wanted) == BODY[wanted.start : wanted.stop]
    stage.origin.put("bucket", "weak", BODY, etag='W/"1"', modified=2.0)
    with pytest.raises(VersionChanged):
        await file.read(ByteRange(0, 5))


async def test_only_where_nothing_was_found_is_a_directory_asked_about(stage):
    stage.put("d/x")
    for path in ("/", "/bucket", "/bucket/d"):
        with pytest.raises(FileConflict) as refused:
            await stage.tree.open(stage.caller(), path)
        assert refused.value.code == "IsADirectory"
    assert stage.asked() == {"HeadObject": 1, "ListObjectsV2": 2}
    stage.put("marker/")
    with pytest.raises(FileConflict):
        await stage.tree.open(stage.caller(), "/bucket/marker")
    for path in ("/bucket/none", "/bucket/%-none", "/bucket/marker/%-", "/nobucket/x"):
        with pytest.raises(NotFound):
            await stage.tree.open(stage.caller(), path, ByteRange(0, 5))


async def test_files_with_names_that_cannot_be_paths_are_read(stage):
    keys = {"/%-/%-": "/", "/a/%-b": "a/b", "/a/%-%2E": "a/.", "/a/b/c": "a/b/c"}
    for key in keys.values():
        stage.put(key, f"body of {key}".encode())
    for path, key in keys.items():
        file = await stage.tree.open(stage.caller(), f"/bucket{path}")
        assert await file.read(WHOLE) == f"body of {key}".encode()


async def test_a_link_is_opened_as_what_it_is(stage):
    stage.put("link", b"target", mode="0120777")
    file = await stage.tree.open(stage.caller(), "/bucket/link")
    assert (file.status.kind, file.status.symlink) == (Kind.SYMLINK, "target")
    assert await file.read(WHOLE) == b"target"


async def test_what_the_origin_refuses_is_its_refusal(stage):
    stage.put("k", BODY)
    stage.origin.faults.append(always(Fault(code="AccessDenied"), key="k"))
    with pytest.raises(OriginRefused) as refused:
        await stage.tree.open(stage.caller(), "/bucket/k", WHOLE)
    assert refused.value.status == 403


async def test_an_empty_file_is_read(stage):
    stage.put("empty")
    for _ in range(2):
        file = await stage.tree.open(stage.caller(), "/bucket/empty", ByteRange(0, 100))
        assert await file.read(WHOLE) == b""
        assert await collected(file.pieces(WHOLE)) == b""


async def test_flash_in_trouble_is_gone_around(stage, monkeypatch):
    stage.put("k", BODY)
    monkeypatch.setattr(type(stage.core.flash), "is_healthy", False)
    file = await stage.tree.open(stage.caller(), "/bucket/k", WHOLE)
    assert await file.read(ByteRange(7, 70)) == BODY[7:70]
