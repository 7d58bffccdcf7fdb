"""Patience: what passes is asked again within budgets, outages are waited for, tails hedged."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.model.failures import InvalidRequest, OriginUnreachable
from gateway.model.voices import FOREBAY
from gateway.origin.hedging import SAMPLES_MIN, Hedging
from gateway.origin.interface import OriginRequest
from gateway.origin.patience import PatienceParameters, PatientOrigin
from gateway.telemetry import metrics

HEAD = OriginRequest("HEAD", "bucket", "p/key", voice=FOREBAY)


class Answer:
    """An answer without a body."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class ScriptedOrigin:
    """Answers by `say(number of the question)`: a status, or an exception to raise."""

    def __init__(self, say) -> None:
        self.say = say
        self.asked = 0
        self.answers = []

    async def ask(self, _request):
        number, self.asked = self.asked, self.asked + 1
        said = self.say(number)
        if asyncio.iscoroutine(said):
            said = await said
        if isinstance(said, Exception):
            raise said
        self.answers.append(Answer(said))
        return self.answers[-1]


async def after(seconds, said):
    """Return what is said by an origin that is slow to say it."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    return said


def patient(say, *, seconds=5.0, attempts_max=3, is_hedging=False):
    origin = ScriptedOrigin(say)
    return origin, PatientOrigin(origin, PatienceParameters(attempts_max, seconds, is_hedging))


@pytest.mark.parametrize("passing", [429, 500, 502, 503, 504, OriginUnreachable("reset")])
async def test_what_passes_is_asked_again(passing):
    origin, asking = patient(lambda number: passing if number < 2 else 200)
    assert (await asking.ask(HEAD)).status == 200
    assert origin.asked == 3
    assert all(answer.is_closed for answer in origin.answers[:-1])


@pytest.mark.parametrize("status", [200, 304, 403, 404, 412, 501])
async def test_what_does_not_pass_is_an_answer(status):
    origin, asking = patient(lambda _: status)
    assert (await asking.ask(HEAD)).status == status
    assert origin.asked == 1


async def test_one_bad_question_is_given_up_after_its_attempts():
    origin, asking = patient(lambda _: 500)
    with pytest.raises(OriginUnreachable, match="500"):
        await asking.ask(HEAD)
    assert origin.asked == 3


async def test_the_origins_own_words_are_kept_where_they_are_wanted():
    _, asking = patient(lambda _: 500)
    assert (await asking.ask(replace(HEAD, keeps_answer=True))).status == 500


async def test_a_refusal_is_no_failed_attempt():
    """One prefix is refused five times while all others are answered: nobody takes it for lost."""
    refusals = [503] * 5
    origin, asking = patient(lambda _: 200, seconds=20)

    class Refusing:
        async def ask(self, request):
            is_hot = request.raw_key.startswith("hot")
            return Answer(refusals.pop()) if is_hot and refusals else await origin.ask(request)

    asking._ask = Refusing().ask
    async with asyncio.TaskGroup() as tasks:
        hot = tasks.create_task(asking.ask(replace(HEAD, raw_key="hot/key")))
        while not hot.done():
            assert (await asking.ask(HEAD)).status == 200
            await asyncio.sleep(0)
    assert hot.result().status == 200
    assert not refusals
    assert not asking._breaker.is_open


async def test_what_is_not_safe_to_repeat_is_asked_once_and_never_waits():
    origin, asking = patient(lambda _: 503)
    for _ in range(20):
        assert (await asking.ask(replace(HEAD, method="PUT"))).status == 503
    assert origin.asked == 20


async def test_resumptions_are_repetitions_too():
    """Every body breaks: of those that ask for the rest, the budget lets few through."""
    origin = ScriptedOrigin(lambda _: 200)
    asking = PatientOrigin(origin, PatienceParameters(3, 0.01, is_hedging=False), lambda: 0.0)
    for _ in range(100):
        await asking.ask(HEAD)
        await _failed(asking, replace(HEAD, is_repetition=True))
    assert 100 < origin.asked <= 100 + 10 + 10


async def test_an_outage_shorter_than_the_patience_is_not_seen_and_hardly_asked_about():
    loop = asyncio.get_running_loop()
    back_at = loop.time() + 1.5
    origin, asking = patient(lambda _: 200 if loop.time() >= back_at else 503, seconds=20)
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(asking.ask(HEAD)) for _ in range(40)]
    assert {answer.result().status for answer in answers} == {200}
    # 40 first attempts, a few probes, then each of the 40 once more; without waiting, hundreds.
    assert origin.asked <= 40 + 20 + 40


async def test_an_outage_longer_than_the_patience_is_told_soon():
    loop = asyncio.get_running_loop()
    origin, asking = patient(lambda _: OriginUnreachable("refused"), seconds=0.5)
    for _ in range(3):
        with pytest.raises(OriginUnreachable):
            await asking.ask(HEAD)
    began, asked = loop.time(), origin.asked
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(_failed(asking)) for _ in range(100)]
    assert all(task.result() for task in waiting)
    assert loop.time() - began < 3
    assert origin.asked - asked <= 10


async def _failed(asking, request=HEAD) -> bool:
    try:
        await asking.ask(request)
    except OriginUnreachable:
        return True
    return False


async def test_after_an_outage_everything_is_asked_at_once():
    states = {"is_away": True}
    _, asking = patient(lambda _: 503 if states["is_away"] else 200, seconds=1.0)
    with pytest.raises(OriginUnreachable):
        await asking.ask(HEAD)
    states["is_away"] = False
    assert (await asking.ask(HEAD)).status == 200


async def test_a_client_that_leaves_does_not_take_the_only_probe_with_it():
    gate = asyncio.Event()

    async def stuck():
        await gate.wait()
        return 200

    states = {"say": 503}
    _, asking = patient(lambda _: stuck() if states["say"] is None else states["say"], seconds=3.0)
    with pytest.raises(OriginUnreachable):
        await asyncio.wait_for(asking.ask(HEAD), 10)
    states["say"] = None
    async with asyncio.TaskGroup() as tasks:
        probe = tasks.create_task(asking.ask(HEAD))
        await asyncio.wait({probe}, timeout=1.0)
        probe.cancel()
        states["say"] = 200
    assert (await asking.ask(HEAD)).status == 200


async def test_repetitions_are_at_most_a_tenth_of_what_is_asked():
    """One key in five fails always: most of its repetitions are not granted."""
    before = metrics.origin_retries.value
    origin = ScriptedOrigin(lambda number: 500 if number % 5 == 0 else 200)
    # A clock that stands still refills no reserve.
    asking = PatientOrigin(origin, PatienceParameters(3, 0.01, is_hedging=False), lambda: 0.0)
    results = [await _failed(asking) for _ in range(1000)]
    assert True in results
    assert metrics.origin_retries.value - before <= 100 + 10


async def test_a_long_tail_is_asked_twice_and_the_first_answer_counts():
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)
    cancelled = asyncio.Event()

    async def never():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    first = origin.asked
    origin.say = lambda number: never() if number == first else 204
    assert (await asyncio.wait_for(hedging.ask(HEAD), 10)).status == 204
    assert origin.asked == first + 2
    assert cancelled.is_set()


async def test_one_that_lost_its_race_counts_for_the_tail():
    """Were only winners counted, hedges would make the tail look short, and ask for more hedges."""
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)
    (tail,) = hedging._tails.values()
    counted, first = tail._count, origin.asked
    origin.say = lambda number: after(30, 200) if number == first else 204
    await hedging.ask(HEAD)
    assert tail._count == counted + 2
    assert max(tail._samples) >= tail.delay_seconds


async def test_a_listing_has_a_tail_of_its_own():
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for request in (replace(HEAD, method="GET"), replace(HEAD, method="GET", raw_key="")):
        await hedging.ask(request)
    assert len(hedging._tails) == 2


async def test_of_two_failures_one_is_raised():
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)

    origin.say = lambda _: after(0.2, OriginUnreachable("late"))
    with pytest.raises(OriginUnreachable, match="late"):
        await hedging.ask(HEAD)


async def test_a_failure_that_is_no_silence_keeps_its_name_under_a_hedge():
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)
    origin.say = lambda _: InvalidRequest("no such name", code="InvalidBucketName")
    with pytest.raises(InvalidRequest, match="no such name"):
        await hedging.ask(HEAD)


class Standing:
    """Questions that wait until they are told what to say."""

    def __init__(self) -> None:
        self.asked = []
        self.cancelled = []
        self.came = asyncio.Event()

    async def ask(self, _request):
        number, said = len(self.asked), asyncio.get_running_loop().create_future()
        self.asked.append(said)
        self.came.set()
        try:
            return await said
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise

    async def until(self, count):
        """Return when so many questions stand."""
        while len(self.asked) < count:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 5)


async def hedged():
    """Return questions that stand, and a hedging that asks a second one after 50 ms."""
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)
    standing = Standing()
    hedging._ask = standing.ask
    return standing, hedging


async def test_a_first_answer_that_comes_after_all_ends_the_second_question():
    standing, hedging = await hedged()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(hedging.ask(HEAD))
        await standing.until(2)
        standing.asked[0].set_result(first := Answer(200))
    assert (asking.result(), first.is_closed, standing.cancelled) == (first, False, [1])


async def test_of_two_answers_in_one_turn_one_is_given_up():
    standing, hedging = await hedged()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(hedging.ask(HEAD))
        await standing.until(2)
        answers = [Answer(200), Answer(200)]
        for said, answer in zip(standing.asked, answers, strict=True):
            said.set_result(answer)
    assert (asking.result() is answers[0], answers[0].is_closed) == (True, False)
    assert answers[1].is_closed or standing.cancelled == [1]


async def test_a_failure_waits_for_the_other_question():
    standing, hedging = await hedged()
    for failing, answering in ((0, 1), (1, 0)):
        standing.asked.clear()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(hedging.ask(HEAD))
            await standing.until(2)
            standing.asked[failing].set_exception(OriginUnreachable("away"))
            await asyncio.sleep(0)
            standing.asked[answering].set_result(answer := Answer(200))
        assert asking.result() is answer
    assert standing.cancelled == []


async def test_who_leaves_leaves_no_question_behind():
    standing, hedging = await hedged()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(hedging.ask(HEAD))
        await standing.until(2)
        asking.cancel()
    assert asking.cancelled()
    assert sorted(standing.cancelled) == [0, 1]


async def test_hedges_are_at_most_one_in_twenty():
    origin = ScriptedOrigin(lambda _: 200)
    hedging = Hedging(origin.ask, asyncio.get_running_loop().time)
    for _ in range(2 * SAMPLES_MIN):
        await hedging.ask(HEAD)
    before, asked = metrics.origin_hedges.value, origin.asked

    origin.say = lambda _: after(0.12, 200)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(200):
            tasks.create_task(hedging.ask(HEAD))
    assert 0 < metrics.origin_hedges.value - before <= 0.05 * (asked + 200) + 2
