"""Voices: who has keys of their own at the origin is judged by the origin, on warm objects too."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault, Gate
from gateway.model.names import ObjectName
from tests.support.gateway_settings import ADMIN, CHUNK_BYTES, gateway_tables
from tests.support.gateway_worker import Gateway, until
from tests.support.origin_acls import ANN, BOB, FOREBAY_KEYS, Acls
from tests.support.origin_hooks import once
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient, object_path
from tests.support.snapshot_taker import Taker

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
ANN_HERE, BOB_HERE = ("gate-ann", "ann/secret"), ("gate-bob", "bob/secret")
AT_ORIGIN = {ANN_HERE: ANN, BOB_HERE: BOB, ADMIN: FOREBAY_KEYS}
"""Who signs here -> who signs at the origin."""
RULE_PREFIXES = ["", "bounded/", "immutable/", "bypass/"]


@pytest.fixture(scope="module")
def gateway_changes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tables = gateway_tables("http://127.0.0.1:1", tmp_path_factory.mktemp("unused"))
    return {
        "identities": [
            *tables["identities"],
            *(
                {
                    "name": here[0],
                    "access_key": here[0],
                    "secret_key": here[1],
                    "policy": "admin",
                    "origin_access_key": there[0],
                    "origin_secret_key": there[1],
                }
                for here, there in AT_ORIGIN.items()
                if here != ADMIN
            ),
        ]
    }


@pytest.fixture
def acls(origin: EmbeddedOrigin) -> Iterator[Acls]:
    yield Acls(origin)
    origin.authenticate = new_origin().authenticate


@pytest.fixture
def ann(gateway: Gateway) -> SignedClient:
    return gateway.as_principal(ANN_HERE)


async def test_every_request_is_signed_with_the_principals_own_keys(
    acls: Acls, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    path = object_path("bucket", key)
    assert (await ann.put("bucket", key, BODY)).status == 200
    for _ in range(2):
        assert (await ann.get("bucket", key)).body == BODY
        assert (await ann.head("bucket", key)).status == 200
    assert (await ann.get("bucket", key, query="versionId=null")).body == BODY
    copied = {"x-amz-copy-source": path}
    assert (await ann.put("bucket", f"{key}-copy", b"", headers=copied)).status == 200
    begun = await ann.ask("POST", path, query="uploads=")
    upload = begun.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    part = await ann.put("bucket", key, BODY, query=f"partNumber=1&uploadId={upload}")
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{part.headers['ETag']}</ETag></Part>"
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    for _ in range(2):  # the second is a client's retry, which asks for what is there
        done = await ann.ask("POST", path, query=f"uploadId={upload}", body=whole)
        assert done.status == 200, done
    gone = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
    assert (await ann.ask("POST", "/bucket", query="delete=", body=gone)).status == 200
    assert (await ann.ask("GET", "/bucket", query="list-type=2")).status == 200
    assert (await ann.delete("bucket", key)).status == 204
    assert acls.askers() == {ANN[0]}
    assert origin.counters.requests["HEAD"] >= 3


@pytest.mark.parametrize("prefix", RULE_PREFIXES)
async def test_a_warm_object_is_served_to_nobody_whom_the_origin_refuses(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str, prefix: str
) -> None:
    key = prefix + key
    origin.put("bucket", key, BODY, headers={"x-amz-meta-colour": "green"})
    for allowed in AT_ORIGIN:
        acls.denied.clear()
        await gateway.client.get("bucket", key)
        acls.denied.update(
            {there[0]: {object_path("bucket", key)} for here, there in AT_ORIGIN.items()}
        )
        del acls.denied[AT_ORIGIN[allowed][0]]
        for asker in AT_ORIGIN:
            client = gateway.as_principal(asker)
            for reply in (await client.get("bucket", key), await client.head("bucket", key)):
                if asker == allowed:
                    assert reply.status == 200
                elif asker != ADMIN or prefix in ("", "bypass/"):
                    # Only what the origin confirmed to Forebay itself holds for a while, by rule.
                    assert reply.status == 403
                    assert "x-amz-meta-colour" not in reply.headers
                    assert BODY[:16] not in reply.body


async def test_a_snapshot_is_served_to_nobody_whom_the_origin_refuses(
    gateway: Gateway, origin: EmbeddedOrigin, acls: Acls, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    ann, bob = gateway.as_principal(ANN_HERE), gateway.as_principal(BOB_HERE)
    acls.denied[BOB[0]] |= {f"/bucket/{key}", "/bucket"}
    for _ in range(2):  # cold, then warm for whom it was told
        for client in (gateway.client, ann):
            assert (await client.get(name, key)).body == BODY
            assert (await client.head(name, key)).status == 200
        assert (await bob.get(name, key)).status == 403
        assert (await bob.head(name, key)).status == 403
        assert (await bob.get(name, key, headers={"Range": "bytes=0-9"})).status == 403
    for client, status in ((gateway.client, 200), (ann, 200), (bob, 403)):
        assert (await client.ask("GET", f"/{name}", query="list-type=2")).status == status
        absent = await client.get(name, f"{key}-absent")
        assert absent.status == (404 if status == 200 else 403)


async def test_the_bytes_on_flash_are_shared(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    assert (await ann.get("bucket", key)).body == BODY
    assert origin.counters.requests == {"HEAD": 1}
    assert acls.asked[-1][0] == ANN[0]


async def test_headers_are_those_that_the_origin_shows_this_voice(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    origin.put("bucket", key, BODY, headers={"x-amz-meta-colour": "green"})
    await gateway.warm("bucket", key)
    stored = origin.store.get_version("bucket", key).headers

    def hide_from_ann(call: Call) -> None:
        # As tag counts and locks are shown at AWS: to who may know of them.
        stored.update({"x-amz-meta-colour": "green"})  # type: ignore[attr-defined]
        if ANN[0] in call.headers["authorization"]:
            del stored["x-amz-meta-colour"]  # type: ignore[attr-defined]

    origin.faults.append(hide_from_ann)
    for client, shown in ((ann, None), (gateway.client, "green"), (ann, None)):
        assert (await client.get("bucket", key)).headers.get("x-amz-meta-colour") == shown
        assert (await client.head("bucket", key)).headers.get("x-amz-meta-colour") == shown


async def test_voices_do_not_join_each_others_questions(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    bob = gateway.as_principal(BOB_HERE)
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    acls.denied[BOB[0]].add(object_path("bucket", key))
    held = Gate()
    origin.faults.append(lambda _: Fault(hold_answer=held))
    async with asyncio.TaskGroup() as tasks:
        anns = [tasks.create_task(ann.get("bucket", key)) for _ in range(3)]
        await held.wait_arrived()
        refused = tasks.create_task(bob.get("bucket", key))
        await until(lambda: origin.counters.requests["HEAD"] >= 2)
        held.release()
    assert [one.result().body for one in anns] == [BODY] * 3
    assert refused.result().status == 403


@pytest.mark.parametrize("prefix", ["bounded/", "immutable/"])
async def test_a_rule_serves_unasked_only_whom_the_origin_confirmed_it_to(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, key: str, prefix: str
) -> None:
    key = prefix + key
    origin.put("bucket", key, BODY)
    for here, there in AT_ORIGIN.items():
        client = gateway.as_principal(here)
        origin.counters.reset()
        assert (await client.get("bucket", key)).body == BODY
        await until(lambda: gateway.is_on_flash("bucket", key))
        assert acls.asked[-1][0] == there[0]
        asked = origin.counters.requests.total()
        reply = await client.get("bucket", key)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "HIT")
        assert origin.counters.requests.total() == asked > 0


async def test_a_fill_of_one_voice_that_is_refused_fails_no_other(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    bob = gateway.as_principal(BOB_HERE)
    body = BODY * 8  # several runs
    origin.put("bucket", key, body)
    assert gateway.settings.flash.chunk_size == CHUNK_BYTES
    path = object_path("bucket", key)
    held = Gate()
    # Ann's first GET breaks off in the middle of its body, when she has lost her right to the rest.
    fault = Fault(
        stall_bytes=CHUNK_BYTES * 2, stall=held, truncate_bytes=CHUNK_BYTES * 2 + CHUNK_BYTES // 2
    )
    origin.faults.append(once("GET", fault, key=key))
    async with asyncio.TaskGroup() as tasks:
        anns = tasks.create_task(_read_or_cut(ann, key))
        await held.wait_arrived()
        acls.denied[ANN[0]].add(path)
        bobs = [tasks.create_task(bob.get("bucket", key)) for _ in range(3)]
        await until(lambda: BOB[0] in acls.askers(path))
        held.release()
    assert [one.result().body == body for one in bobs] == [True] * 3
    assert body.startswith(anns.result())


async def _read_or_cut(client: SignedClient, key: str) -> bytes:
    """Return what came of a body before its end, or before the connection was cut."""
    received = bytearray()
    try:
        async with client.opened("GET", object_path("bucket", key)) as answer:
            async for piece in answer.content.iter_any():
                received += piece
    except aiohttp.ClientError:
        pass
    return bytes(received)


NUMBERS = count()
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.lists(st.sampled_from(list(AT_ORIGIN)), min_size=1)),
        st.tuples(st.just("flip"), st.sampled_from(list(AT_ORIGIN.values()))),
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.tuples(st.just("forget"), st.none()),
    ),
    min_size=2,
    max_size=14,
)


@given(steps=STEPS, prefix=st.sampled_from(RULE_PREFIXES))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_voice_gets_a_byte_that_its_own_question_was_not_allowed(
    acls: Acls,
    gateway: Gateway,
    origin: EmbeddedOrigin,
    steps: list[tuple[str, Any]],
    prefix: str,
) -> None:
    key = f"{prefix}property/{next(NUMBERS)}"
    trial = _Trial(
        acls, gateway, origin, key, may_be_unasked="bounded" in prefix or "imm" in prefix
    )
    for act, what in [("write", 1), *steps]:
        await getattr(trial, act)(what)


class _Trial:
    """One object, three voices, and which versions the origin showed each of them."""

    def __init__(
        self,
        acls: Acls,
        gateway: Gateway,
        origin: EmbeddedOrigin,
        key: str,
        *,
        may_be_unasked: bool,
    ) -> None:
        self.acls, self.gateway, self.origin, self.key = acls, gateway, origin, key
        self.may_be_unasked = may_be_unasked
        self.path = object_path("bucket", key)
        self.version = 0
        self.told: defaultdict[str, set[int]] = defaultdict(set)
        acls.denied.clear()

    async def write(self, chunks: int) -> None:
        """Overwrite behind Forebay's back with another byte."""
        self.version += 1
        self.origin.put("bucket", self.key, bytes([self.version]) * (chunks * CHUNK_BYTES))

    async def flip(self, there: tuple[str, str]) -> None:
        """Give a user the right to the object, or take it."""
        self.acls.denied[there[0]] ^= {self.path}

    async def forget(self, _: None) -> None:
        """Lose the row: the next question is a GET that opens a fill."""
        await self.gateway.flash.forgotten(ObjectName("bucket", self.key))

    async def read(self, readers: list[tuple[str, str]]) -> None:
        """Read at once as each of `readers`; judge each answer by what the origin let pass."""
        self.acls.asked.clear()
        replies = await asyncio.gather(
            *(self.gateway.as_principal(here).get("bucket", self.key) for here in readers)
        )
        asked_now = self.acls.askers(self.path)
        for who in asked_now:
            self.told[who].add(self.version)
        for here, reply in zip(readers, replies, strict=True):
            there = AT_ORIGIN[here][0]
            if reply.status == 200:
                assert there in asked_now or self.may_be_unasked
                (served,) = set(reply.body)
                assert served in (self.told[there] if self.may_be_unasked else {self.version})
            else:
                assert reply.status == 403
                assert not self.acls.allows(there, self.path)
                assert reply.body.startswith(b"<?xml")


async def test_whom_the_origin_denies_is_not_told_whether_it_lies_on_flash(
    acls: Acls, gateway: Gateway, origin: EmbeddedOrigin, ann: SignedClient, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    for asked in ({}, {"x-forebay-explain": "1"}, {"Range": "bytes=0-3"}):
        told = []
        for name in (key, f"{key}/absent"):
            acls.denied[ANN[0]].add(object_path("bucket", name))
            reply = await ann.get("bucket", name, headers=asked)
            assert reply.status == 403
            told.append({each.lower() for each in reply.headers})
        assert told[0] == told[1]
        assert not told[0] & {"x-cache", "x-forebay-explain", "age"}
