"""Batch validation: one LIST page confirms many keys that wait, never more than HEAD would."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.batching import ROOM_MIN
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault, Gate
from gateway.telemetry import metrics
from tests.support.gateway_settings import ADMIN, READER, RULES
from tests.support.gateway_worker import Gateway, until
from tests.support.origins import ACCESS_KEY, SECRET_KEY
from tests.support.signed_client import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPLAIN = {"x-forebay-explain": "1"}
OWN_KEYS = ("gate-own", "own/secret")
KEYS = 20
ALONE = int(ROOM_MIN)
"""So many keys are asked about one by one; who comes then waits for a page."""


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    own = {
        "name": "own",
        "access_key": OWN_KEYS[0],
        "secret_key": OWN_KEYS[1],
        "policy": "admin",
        "origin_access_key": ACCESS_KEY,
        "origin_secret_key": SECRET_KEY,
    }
    admin = {"name": "admin", "access_key": ADMIN[0], "secret_key": ADMIN[1], "policy": "admin"}
    reader = {"name": "reader", "access_key": READER[0], "secret_key": READER[1]}
    return {
        "origin": {"list_consistency": "strong"},
        "identities": [admin, {**reader, "policy": "read-only"}, own],
        "rules": [*RULES, {"match": "batch-*", "batch_validation": True}],
    }


def body_of(key: str, edition: int = 0) -> bytes:
    return f"{key} {edition}".ljust(64).encode()


class Crowd:
    """Objects of one test, and a crowd that reads them while the first questions are held back."""

    def __init__(self, gateway: Gateway, origin: EmbeddedOrigin, bucket: str) -> None:
        self.gateway, self.origin, self.bucket = gateway, origin, bucket
        origin.make_bucket(bucket)
        self.keys = [f"k/{number:03}" for number in range(KEYS)]
        self.ahead = [f"k/a-{number}" for number in range(ALONE)]

    def write(self, *, age_seconds: float = 100, headers: dict[str, str] | None = None) -> None:
        """Write every object as it was `age_seconds` ago."""
        modified = time.time() - age_seconds
        for key in (*self.keys, *self.ahead):
            self.origin.put(
                self.bucket, key, body_of(key), modified=modified, headers=headers or {}
            )

    async def warm(self) -> None:
        for key in (*self.keys, *self.ahead):
            await self.gateway.warm(self.bucket, key)
        self.origin.counters.reset()

    @asynccontextmanager
    async def held_back(self) -> AsyncIterator[Gate]:
        """Keep as many questions under way as may be asked one by one."""
        gate = Gate()
        held = set(self.ahead)

        def hook(call: Call) -> Fault | None:
            return Fault(hold_answer=gate) if call.key in held else None

        self.origin.faults.append(hook)
        async with asyncio.TaskGroup() as tasks:
            for key in self.ahead:
                tasks.create_task(self.gateway.client.get(self.bucket, key))
            await gate.wait_arrived(ALONE)
            yield gate
            gate.release()
        self.origin.faults.remove(hook)

    async def read(
        self, keys: Sequence[str], *, meanwhile: Callable[[], object] = lambda: None, **how: Any
    ) -> list[Reply]:
        """Return what a crowd reads that had to wait for a page; `meanwhile` is done first."""
        client = how.pop("client", self.gateway.client)
        headers = {**EXPLAIN, **how.pop("headers", {})}
        async with asyncio.TaskGroup() as tasks, self.held_back():
            asked = [
                tasks.create_task(client.get(self.bucket, key, headers=headers)) for key in keys
            ]
            await until(lambda: metrics.requests_in_flight.value >= len(keys) + ALONE)
            meanwhile()
        return [task.result() for task in asked]


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    """A bucket of this test's own: what is learnt of one is of no other."""
    return f"batch-{sha256(request.node.name.encode()).hexdigest()[:12]}"


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(gateway: Gateway, origin: EmbeddedOrigin, bucket: str) -> Crowd:
    found = Crowd(gateway, origin, bucket)
    found.write()
    await found.warm()
    return found


def validations(replies: Sequence[Reply]) -> set[str]:
    return {json.loads(reply.headers["x-forebay-explain"])["validation"] for reply in replies}


def assert_bodies(replies: Sequence[Reply], keys: Sequence[str]) -> None:
    assert [reply.body for reply in replies] == [body_of(key) for key in keys]


async def test_one_page_confirms_many_keys_that_wait(crowd: Crowd) -> None:
    replies = await crowd.read(crowd.keys)
    assert_bodies(replies, crowd.keys)
    assert validations(replies) == {"batched"}
    assert {reply.headers["X-Cache"] for reply in replies} == {"REVALIDATED"}
    assert crowd.origin.counters.operations == {"HeadObject": ALONE, "ListObjectsV2": 1}
    told = [json.loads(reply.headers["x-forebay-explain"]) for reply in replies]
    assert sum(one["origin_requests"] for one in told) == 1


async def test_a_key_alone_is_asked_about_by_head_at_once(crowd: Crowd) -> None:
    reply = await crowd.gateway.client.get(crowd.bucket, crowd.keys[0], headers=EXPLAIN)
    assert validations([reply]) == {"own"}
    assert crowd.origin.counters.operations == {"HeadObject": 1}


async def test_what_was_overwritten_before_the_page_is_read_anew(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    changed, gone, described, twin, same = crowd.keys[3:8]

    def overwrite() -> None:
        origin.put(crowd.bucket, changed, body_of(changed, 1))
        origin.delete(crowd.bucket, gone)
        origin.describe(crowd.bucket, described, {"x-amz-meta-n": "new"})
        etag = origin.store.get_version(crowd.bucket, twin).etag
        origin.put(crowd.bucket, twin, body_of(twin, 1), etag=etag, algorithm="")
        origin.put(crowd.bucket, same, body_of(same), headers={"x-amz-meta-n": "same"})

    replies = dict(zip(crowd.keys, await crowd.read(crowd.keys, meanwhile=overwrite), strict=True))
    assert replies[changed].body == body_of(changed, 1)
    assert replies[gone].status == 404
    assert replies[described].headers["x-amz-meta-n"] == "new"
    assert replies[twin].body == body_of(twin, 1)
    assert replies[same].headers["x-amz-meta-n"] == "same"
    assert validations([replies[key] for key in (changed, described, same)]) == {"own"}
    others = [key for key in crowd.keys if key not in (changed, gone, described, twin, same)]
    assert_bodies([replies[key] for key in others], others)
    assert validations([replies[key] for key in others]) == {"batched"}


async def test_who_arrives_after_the_page_was_sent_is_not_told_its_answer(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    listing, chosen = Gate(), crowd.keys[5]

    def hook(call: Call) -> Fault | None:
        return Fault(hold_answer=listing) if call.operation == "ListObjectsV2" else None

    origin.faults.append(hook)
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(crowd.read(crowd.keys))
        await listing.wait_arrived()
        # The page was made: it shows the past.
        origin.put(crowd.bucket, chosen, body_of(chosen, 1))
        late = tasks.create_task(crowd.gateway.client.get(crowd.bucket, chosen))
        await until(lambda: metrics.requests_in_flight.value >= KEYS + 1)
        listing.release()
    assert late.result().body == body_of(chosen, 1)
    assert_bodies(early.result(), crowd.keys)


@pytest.mark.parametrize("age_seconds", [0.0, 1.0])
async def test_a_version_read_within_two_seconds_of_its_date_is_never_left_to_a_page(
    crowd: Crowd, origin: EmbeddedOrigin, age_seconds: float
) -> None:
    crowd.write(age_seconds=age_seconds)
    await crowd.warm()
    chosen = crowd.keys[0]
    old = origin.store.get_version(crowd.bucket, chosen)
    # The twin has the same size, ETag and second.
    origin.put(crowd.bucket, chosen, body_of(chosen, 1), etag=old.etag, modified=old.modified)
    async with crowd.held_back():
        reply = await crowd.gateway.client.get(crowd.bucket, chosen, headers=EXPLAIN)
    assert reply.body == body_of(chosen, 1)
    assert validations([reply]) == {"own"}


async def test_a_version_grows_old_enough_for_a_page_by_a_later_head(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str
) -> None:
    crowd = Crowd(gateway, origin, bucket)
    crowd.write(age_seconds=0)
    await crowd.warm()
    origin.store.clock = lambda: time.time() + 10
    try:
        for key in (*crowd.keys, *crowd.ahead):
            assert (await crowd.gateway.client.head(crowd.bucket, key)).status == 200
        assert validations(await crowd.read(crowd.keys)) == {"batched"}
    finally:
        origin.store.clock = time.time


async def test_who_has_keys_of_their_own_at_the_origin_is_asked_about_by_head(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    client = crowd.gateway.as_principal(OWN_KEYS)
    async with crowd.held_back():
        replies = await asyncio.gather(*(client.get(crowd.bucket, key) for key in crowd.keys))
    assert_bodies(replies, crowd.keys)
    assert origin.counters.operations == {"HeadObject": KEYS + ALONE}


async def test_a_site_is_asked_about_by_its_own_question(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    site = {"Origin": "https://site.example"}
    async with crowd.held_back():
        replies = await asyncio.gather(
            *(crowd.gateway.client.get(crowd.bucket, key, headers=site) for key in crowd.keys)
        )
    assert_bodies(replies, crowd.keys)
    assert "ListObjectsV2" not in origin.counters.operations


async def test_no_cache_is_asked_about_by_head(crowd: Crowd, origin: EmbeddedOrigin) -> None:
    fresher = {"Cache-Control": "no-cache", **EXPLAIN}
    async with crowd.held_back():
        replies = await asyncio.gather(
            *(crowd.gateway.client.get(crowd.bucket, key, headers=fresher) for key in crowd.keys)
        )
    assert validations(replies) == {"own"}
    assert "ListObjectsV2" not in origin.counters.operations


async def test_a_head_that_comes_to_those_who_wait_for_a_page_is_asked_at_once(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    async with crowd.held_back(), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(crowd.gateway.client.get(crowd.bucket, crowd.keys[0]))
        await until(lambda: metrics.requests_in_flight.value >= ALONE + 1)
        assert (await crowd.gateway.client.head(crowd.bucket, crowd.keys[0])).status == 200
        assert (await waiting).body == body_of(crowd.keys[0])


async def test_no_other_rule_and_no_other_bucket_is_listed(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str
) -> None:
    crowd = Crowd(gateway, origin, bucket.removeprefix("batch-"))
    crowd.write()
    await crowd.warm()
    async with crowd.held_back():
        replies = await asyncio.gather(
            *(gateway.client.get(crowd.bucket, one, headers=EXPLAIN) for one in crowd.keys)
        )
    assert validations(replies) == {"own"}
    assert origin.counters.operations == {"HeadObject": KEYS + ALONE}


async def test_a_later_upload_in_parts_may_bear_an_earlier_date(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    etag = f'"{"a" * 32}-2"'
    for key in crowd.keys:
        origin.put(crowd.bucket, key, body_of(key), etag=etag, modified=time.time() - 100)
    await crowd.warm()
    async with crowd.held_back():
        replies = await asyncio.gather(
            *(crowd.gateway.client.get(crowd.bucket, key, headers=EXPLAIN) for key in crowd.keys)
        )
    assert validations(replies) == {"own"}


@pytest.mark.parametrize("code", ["AccessDenied", "NotImplemented"])
async def test_where_no_page_can_be_had_heads_decide(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str, code: str
) -> None:
    crowd = Crowd(gateway, origin, bucket)
    crowd.write()
    await crowd.warm()
    origin.faults.append(
        lambda call: Fault(code=code) if call.operation == "ListObjectsV2" else None
    )
    replies = await crowd.read(crowd.keys)
    assert_bodies(replies, crowd.keys)
    assert validations(replies) == {"own"}
    listed = origin.counters.operations["ListObjectsV2"]
    assert listed >= 1
    # And none is asked for again soon: who comes now waits for nothing.
    async with crowd.held_back():
        for one in crowd.keys:
            assert (await gateway.client.get(crowd.bucket, one)).status == 200
    assert origin.counters.operations["ListObjectsV2"] == listed


async def test_a_listing_caught_showing_the_past_is_not_believed_again(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str
) -> None:
    crowd = Crowd(gateway, origin, bucket)
    crowd.write(age_seconds=200)
    versions = origin.store.buckets[crowd.bucket].versions
    chosen = crowd.keys[0]
    past = list(versions[chosen])
    crowd.write(age_seconds=100)
    await crowd.warm()
    present = versions[chosen]

    def lag(call: Call) -> None:
        is_listing = call.operation == "ListObjectsV2"
        versions[chosen] = past if is_listing else present

    origin.faults.append(lag)
    before = metrics.validation_pages_untrue.value
    replies = await crowd.read(crowd.keys)
    assert_bodies(replies, crowd.keys)
    assert metrics.validation_pages_untrue.value == before + 1
    origin.counters.reset()
    async with crowd.held_back():
        for one in crowd.keys:
            assert (await gateway.client.get(crowd.bucket, one)).body == body_of(one)
    assert "ListObjectsV2" not in origin.counters.operations


async def test_headers_are_those_of_the_last_head_and_at_most_an_hour_old(
    crowd: Crowd, origin: EmbeddedOrigin
) -> None:
    key = crowd.keys[0]
    origin.store.retag(crowd.bucket, key, "", (("a", "b"),))
    shown = dict(zip(crowd.keys, await crowd.read(crowd.keys), strict=True))
    assert "x-amz-tagging-count" not in shown[key].headers
    origin.store.clock = lambda: time.time() + 3700
    try:
        shown = dict(zip(crowd.keys, await crowd.read(crowd.keys), strict=True))
    finally:
        origin.store.clock = time.time
    assert shown[key].headers["x-amz-tagging-count"] == "1"
    assert validations(list(shown.values())) == {"own"}


async def test_a_head_shows_what_a_page_then_confirms(crowd: Crowd, origin: EmbeddedOrigin) -> None:
    key = crowd.keys[0]
    origin.store.retag(crowd.bucket, key, "", (("a", "b"),))
    assert (await crowd.gateway.client.head(crowd.bucket, key)).headers[
        "x-amz-tagging-count"
    ] == "1"
    shown = dict(zip(crowd.keys, await crowd.read(crowd.keys), strict=True))
    assert validations([shown[key]]) == {"batched"}
    assert shown[key].headers["x-amz-tagging-count"] == "1"


async def test_keys_of_every_spelling_are_confirmed_by_a_page(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str
) -> None:
    crowd = Crowd(gateway, origin, bucket)
    spellings = ["a b", "a+b", "a%20b", "é/ü", "~.-_*'()", "a&b<c>", "//x", 'q"q']
    crowd.keys = [f"k/{one}" for one in spellings]
    crowd.write()
    await crowd.warm()
    replies = await crowd.read(crowd.keys)
    assert_bodies(replies, crowd.keys)
    assert validations(replies) == {"batched"}


async def test_a_version_that_came_back_is_confirmed_and_its_successor_is_not(
    gateway: Gateway, origin: EmbeddedOrigin, bucket: str
) -> None:
    crowd = Crowd(gateway, origin, bucket)
    origin.store.buckets[bucket].versioning = "Enabled"
    crowd.write()
    await crowd.warm()
    chosen = crowd.keys[0]
    newer = origin.put(bucket, chosen, body_of(chosen, 1))
    assert (await gateway.client.head(bucket, chosen)).status == 200
    origin.store.delete(bucket, chosen, newer.version_id)
    replies = await crowd.read(crowd.keys)
    assert_bodies(replies, crowd.keys)
