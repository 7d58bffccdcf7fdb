"""Reading objects: real flash, a scripted origin, and every byte accounted for."""

import asyncio
import os
from contextlib import aclosing

import pytest

from gateway.core.filling import Filling, FillParameters
from gateway.core.objects import NotCacheable, Objects, Wish
from gateway.core.questions import Opening
from gateway.core.reading import FlashPiece, ReadParts
from gateway.core.receipt import Receipt
from gateway.core.validation import Validation
from gateway.flash.safeguards import Safeguards
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble, OriginRefused, OriginUnreachable, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Freshness, Mode, Rule, Rules
from gateway.model.voices import FOREBAY
from tests.doubles.scripted_origin import ScriptedOrigin
from tests.support.settling import settle_until

CHUNK = 64 * 1024
RUN = 4
NAME = ObjectName("b", "k")
BODY = os.urandom(CHUNK * 40 + 123)


class House:
    """The core as assembly builds it, small."""

    def __init__(self, origin, flash, tasks, memory_chunks):
        self.origin, self.flash, self.now_ns = origin, flash, 1_000_000_000
        self.filling = Filling(
            origin, flash, tasks, FillParameters(CHUNK, RUN, memory_chunks * CHUNK, 3)
        )
        parts = ReadParts(origin, flash, self.filling, CHUNK, RUN, 3, 3)
        self.objects = Objects(
            parts,
            lambda adopt: Validation(origin, tasks, lambda: self.now_ns, adopt),
            Rules(),
            lambda: self.now_ns,
        )

    async def open(self, name=NAME, wanted=None, voice=FOREBAY):
        receipt = Receipt()
        read = await self.objects.read(
            name,
            lambda row: wanted or ByteRange(0, row.version.size),
            Wish(voice, Opening(None) if wanted is None else None),
            receipt,
        )
        return read, receipt

    async def read(self, name=NAME, wanted=None, voice=FOREBAY):
        read, receipt = await self.open(name, wanted, voice)
        return await drain(read), receipt

    async def warm(self):
        """Read once and wait until every chunk has reached flash."""
        outcome = await self.read()
        await settle_until(lambda: not (self.filling._fills))
        return outcome


async def drain(read):
    collected = bytearray()
    async with aclosing(read.pieces) as pieces:
        async for piece in pieces:
            collected += content(piece)
    return bytes(collected)


def content(piece):
    if isinstance(piece, FlashPiece):
        with piece.handle:
            return os.pread(piece.handle.fileno(), piece.length, piece.offset)
    return piece


async def punch_hole(flash, body, number):
    """Take one chunk off flash, as a failed checksum does."""
    extent = flash.extents(body, range(number, number + 1))[number]
    volume = flash._lifeline.live
    volume.committer.wait_committed(lambda writing: writing.delete_chunk(body, number, extent))
    await settle_until(lambda: not (flash.extents(body, range(number, number + 1))))


@pytest.fixture
async def make_house(tmp_path):
    origin = ScriptedOrigin()
    origin.put("k", BODY)

    class EndingError(Exception):
        pass

    try:
        async with (
            await Flash.open(
                tmp_path / "flash", size_bytes=64 << 20, chunk_bytes=CHUNK, writer="test"
            ) as flash,
            asyncio.TaskGroup() as tasks,
        ):
            yield lambda memory_chunks=64: House(origin, flash, tasks, memory_chunks)
            assert await flash.check() == []
            raise EndingError  # noqa: TRY301 - the documented way to end a task group
    except* EndingError:
        pass


@pytest.fixture
def house(make_house):
    return make_house()


async def test_a_cold_read_asks_each_byte_once_and_a_warm_one_none(house):
    assert (await house.warm())[0] == BODY
    assert house.origin.body_bytes() <= len(BODY) * 1.05
    assert house.origin.count("HEAD") == 0
    asked = house.origin.count("GET")
    warm, receipt = await house.warm()
    assert warm == BODY
    assert (receipt.cache, receipt.validation) == ("REVALIDATED", "own")
    assert house.origin.count("GET") == asked
    assert house.origin.count("HEAD") == 1


async def test_forty_readers_of_a_cold_object_cost_one_transfer(house):
    bodies = await asyncio.gather(*(house.read() for _ in range(40)))
    assert all(body == BODY for body, _ in bodies)
    assert house.origin.body_bytes() <= len(BODY) * 1.05


async def test_a_late_joiner_gets_what_is_there_and_follows_the_rest(house):
    early, _ = await house.open()
    first = content(await anext(early.pieces))
    late = await house.read()
    assert late[0] == BODY
    assert first + await drain(early) == BODY
    assert house.origin.body_bytes() <= len(BODY) * 1.05


async def test_a_reader_that_stops_reading_stalls_nobody(house):
    stalled, _ = await house.open()
    await anext(stalled.pieces)
    bodies = await asyncio.gather(*(house.read() for _ in range(8)))
    assert all(body == BODY for body, _ in bodies)
    await stalled.pieces.aclose()


async def test_when_every_reader_leaves_the_runs_end_with_their_chunk(house):
    read, _ = await house.open()
    await anext(read.pieces)
    await read.pieces.aclose()
    await settle_until(lambda: not (house.filling.budget.taken_bytes))
    assert house.origin.body_bytes() < len(BODY) * 0.7


async def test_a_small_range_of_a_large_object_fetches_its_chunk_only(house):
    wanted = ByteRange(len(BODY) - 4096, len(BODY))
    body, receipt = await house.read(wanted=wanted)
    assert body == BODY[-4096:]
    assert receipt.cache == "MISS"
    assert house.origin.body_bytes() <= 2 * CHUNK


async def test_a_hole_is_filled_and_nothing_else(house):
    await house.warm()
    row = house.flash.find_row(NAME)
    before = house.origin.body_bytes()
    await punch_hole(house.flash, row.body, 17)
    assert (await house.read())[0] == BODY
    assert 0 < house.origin.body_bytes() - before <= CHUNK


async def test_a_thousand_chunks_are_wanted_at_once_and_memory_stays_bounded(make_house):
    house = make_house(memory_chunks=6)
    names = [ObjectName("b", f"n{number}") for number in range(60)]
    for name in names:
        house.origin.put(name.key, BODY[: CHUNK * 5])
    most = 0

    async def watch(name):
        nonlocal most
        read, _ = await house.open(name)
        collected = bytearray()
        async for piece in read.pieces:
            most = max(most, house.filling.budget.taken_bytes)
            collected += content(piece)
        return bytes(collected)

    bodies = await asyncio.gather(*(watch(name) for name in names))
    assert all(body == BODY[: CHUNK * 5] for body in bodies)
    assert most <= 6 * CHUNK


async def test_a_change_before_the_first_byte_restarts_the_read(house):
    await house.warm()
    row = house.flash.find_row(NAME)
    await punch_hole(house.flash, row.body, 0)
    newer = os.urandom(CHUNK * 2)
    ask, house.origin.ask = house.origin.ask, None

    async def overwritten_after_the_head(request):
        answer = await ask(request)
        if request.method == "HEAD":
            house.origin.ask = ask
            house.origin.put("k", newer)
        return answer

    house.origin.ask = overwritten_after_the_head
    body, receipt = await house.read()
    assert body == newer
    assert receipt.restarts == 1


async def test_a_change_in_the_middle_cuts_and_never_mixes(house):
    await house.warm()
    row = house.flash.find_row(NAME)
    await punch_hole(house.flash, row.body, 20)
    read, _ = await house.open()
    received = bytearray(content(await anext(read.pieces)))
    house.origin.put("k", b"\1" * len(BODY))
    with pytest.raises(VersionChanged):
        received += await drain(read)
    assert BODY.startswith(bytes(received))
    assert (await house.read())[0] == b"\1" * len(BODY)


async def test_strict_asks_every_time_and_unreachable_is_not_deleted(house):
    await house.read()
    house.origin.unreachable = True
    with pytest.raises(OriginUnreachable):
        await house.read()
    house.origin.unreachable = False
    assert (await house.read())[0] == BODY


async def test_a_deleted_object_is_the_origins_refusal(house):
    await house.read()
    del house.origin.objects["k"]
    with pytest.raises(OriginRefused):
        await house.read()


@pytest.mark.parametrize(
    ("mode", "seconds_later", "questions"),
    [(Mode.IMMUTABLE, 1e9, 0), (Mode.BOUNDED, 30, 0), (Mode.BOUNDED, 31, 1), (Mode.STRICT, 0, 1)],
)
async def test_a_rule_says_when_a_hit_may_go_unasked(house, mode, seconds_later, questions):
    house.objects.rules = Rules([Rule("b/*", Freshness(mode, 30.0))])
    await house.warm()
    house.now_ns += int(seconds_later * 1e9)
    body, receipt = await house.read()
    assert body == BODY
    assert house.origin.count("HEAD") == questions
    assert receipt.cache == ("HIT" if not questions else "REVALIDATED")


async def test_a_clock_set_back_confirms_nothing(house):
    house.objects.rules = Rules([Rule("b/*", Freshness(Mode.BOUNDED, 30.0))])
    await house.warm()
    house.now_ns -= 1_000_000
    await house.read()
    assert house.origin.count("HEAD") == 1


async def test_bypass_by_rule_keeps_nothing(house):
    house.objects.rules = Rules([Rule("b/*", Freshness(Mode.BYPASS))])
    with pytest.raises(NotCacheable):
        await house.read()
    assert house.flash.find_row(NAME) is None


async def test_an_empty_object_is_read(house):
    house.origin.put("empty", b"")
    for _ in range(2):
        assert (await house.read(ObjectName("b", "empty")))[0] == b""


async def test_flash_that_fails_while_another_worker_fills_is_gone_around(house, monkeypatch):
    monkeypatch.setattr(house.flash, "claim", lambda *_: False)
    read, _ = await house.open(wanted=ByteRange(0, 0))
    await drain(read)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(house.read(wanted=ByteRange(0, 100)))
        await settle_until(lambda: house.origin.count("HEAD") == 2)
        monkeypatch.setattr(type(house.flash), "is_healthy", False)
    body, receipt = task.result()
    assert body == BODY[:100]
    assert receipt.reason == "flash is out of order"


async def test_bringing_puts_every_chunk_on_flash_and_asks_each_byte_once(house):
    row = await house.objects.current(NAME, Wish(FOREBAY), Receipt())
    await house.objects.bring(row, ByteRange(0, len(BODY)), FOREBAY)
    assert len(house.flash.extents(row.body, range(100))) == 41
    assert house.origin.body_bytes() == len(BODY)
    await punch_hole(house.flash, row.body, 17)
    await house.objects.bring(row, ByteRange(0, len(BODY)), FOREBAY)
    assert 0 < house.origin.body_bytes() - len(BODY) <= CHUNK
    assert (await house.read())[0] == BODY


async def test_bringing_follows_what_the_question_itself_fetched(house):
    house.origin.put("small", BODY[: CHUNK * 2])
    name = ObjectName("b", "small")
    row = await house.objects.current(name, Wish(FOREBAY, Opening(None)), Receipt())
    await house.objects.bring(row, ByteRange(0, CHUNK * 2), FOREBAY)
    assert len(house.origin.asked) == 1
    assert len(house.flash.extents(row.body, range(2))) == 2


async def test_bringing_a_version_that_is_gone_says_so_and_forgets_it(house):
    row = await house.objects.current(NAME, Wish(FOREBAY), Receipt())
    house.origin.put("k", b"newer")
    with pytest.raises(VersionChanged):
        await house.objects.bring(row, ByteRange(0, len(BODY)), FOREBAY)
    assert house.flash.find_row(NAME) is None


async def test_bringing_what_flash_does_not_take_is_trouble_and_no_success(house, monkeypatch):
    async def refuse(*_):
        raise FlashTrouble("full")

    monkeypatch.setattr(house.flash, "write", refuse)
    row = await house.objects.current(NAME, Wish(FOREBAY), Receipt())
    with pytest.raises(FlashTrouble):
        await house.objects.bring(row, ByteRange(0, len(BODY)), FOREBAY)


async def test_what_is_judged_at_each_read_is_what_is_sent(tmp_path):
    origin = ScriptedOrigin()
    origin.put("k", BODY)
    async with (
        await Flash.open(
            tmp_path / "flash",
            size_bytes=64 << 20,
            chunk_bytes=CHUNK,
            writer="test",
            safeguards=Safeguards("always"),
        ) as flash,
        asyncio.TaskGroup() as tasks,
    ):
        house = House(origin, flash, tasks, 64)
        await house.warm()
        before = origin.body_bytes()
        read, _ = await house.open()
        collected = bytearray()
        async for piece in read.pieces:
            # No piece is a place in a file that may change before it is sent.
            assert isinstance(piece, bytes)
            collected += piece
        assert bytes(collected) == BODY
        assert (await house.read(wanted=ByteRange(CHUNK - 5, 3 * CHUNK + 5)))[0] == (
            BODY[CHUNK - 5 : 3 * CHUNK + 5]
        )
        assert origin.body_bytes() == before


async def test_a_body_on_sealed_flash_is_read_in_pieces_that_end_where_units_do(tmp_path):
    origin = ScriptedOrigin()
    origin.put("k", BODY)
    async with (
        await Flash.open(
            tmp_path / "flash",
            size_bytes=64 << 20,
            chunk_bytes=CHUNK,
            writer="test",
            safeguards=Safeguards(keys=(bytes(32),)),
        ) as flash,
        asyncio.TaskGroup() as tasks,
    ):
        house = House(origin, flash, tasks, 64)
        assert (await house.warm())[0] == BODY
        before = origin.body_bytes()
        assert (await house.warm())[0] == BODY
        for start, stop in ((0, 1), (CHUNK - 1, CHUNK + 1), (5, len(BODY)), (3 * CHUNK, 4 * CHUNK)):
            assert (await house.read(wanted=ByteRange(start, stop)))[0] == BODY[start:stop]
        row = flash.find_row(NAME)
        for number, extent in list(flash.extents(row.body, range(2, 5)).items()):
            with (tmp_path / "flash" / "segments" / f"{extent.segment:08d}.seg").open(
                "r+b"
            ) as file:
                file.seek(extent.offset + 1000 * number)
                file.write(b"tampered")
        assert origin.body_bytes() == before
        assert (await house.warm())[0] == BODY
        assert 0 < origin.body_bytes() - before <= 3 * CHUNK
        assert (await house.read())[0] == BODY
