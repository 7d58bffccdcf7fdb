"""What the embedded origin does beyond S3: foreign writes, counters and faults."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault, Gate
from gateway.demo.origin_store import OriginStore
from tests.support.waiting import wait_until

BODY = bytes(range(256)) * 4096


@pytest.fixture(params=["memory", "files"])
async def plain(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[EmbeddedOrigin, aiohttp.ClientSession]]:
    store = OriginStore(tmp_path if request.param == "files" else None)
    async with (
        running_origin(EmbeddedOrigin(store)) as origin,
        aiohttp.ClientSession(origin.endpoint, auto_decompress=False) as session,
    ):
        origin.make_bucket("b")
        origin.put("b", "k", BODY, headers={"x-amz-meta-colour": "green"})
        yield origin, session


Plain = tuple[EmbeddedOrigin, aiohttp.ClientSession]


async def test_a_range_sends_its_bytes_and_no_others(plain: Plain) -> None:
    origin, session = plain
    async with session.get("/b/k", headers={"Range": "bytes=1000-1999"}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes 1000-1999/{len(BODY)}"
        assert await answer.read() == BODY[1000:2000]
    assert origin.counters.body_bytes_sent == 1000
    assert origin.counters.requests == {"GET": 1}
    assert origin.counters.operations == {"GetObject": 1}


async def test_a_foreign_write_is_seen_by_the_next_request(plain: Plain) -> None:
    origin, session = plain
    origin.put("b", "k", b"new")
    async with session.get("/b/k") as answer:
        assert await answer.read() == b"new"
    origin.delete("b", "k")
    async with session.get("/b/k") as answer:
        assert answer.status == 404
        assert b"<Code>NoSuchKey</Code>" in await answer.read()


async def test_a_forged_collision_keeps_the_etag_and_changes_the_checksum(plain: Plain) -> None:
    origin, session = plain
    first = origin.put("b", "k", b"aaaa")
    second = origin.put("b", "k", b"bbbb", etag=first.etag)
    assert second.checksums != first.checksums
    async with session.get("/b/k", headers={"x-amz-checksum-mode": "ENABLED"}) as answer:
        assert answer.headers["ETag"] == f'"{hashlib.md5(b"aaaa").hexdigest()}"'
        assert answer.headers["x-amz-checksum-crc64nvme"] == second.checksums["crc64nvme"]
        assert await answer.read() == b"bbbb"


async def test_describing_changes_metadata_alone(plain: Plain) -> None:
    origin, session = plain
    before = origin.store.get_version("b", "k")
    after = origin.describe("b", "k", {"x-amz-meta-colour": "red"})
    assert (after.etag, after.body) == (before.etag, before.body)
    async with session.head("/b/k") as answer:
        assert answer.headers["x-amz-meta-colour"] == "red"
        assert answer.headers["Content-Length"] == str(len(BODY))


async def test_a_refusing_fault_answers_in_s3_xml(plain: Plain) -> None:
    origin, session = plain
    origin.faults.append(lambda _: Fault(code="ServiceUnavailable"))
    async with session.get("/b/k") as answer:
        assert answer.status == 503
        assert b"<Code>ServiceUnavailable</Code>" in await answer.read()


async def test_a_reset_ends_the_connection_without_an_answer(plain: Plain) -> None:
    origin, session = plain
    origin.faults.append(lambda _: Fault(is_reset=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.get("/b/k")


async def test_a_lost_answer_is_reset_after_the_deed(plain: Plain) -> None:
    origin, session = plain
    origin.faults.append(lambda _: Fault(is_answer_lost=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.put("/b/k", data=b"done", headers={"Expect": ""})
    assert origin.read("b", "k") == b"done"


async def test_a_truncated_body_breaks_off_at_its_byte(plain: Plain) -> None:
    origin, session = plain
    origin.faults.append(lambda _: Fault(truncate_bytes=5000))
    got = bytearray()
    async with session.get("/b/k") as answer:
        assert answer.headers["Content-Length"] == str(len(BODY))
        with pytest.raises(aiohttp.ClientPayloadError):
            await _collect(answer, got)
    assert got == BODY[:5000]
    assert origin.counters.body_bytes_sent == 5000


async def test_what_a_client_left_behind_is_not_counted(plain: Plain) -> None:
    origin, session = plain
    size = 64 << 20  # more than the sockets between them can hold
    origin.put("b", "large", bytes(size))
    answer = await session.get("/b/large")
    await answer.content.readexactly(1000)
    answer.close()
    await asyncio.to_thread(wait_until, lambda: 1000 <= origin.counters.body_bytes_sent < size)


async def test_a_stalled_body_goes_on_when_released(plain: Plain) -> None:
    origin, session = plain
    gate = Gate()
    origin.faults.append(lambda _: Fault(stall_bytes=4096, stall=gate))
    async with session.get("/b/k") as answer:
        first = await answer.content.readexactly(4096)
        await gate.wait_arrived()
        gate.release()
        assert first + await answer.read() == BODY


async def test_a_held_call_sees_what_was_written_meanwhile(plain: Plain) -> None:
    origin, session = plain
    gate = Gate()
    origin.faults.append(lambda _: Fault(hold_call=gate))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_read(session))
        await gate.wait_arrived()
        origin.put("b", "k", b"later")
        gate.release()
    assert asked.result() == b"later"


async def test_a_held_answer_tells_of_the_past(plain: Plain) -> None:
    origin, session = plain
    gate = Gate()
    origin.faults.append(lambda _: Fault(hold_answer=gate))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_read(session))
        await gate.wait_arrived()
        origin.put("b", "k", b"later")
        gate.release()
    assert asked.result() == BODY


async def test_a_hook_can_change_the_object_between_two_requests(plain: Plain) -> None:
    origin, session = plain
    etag = origin.store.get_version("b", "k").etag

    def change(call: Call) -> Fault | None:
        if call.headers.get("range") == "bytes=4-7":
            origin.put("b", "k", b"other bytes")
        return None

    origin.faults.append(change)
    pinned = {"If-Match": etag}
    async with session.get("/b/k", headers={**pinned, "Range": "bytes=0-3"}) as answer:
        assert answer.status == 206
    async with session.get("/b/k", headers={**pinned, "Range": "bytes=4-7"}) as answer:
        assert answer.status == 412


async def test_a_false_etag_is_told_and_nothing_else(plain: Plain) -> None:
    origin, session = plain
    origin.faults.append(lambda _: Fault(etag='"lie"'))
    async with session.get("/b/k") as answer:
        assert answer.headers["ETag"] == '"lie"'
        assert await answer.read() == BODY


CHUNKED = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": "5",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "Content-Encoding": "aws-chunked",
}


@pytest.mark.parametrize(("crc32", "status"), [("NhCmhg==", 200), ("AAAAAA==", 400)])
async def test_a_framed_body_is_unframed_and_proven(plain: Plain, crc32: str, status: int) -> None:
    origin, session = plain
    framed = f"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc32}\r\n\r\n".encode()
    async with session.put("/b/framed", data=framed, headers=CHUNKED) as answer:
        assert answer.status == status, await answer.text()
    if status == 200:
        assert origin.read("b", "framed") == b"hello"
        stored = origin.store.get_version("b", "framed")
        assert stored.checksums == {"crc32": crc32}
        assert "content-encoding" not in stored.headers
    else:
        assert "framed" not in origin.store.buckets["b"].keys


async def test_an_overwritten_body_stays_readable_for_who_reads_it(plain: Plain) -> None:
    origin, session = plain
    gate = Gate()
    origin.faults.append(lambda _: Fault(stall_bytes=1, stall=gate))
    async with session.get("/b/k") as answer:
        await gate.wait_arrived()
        origin.put("b", "k", b"new")
        gate.release()
        assert await answer.read() == BODY


def test_files_go_when_their_versions_go(tmp_path: Path) -> None:
    origin = EmbeddedOrigin(OriginStore(tmp_path))
    origin.make_bucket("b")
    origin.put("b", "k", b"one")
    origin.put("b", "k", b"two")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"two"]
    origin.delete("b", "k")
    assert list(tmp_path.iterdir()) == []


async def test_an_origin_can_go_away_and_come_back_on_its_port() -> None:
    origin = EmbeddedOrigin()
    origin.make_bucket("b")
    async with running_origin(origin):
        port = origin.port
    origin.put("b", "k", b"kept")
    async with running_origin(origin, port=port), aiohttp.ClientSession(origin.endpoint) as session:
        assert await _read(session) == b"kept"
    assert origin.port == port


async def _read(session: aiohttp.ClientSession) -> bytes:
    async with session.get("/b/k") as answer:
        return await answer.read()


async def _collect(answer: aiohttp.ClientResponse, got: bytearray) -> None:
    async for piece in answer.content.iter_any():
        got += piece
