"""The machine: foreign writers, clients, faults and kills against one gateway, step by step.

Hypothesis chooses the steps; `Stage` carries them out and judges every answer by the reference.
Keys are new for each example, the gateway is not: its cache, tiny on purpose, stays full of what
earlier examples left, so that eviction never rests.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.models import crowds, traffic
from tests.models.reference_store import Key
from tests.models.stage import FAULTS, WORKERS, Stage
from tests.support.gateway_settings import CHUNK_BYTES

RUN_BYTES = 8 * CHUNK_BYTES
SIZES = st.sampled_from(
    [
        *(0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 7),
        *(RUN_BYTES, RUN_BYTES + 1, 3 * RUN_BYTES + 11, 900_000),
    ]
)
ALL_NAMES = (
    *(("bucket", name) for name in ("plain", "sp ace+%2F/é", "bounded/b", "admit/a")),
    ("versioned", "v"),
)
NAMES = st.sampled_from(ALL_NAMES)
OVERWRITES = {
    "same bytes": traffic.foreign_same_bytes,
    "metadata": traffic.foreign_metadata_only,
    "collision": traffic.foreign_md5_collision,
    "delete": traffic.foreign_delete,
}
FLASH_FAULTS = st.sampled_from(
    [
        "segment.write=ENOSPC",
        "segment.write=EIO",
        "segment.read=EIO",
        "segment.create=ENOSPC\nsegment.write=ENOSPC",
        "index.commit=EROFS\nsegment.create=EROFS\nsegment.write=EROFS",
        "segment.write=slow:0.05\nsegment.read=slow:0.02",
        "record.append=kill",
        "index.commit=kill",
        "evict.carried=kill",
        "evict.forgotten=kill",
        "evict.unlinked=kill",
    ]
)
STEPS_BETWEEN_BLOWS = {
    "drop cache": 3,
    "kill of a worker": 5,
    "kill of everything": 20,
    "restart": 20,
}
"""What takes the gateway a second to mend comes more seldom."""


def _drop_cache(stage: Stage, number: int) -> None:
    del number
    stage.gateway.drop_cache()
    stage.is_disturbed = True


def _kill_worker(stage: Stage, number: int) -> None:
    # One that serves remains, so the next steps go on at once.
    stage.heal_flash()
    stage.gateway.wait_workers(WORKERS)
    stage.gateway.kill_worker(number)


def _restart(stage: Stage, number: int) -> None:
    stage.settle()
    assert stage.gateway.stop() == 0
    _started_again(stage, number)


def _kill_everything(stage: Stage, number: int) -> None:
    stage.settle()
    stage.gateway.kill_everything()
    _started_again(stage, number)


def _started_again(stage: Stage, number: int) -> None:
    """Start anew; sometimes the check is the first to open what was left."""
    if number:
        stage.assert_sound()
    stage.gateway.start()


BLOWS = {
    "drop cache": _drop_cache,
    "kill of a worker": _kill_worker,
    "kill of everything": _kill_everything,
    "restart": _restart,
}


class GatewayMachine(RuleBasedStateMachine):
    """One example: up to fifty steps on keys of its own."""

    stage: ClassVar[Stage]
    examples: ClassVar[int] = 0
    steps_since_blow: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.prefix = self.examples
        self.keys: set[Key] = set()

    def key(self, name: Key) -> Key:
        """Return the example's own key of that name; its prefix is the rule's."""
        bucket, key = name
        first, slash, rest = key.rpartition("/")
        found = bucket, f"{first}{slash}{self.prefix}/{rest}"
        self.keys.add(found)
        return found

    def step(self, name: str, act: Awaitable[None] | None = None) -> None:
        """Count a step, and carry it out."""
        self.stage.counts["steps"] += 1
        self.stage.counts[f"step {name}"] += 1
        type(self).steps_since_blow += 1
        if act is not None:
            self.stage.run(act)

    @initialize(sizes=st.lists(SIZES, min_size=len(ALL_NAMES), max_size=len(ALL_NAMES)))
    def begin_with_objects(self, sizes: list[int]) -> None:
        for name, size in zip(ALL_NAMES, sizes, strict=True):
            self.step("foreign put", self._now(traffic.foreign_put, self.key(name), size))
        self.listed = [self.key(name) for name in crowds.NAMES]
        self.step("listed", self._now(crowds.begin, self.listed, random.Random(len(sizes))))

    # Foreign writers

    @rule(name=NAMES, size=SIZES)
    def foreign_put(self, name: Key, size: int) -> None:
        self.step("foreign put", self._now(traffic.foreign_put, self.key(name), size))

    @rule(name=NAMES, kind=st.sampled_from(sorted(OVERWRITES)))
    def foreign_change(self, name: Key, kind: str) -> None:
        self.step(f"foreign {kind}", self._now(OVERWRITES[kind], self.key(name)))

    # Clients that write

    @rule(
        name=NAMES,
        size=SIZES,
        condition=st.sampled_from(["", "", "create", "match", "stale"]),
        fault=st.sampled_from(["", "", "answer lost", "reset", "503"]),
    )
    def put(self, name: Key, size: int, condition: str, fault: str) -> None:
        if fault:
            self.stage.arm([FAULTS[fault]])
        self.step("put", traffic.put(self.stage, self.key(name), size, condition))

    @rule(name=NAMES, size=SIZES)
    def put_a_lie(self, name: Key, size: int) -> None:
        self.step("put a lie", traffic.put_a_lie(self.stage, self.key(name), size))

    @rule(name=NAMES, several=st.booleans())
    def delete(self, name: Key, several: bool) -> None:
        self.step("delete", traffic.delete(self.stage, self.key(name), several=several))

    @rule(name=NAMES, sizes=st.lists(SIZES, min_size=1, max_size=3), repeated=st.booleans())
    def multipart(self, name: Key, sizes: list[int], repeated: bool) -> None:
        self.step(
            "multipart",
            traffic.multipart(self.stage, self.key(name), sizes, is_repeated=repeated),
        )

    @rule(source=NAMES, name=NAMES)
    def copy(self, source: Key, name: Key) -> None:
        self.step("copy", traffic.copy(self.stage, self.key(source), self.key(name)))

    # Clients that read

    @rule(name=NAMES)
    def get(self, name: Key) -> None:
        self.step("get", self.stage.read(self.key(name)))

    @rule(name=NAMES)
    def head(self, name: Key) -> None:
        self.step("head", self.stage.read(self.key(name), "HEAD"))

    @rule(name=NAMES, first=st.integers(0, 900_000), length=st.integers(1, 300_000))
    def get_range(self, name: Key, first: int, length: int) -> None:
        key = self.key(name)
        value = self.stage.store.current(key)
        first %= len(value.body) + 2 if value is not None else 10
        self.step("range", self.stage.read(key, Range=f"bytes={first}-{first + length - 1}"))

    @rule(name=NAMES, length=st.integers(1, 100_000))
    def get_suffix(self, name: Key, length: int) -> None:
        self.step("suffix", self.stage.read(self.key(name), Range=f"bytes=-{length}"))

    @rule(
        name=NAMES,
        condition=st.sampled_from(["If-Match", "If-None-Match"]),
        method=st.sampled_from(["GET", "HEAD"]),
        is_current=st.booleans(),
    )
    def get_if(self, name: Key, condition: str, method: str, is_current: bool) -> None:
        key = self.key(name)
        value = self.stage.store.current(key)
        etag = value.etag if value is not None and is_current else '"another"'
        self.step("conditional", self.stage.read(key, method, **{condition: etag}))

    @rule()
    def get_everything(self) -> None:
        async def read_all() -> None:
            await asyncio.gather(*(self.stage.read(key) for key in sorted(self.keys)))

        self.step("everything", read_all())

    @rule(name=NAMES, seed=st.integers(0, 2**32), size=SIZES)
    def race(self, name: Key, seed: int, size: int) -> None:
        self.step("race", traffic.race(self.stage, self.key(name), random.Random(seed), size))

    @rule(seed=st.integers(0, 2**32))
    def crowd(self, seed: int) -> None:
        self.step("crowd", crowds.crowd(self.stage, self.listed, random.Random(seed)))

    # Trouble

    @rule(name=st.sampled_from(sorted(FAULTS)), count=st.integers(1, 4))
    def origin_fault(self, name: str, count: int) -> None:
        self.stage.arm([FAULTS[name]] * count)
        self.step(f"fault {name}")

    @rule(faults=FLASH_FAULTS)
    def flash_fault(self, faults: str) -> None:
        self.stage.break_flash(faults)
        self.step(f"flash fault {faults.partition(chr(10))[0]}")

    @rule()
    def everything_heals(self) -> None:
        if not self.stage.is_disturbed:
            return  # no step: Hypothesis likes rules without arguments
        self.stage.settle()
        self.step("heal", self.stage.wait_recovered())

    @rule(kind=st.sampled_from(sorted(BLOWS)), number=st.integers(0, 1))
    def blow(self, kind: str, number: int) -> None:
        # No precondition: what Hypothesis may choose must not hang on earlier examples.
        if self.steps_since_blow < STEPS_BETWEEN_BLOWS[kind]:
            return
        BLOWS[kind](self.stage, number)
        type(self).steps_since_blow = 0
        self.step(kind)

    def teardown(self) -> None:
        """Heal everything; then each key must be what the origin has, and flash must be sound."""
        self.stage.settle()

        async def read_all() -> None:
            await self.stage.wait_recovered()
            for key in sorted(self.keys):
                await self.stage.read(key)
                await self.stage.read(key, "HEAD")

        self.stage.run(read_all())
        for key in self.keys:
            assert self.stage.origin_value(key) == self.stage.store.current(key)
        self.stage.assert_sound()

    async def _now(self, act: Callable[..., None], *words: object) -> None:
        act(self.stage, *words)
