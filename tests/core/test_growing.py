"""Objects that grow: one PUT while small, parts beyond, and nothing left of what has no end."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.core import growing
from gateway.core.bodies import BytesBody
from gateway.core.changing import CopySource
from gateway.core.growing import SIZES, GrowingObject, Making, Senders, _Size, size_of
from gateway.core.receipt import Receipt
from gateway.core.said import ABSENT, Condition
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from gateway.model.failures import InvalidRequest, OriginUnreachable, PreconditionFailed
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY
from tests.support.core_house import CoreHouse, core_house
from tests.support.gateway_worker import until
from tests.support.origin_hooks import always

NAME = ObjectName("bucket", "immutable/grown")
PART = 5 * 1024 * 1024
BODY = os.urandom(3 * PART + 77)


@pytest.fixture
async def house(origin: EmbeddedOrigin, tmp_path) -> AsyncIterator[CoreHouse]:
    async with core_house(origin.endpoint, tmp_path) as built:
        yield built


@pytest.fixture
def sizes(monkeypatch):
    """Parts of 5 MiB, the least that the origin takes."""
    monkeypatch.setattr(growing, "SIZES", (_Size(10_000, PART, 2),))


class Ledger:
    def __init__(self) -> None:
        self.noted, self.struck, self.left = [], [], []

    async def note(self, upload, making) -> None:
        assert making.name == NAME
        self.noted.append(upload.id)

    async def leave(self, upload) -> None:
        self.left.append(upload.id)

    async def strike(self, upload) -> None:
        self.struck.append(upload.id)


def begun(house: CoreHouse, ledger: Ledger | None = None, **how) -> GrowingObject:
    senders = Senders(house.changing, house.core.writing.tasks, asyncio.Semaphore(8), ledger)
    return GrowingObject(senders, Making(NAME, {"x-amz-meta-a": "1"}, FOREBAY, Receipt(), **how))


async def write(growing_object: GrowingObject, body: bytes, piece_bytes: int = 1_000_003) -> None:
    for start in range(0, len(body), piece_bytes):
        await growing_object.write(memoryview(body)[start : start + piece_bytes])


def temporary_files(house: CoreHouse) -> int:
    """Descriptors of files without a name in the flash directory."""
    folder = str(house.core.writing.parameters.spool_directories[0])
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the look itself
            links.append(str(descriptor.readlink()))
    return sum(link.startswith(f"{folder}/") and link.endswith("(deleted)") for link in links)


@pytest.mark.parametrize("length", [0, 1, 300_000, PART])
async def test_what_fits_a_part_is_one_put(house, origin, sizes, length):
    grown = begun(house)
    await write(grown, BODY[:length])
    assert origin.counters.requests.total() == 0
    await grown.close()
    assert origin.read(*astuple(NAME)) == BODY[:length]
    assert origin.counters.operations == {"PutObject": 1}
    assert origin.store.buckets["bucket"].find(NAME.key).headers["x-amz-meta-a"] == "1"


async def test_what_is_longer_goes_in_parts_and_is_seen_at_its_end_only(house, origin, sizes):
    grown = begun(house, ledger := Ledger())
    await write(grown, BODY)
    assert origin.store.buckets["bucket"].find(NAME.key) is None
    made = await grown.close()
    assert origin.read(*astuple(NAME)) == BODY
    version = origin.store.buckets["bucket"].find(NAME.key)
    assert (made.etag, version.part_sizes) == (version.etag, (PART, PART, PART, 77))
    assert version.headers["x-amz-meta-a"] == "1"
    assert ledger.noted == ledger.struck != []
    assert await house.read(NAME) == BODY
    assert house.core.writing.parameters.spool_memory.taken_bytes == 0
    await grown.abort()  # harmless
    assert origin.read(*astuple(NAME)) == BODY


async def test_an_abort_leaves_neither_object_nor_parts_nor_files(house, origin, sizes):
    ledger = Ledger()
    for length in (1000, len(BODY)):
        grown = begun(house, ledger)
        await write(grown, BODY[:length])
        await grown.abort()
        await grown.abort()
    assert origin.store.uploads == {}
    assert origin.store.buckets["bucket"].find(NAME.key) is None
    assert ledger.noted == ledger.struck
    assert house.core.writing.parameters.spool_memory.taken_bytes == 0
    assert temporary_files(house) == 0
    with pytest.raises(InvalidRequest):
        await grown.write(b"x")


async def test_a_writer_waits_while_its_parts_are_on_their_way(house, origin, sizes):
    gate = Gate()
    origin.faults.append(always(Fault(hold_call=gate), method="PUT"))
    grown = begun(house)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write(grown, BODY * 2))
        await gate.wait_arrived(2)
        # Two are under way and a third is full: nothing more is taken.
        await until(lambda: grown._number == 3 and grown._body.length == PART)
        assert not writing.done()
        gate.release()
    await grown.close()
    assert origin.read(*astuple(NAME)) == BODY * 2


async def test_a_part_that_fails_is_told_to_the_writer_and_nothing_stays(house, origin, sizes):
    grown = begun(house)
    await write(grown, BODY[:PART])
    origin.faults.append(always(Fault(code="InternalError"), method="PUT"))

    async def go_on() -> None:
        await write(grown, BODY)
        await grown.close()

    with pytest.raises(OriginUnreachable):
        await go_on()
    origin.faults.clear()
    with pytest.raises(OriginUnreachable):
        await grown.close()
    assert origin.store.uploads == {}
    assert origin.store.buckets["bucket"].find(NAME.key) is None


async def test_a_condition_that_fails_at_the_end_leaves_nothing(house, origin, sizes):
    for length in (10, len(BODY)):
        for condition in (ABSENT, Condition('"another"')):
            origin.put("bucket", NAME.key, b"theirs")
            grown = begun(house, condition=condition)
            await write(grown, BODY[:length])
            with pytest.raises(PreconditionFailed):
                await grown.close()
            assert origin.read(*astuple(NAME)) == b"theirs"
    assert origin.store.uploads == {}
    assert temporary_files(house) == 0


async def test_who_leaves_during_the_close_does_not_stop_it(house, origin, sizes):
    grown, gate = begun(house), Gate()
    await write(grown, BODY)
    origin.faults.append(always(Fault(hold_call=gate), method="POST"))
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(grown.close())
        await gate.wait_arrived()
        closing.cancel()
    gate.release()
    await until(lambda: origin.store.buckets["bucket"].find(NAME.key) is not None)
    await until(lambda: not grown._sent_bodies and grown._body is None)
    assert origin.read(*astuple(NAME)) == BODY


async def test_an_upload_that_cannot_be_aborted_now_stays_noted(house, origin, sizes):
    grown = begun(house, ledger := Ledger())
    await write(grown, BODY)
    origin.faults.append(always(Fault(is_reset=True), method="DELETE"))
    await grown.abort()
    assert ledger.left == ledger.noted != []
    assert ledger.struck == []


async def test_ranges_of_objects_are_parts_before_and_between_bytes(house, origin, sizes):
    made = await house.changing.put(
        ObjectName("bucket", "s"), BytesBody(BODY), {}, FOREBAY, Receipt()
    )
    source = CopySource(ObjectName("bucket", "s"), made.etag)
    grown = begun(house, has_copies=True)
    await grown.copy(source, ByteRange(0, 2 * PART))
    await write(grown, BODY[:PART])
    await grown.copy(source, ByteRange(0, PART))
    await write(grown, b"tail")
    origin.counters.reset()
    await grown.close()
    assert origin.read(*astuple(NAME)) == BODY[: 2 * PART] + BODY[:PART] * 2 + b"tail"
    assert origin.counters.body_bytes_sent == 0


def test_the_parts_of_an_upload_hold_5_tib():
    total, before = 0, 0
    for size in SIZES:
        total += (size.number_max - before) * size.part_bytes
        before = size.number_max
    assert total >= 5 * 1024**4
    assert before == 10_000
    assert [size_of(number).part_bytes >> 20 for number in (1, 1000, 1001, 4001)] == [8, 8, 64, 900]
    with pytest.raises(InvalidRequest):
        size_of(10_001)


def astuple(name: ObjectName) -> tuple[str, str]:
    return name.bucket, name.key
