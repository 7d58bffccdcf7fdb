"""However writes, evictions and readers follow on each other, a snapshot shows what it recorded."""

import asyncio
from itertools import count
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import CHUNK_BYTES
from tests.support.gateway_worker import Gateway
from tests.support.snapshot_answers import error_of, pages
from tests.support.snapshot_taker import Taker

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = count()
KEYS = st.integers(0, 2)
CHUNKS = st.integers(1, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.tuples(KEYS, CHUNKS)),
        st.tuples(st.just("write_through"), st.tuples(KEYS, CHUNKS)),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("describe"), KEYS),
        st.tuples(st.just("take"), st.none()),
        st.tuples(st.just("read"), KEYS),
        st.tuples(st.just("read_part"), KEYS),
        st.tuples(st.just("read_source"), KEYS),
        st.tuples(st.just("race"), KEYS),
        st.tuples(st.just("drop"), st.none()),
    ),
    min_size=2,
    max_size=16,
)


@given(steps=STEPS, bucket=st.sampled_from(["bucket", "versioned"]))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_step_makes_a_snapshot_show_what_it_did_not_record(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    taker: Taker,
    steps: list[tuple[str, Any]],
    bucket: str,
) -> None:
    trial = _Trial(gateway, origin, taker, bucket)
    for act, what in [("write", (0, 1)), ("write", (1, 2)), ("take", None), *steps]:
        await getattr(trial, act)(what)
    await trial.check_listings()


class _Trial:
    """Three keys and every snapshot of them, beside what a reference remembers."""

    def __init__(self, gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, bucket: str) -> None:
        self.gateway, self.origin, self.taker, self.bucket = gateway, origin, taker, bucket
        self.prefix = f"property/{next(NUMBERS)}/"
        self.version = 0
        self.now: dict[int, bytes] = {}
        self.recorded: dict[str, dict[int, bytes]] = {}
        self.changed: dict[str, set[int]] = {}

    def key(self, number: int) -> str:
        return f"{self.prefix}{number}"

    def body(self, chunks: int) -> bytes:
        self.version += 1
        return self.version.to_bytes(2, "big") * (chunks * CHUNK_BYTES // 2 - 1)

    def note(self, number: int, body: bytes | None) -> None:
        """Remember what is there from now on; None: nothing."""
        if body is None:
            self.now.pop(number, None)
        else:
            self.now[number] = body
        for changed in self.changed.values():
            changed.add(number)

    async def write(self, what: tuple[int, int]) -> None:
        number, body = what[0], self.body(what[1])
        self.note(number, body)
        self.origin.put(self.bucket, self.key(number), body)

    async def write_through(self, what: tuple[int, int]) -> None:
        number, body = what[0], self.body(what[1])
        self.note(number, body)
        reply = await self.gateway.client.put(self.bucket, self.key(number), body)
        assert reply.status == 200

    async def delete(self, number: int) -> None:
        self.note(number, None)
        self.origin.delete(self.bucket, self.key(number))

    async def describe(self, number: int) -> None:
        if number in self.now:
            self.note(number, self.now[number])
            self.origin.describe(self.bucket, self.key(number), {"x-amz-meta-a": "b"})

    async def take(self, _: None) -> None:
        name = await self.taker.take(self.prefix, self.bucket)
        self.recorded[name] = dict(self.now)
        self.changed[name] = set()

    async def read(self, number: int) -> None:
        await asyncio.gather(*(self._read(name, number) for name in self.recorded))

    async def read_part(self, number: int) -> None:
        for name in self.recorded:
            await self._read(name, number, (CHUNK_BYTES // 2, CHUNK_BYTES // 2 + 100))

    async def read_source(self, number: int) -> None:
        reply = await self.gateway.client.get(self.bucket, self.key(number))
        expected = self.now.get(number)
        assert (reply.status, reply.body) == (200, expected) or (
            expected is None and reply.status == 404
        )

    async def race(self, number: int) -> None:
        """Read while it is overwritten."""
        await asyncio.gather(
            *(self._read(name, number) for name in self.recorded for _ in range(2)),
            self.write((number, 2)),
            self.read(number),
        )

    async def drop(self, _: None) -> None:
        await self.gateway.flash.drop()

    async def _read(self, name: str, number: int, part: tuple[int, int] | None = None) -> None:
        """Read from a snapshot; judge the answer by what was recorded."""
        headers = {"Range": f"bytes={part[0]}-{part[1] - 1}"} if part else {}
        try:
            reply = await self.gateway.client.get(name, self.key(number), headers=headers)
        except aiohttp.ClientPayloadError:
            assert self._may_be_gone(name, number)
            return
        expected = self.recorded[name].get(number)
        if expected is None:
            assert error_of(reply)[:2] == (404, "NoSuchKey")
        elif reply.status in (200, 206):
            assert reply.body == (expected[slice(*part)] if part else expected)
        else:
            assert error_of(reply)[:2] == (412, "PreconditionFailed")
            assert self._may_be_gone(name, number)

    def _may_be_gone(self, name: str, number: int) -> bool:
        return self.bucket == "bucket" and number in self.changed[name]

    async def check_listings(self) -> None:
        for name, recorded in self.recorded.items():
            rows = await pages(self.gateway.client, name, f"prefix={self.prefix}&max-keys=1")
            found = {
                next(one for one in row if one.startswith("Key=")).rpartition("/")[2]: int(
                    next(one for one in row if one.startswith("Size=")).removeprefix("Size=")
                )
                for row in rows
            }
            assert found == {str(number): len(body) for number, body in recorded.items()}
            self.taker.snapshots.remove(name)
