"""Uploads that nobody ended: aborted by the next process, and by no one while their owner lives."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest

from gateway.core.bodies import BytesBody
from gateway.core.growing import Making
from gateway.core.receipt import Receipt
from gateway.core.uploads import Upload
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault
from gateway.filesystem.begun_uploads import BegunUploads
from gateway.filesystem.journal import Journal, open_journal
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY, Voice
from tests.support.core_house import CoreHouse, core_house
from tests.support.origin_hooks import always

NAME = ObjectName("bucket", "k")
MAKING = Making(NAME, {}, FOREBAY, Receipt(), speaker="key:alice")


@pytest.fixture
async def house(origin: EmbeddedOrigin, tmp_path) -> AsyncIterator[CoreHouse]:
    async with core_house(origin.endpoint, tmp_path) as built:
        yield built


@pytest.fixture
def journal(tmp_path) -> Iterator[Journal]:
    with closing(open_journal(tmp_path / "moves", time.time_ns)) as opened:
        yield opened


@pytest.fixture
def ledger(house: CoreHouse, journal: Journal) -> BegunUploads:
    return BegunUploads(journal, house.core.writing)


def voice_of(speaker: str) -> Voice:
    assert speaker in {"", "key:alice"}
    return FOREBAY


async def begun(house: CoreHouse, ledger: BegunUploads) -> Upload:
    upload = await house.changing.begin(NAME, {}, FOREBAY, Receipt())
    await ledger.note(upload, MAKING)
    return upload


async def test_what_a_killed_process_began_is_aborted_and_nothing_of_it_is_seen(
    ledger, origin, tmp_path
):
    command = [sys.executable, "-m", "tests.filesystem.upload_beginner"]
    killed = await asyncio.create_subprocess_exec(
        *command, origin.endpoint, str(tmp_path), stdout=subprocess.PIPE
    )
    assert await killed.stdout.readline() == b"begun\n"
    assert await ledger.abort_left(voice_of) == 0  # it lives
    assert len(origin.store.uploads) == 1
    killed.kill()
    await killed.wait()
    assert await ledger.abort_left(voice_of) == 1
    assert origin.store.uploads == {}
    assert origin.store.buckets["bucket"].find("k") is None
    assert await ledger.abort_left(voice_of) == 0


async def test_what_this_process_works_on_is_left_alone(house, ledger, origin):
    upload = await begun(house, ledger)
    assert await ledger.abort_left(voice_of) == 0
    await upload.complete([await upload.put(1, BytesBody(b"x"))])
    await ledger.strike(upload)
    assert await ledger.abort_left(voice_of) == 0
    assert origin.read("bucket", "k") == b"x"


async def test_what_could_not_be_aborted_is_tried_again(house, ledger, origin):
    upload = await begun(house, ledger)
    await ledger.leave(upload)
    origin.faults.append(always(Fault(is_reset=True), method="DELETE"))
    assert await ledger.abort_left(voice_of) == 0
    origin.faults.clear()
    assert await ledger.abort_left(voice_of) == 1
    assert origin.store.uploads == {}


async def test_what_the_origin_will_never_abort_is_not_asked_for_ever(house, ledger, origin):
    upload = await begun(house, ledger)
    await ledger.leave(upload)
    origin.faults.append(always(Fault(code="AccessDenied"), method="DELETE"))
    assert await ledger.abort_left(voice_of) == 0
    origin.counters.reset()
    assert await ledger.abort_left(voice_of) == 0
    assert origin.counters.requests.total() == 0
