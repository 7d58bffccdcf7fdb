"""Group validation: nobody gets an answer older than the question."""

import asyncio

import pytest

from gateway.core import validation
from gateway.core.batching import PagePlan
from gateway.core.questions import Confirmed, Opening
from gateway.core.validation import Validation
from gateway.model.failures import OriginRefused, OriginUnreachable
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY
from gateway.origin.interface import OriginAnswer
from tests.doubles.scripted_origin import ScriptedOrigin

NAME = ObjectName("b", "k")


class Adopted:
    def __init__(self):
        self.calls = []

    def __call__(
        self, name: ObjectName, confirmed: Confirmed, answer: OriginAnswer, start: int
    ) -> None:
        self.calls.append((name, confirmed, answer, start))


@pytest.fixture
def origin():
    origin = ScriptedOrigin()
    origin.put("k", b"one")
    return origin


@pytest.fixture
async def tasks():
    async with asyncio.TaskGroup() as group:
        yield group


def make(origin, tasks, adopted=None):
    return Validation(origin, tasks, lambda: 7, adopted or Adopted())


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_those_who_arrive_before_the_question_share_it(origin, tasks):
    validation = make(origin, tasks)
    answers = await asyncio.gather(*(validation.confirm(NAME, None, FOREBAY) for _ in range(64)))
    assert origin.count("HEAD") == 1
    assert {answer.version.etag for answer, _ in answers} == {origin.objects["k"].etag}
    assert [joined for _, joined in answers].count(False) == 1


async def test_who_arrives_during_a_question_joins_the_next_one(origin, tasks):
    validation = make(origin, tasks)
    origin.gate = asyncio.Event()
    first = tasks.create_task(validation.confirm(NAME, None, FOREBAY))
    await settle()
    assert origin.count("HEAD") == 1
    # The foreign write completes here: the question in flight has already seen the past.
    newer = origin.put("k", b"newer")
    late = [tasks.create_task(validation.confirm(NAME, None, FOREBAY)) for _ in range(10)]
    await settle()
    assert origin.count("HEAD") == 1
    origin.gate.set()
    assert (await first)[0].version.size == 3
    for task in late:
        assert (await task)[0].version.etag == newer.etag
    assert origin.count("HEAD") == 2


async def test_a_waiter_that_leaves_breaks_nobody(origin, tasks):
    validation = make(origin, tasks)
    origin.gate = asyncio.Event()
    leaving = asyncio.gather(validation.confirm(NAME, None, FOREBAY))
    staying = tasks.create_task(validation.confirm(NAME, None, FOREBAY))
    await settle()
    leaving.cancel()
    await settle()
    origin.gate.set()
    assert (await staying)[0].version.size == 3


async def test_a_failure_is_shared_by_its_round_and_forgotten_after(origin, tasks):
    validation = make(origin, tasks)
    origin.unreachable = True
    outcomes = await asyncio.gather(
        *(validation.confirm(NAME, None, FOREBAY) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(outcome, OriginUnreachable) for outcome in outcomes)
    origin.unreachable = False
    assert (await validation.confirm(NAME, None, FOREBAY))[0].version.size == 3


async def test_absence_is_the_origins_refusal(origin, tasks):
    with pytest.raises(OriginRefused) as refused:
        await make(origin, tasks).confirm(ObjectName("b", "absent"), None, FOREBAY)
    assert refused.value.status == 404


async def test_an_opening_get_is_adopted_before_anyone_learns_of_the_version(origin, tasks):
    adopted = Adopted()
    validation = make(origin, tasks, adopted)
    confirmed, _ = await validation.confirm(NAME, Opening(None), FOREBAY)
    assert confirmed.is_opening
    assert (origin.count("GET"), origin.count("HEAD")) == (1, 0)
    assert [(name, start) for name, _, _, start in adopted.calls] == [(NAME, 0)]


async def test_an_opening_beyond_the_end_asks_by_head(origin, tasks):
    adopted = Adopted()
    confirmed, _ = await make(origin, tasks, adopted).confirm(
        NAME, Opening(ByteRange(1 << 20, 2 << 20)), FOREBAY
    )
    assert confirmed.version.size == 3
    assert not adopted.calls


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
async def test_without_a_strong_etag_there_is_no_version(origin, tasks, etag):
    origin.put("k", b"one", etag=etag)
    for opening in (None, Opening(None)):
        confirmed, _ = await make(origin, tasks).confirm(NAME, opening, FOREBAY)
        assert confirmed.version is None


async def test_a_page_that_fails_inside_leaves_the_word_to_heads(origin, tasks, monkeypatch):
    async def fail(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(validation, "ask_page", fail)
    asking = make(origin, tasks)
    future = asyncio.get_running_loop().create_future()
    group = validation._Group(
        NAME, FOREBAY, [validation._Waiter(future, None, None, is_first=True)]
    )
    asking._groups[NAME, FOREBAY.mark] = group
    batch = asking._batch_of(NAME.bucket)
    batch.began()
    await asking._ask_by_page(NAME.bucket, batch, PagePlan("", (group,), is_in_the_dark=True))
    assert (await future).validation == "own"
