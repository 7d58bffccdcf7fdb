"""A machine of chance against a model: hits are right, forgotten is forgotten, the size is kept.

The model is what was ever written: a miss is always allowed; wrong bytes and what was forgotten are
not.
"""

import asyncio
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.flash.check import occupied_bytes
from gateway.flash.faults import Faults
from gateway.flash.safeguards import Safeguards
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble
from tests.flash.rooms import CHUNK_BYTES, MIB, data_of, fill, read, row_of, wait_for

SIZE_BYTES = 12 * MIB
KEYS = st.sampled_from(["a", "b", "c", "d/e"])
ETAGS = st.sampled_from(['"1"', '"2"'])
LENGTHS = {"a": 100, "b": 5000, "c": CHUNK_BYTES, "d/e": CHUNK_BYTES}
CHUNKS = 12


class FlashMachine(RuleBasedStateMachine):
    """Everything that may happen to flash, one at a time."""

    keys: tuple[bytes, ...] = ()

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="flash-machine")
        self.path = Path(self.folder.name)
        self.faults = Faults()
        self.runner = asyncio.Runner()
        self.flash = self.run(self.opened())
        self.forgotten: dict[str, int] = {}
        self.is_damaged = False

    def run(self, awaitable):
        return self.runner.run(awaitable)

    def opened(self):
        return Flash.open(
            self.path,
            size_bytes=SIZE_BYTES,
            chunk_bytes=CHUNK_BYTES,
            segment_bytes=MIB,
            writer="machine",
            probe_seconds=0.01,
            faults=self.faults,
            safeguards=Safeguards(keys=self.keys),
        )

    def teardown(self):
        try:
            self.run(self.healed())
            # What a power loss took is told by no row: it shows when it is read.
            assert self.run(self.flash.check(with_data=not self.is_damaged)) == []
        finally:
            self.run(self.flash.close())
            self.runner.close()
            self.folder.cleanup()

    async def healed(self):
        self.faults.faults.clear()
        await wait_for(lambda: self.flash.is_healthy)

    @rule(key=KEYS, etag=ETAGS, start=st.integers(0, CHUNKS - 1), count=st.integers(1, CHUNKS))
    def write(self, key, etag, start, count):
        row = row_of(key, CHUNKS * LENGTHS[key], etag=etag)
        chunks = range(start, min(start + count, CHUNKS))

        async def attempt():
            try:
                await fill(self.flash, row, chunks, LENGTHS[key])
            except FlashTrouble:
                assert self.faults.faults or not self.flash.is_healthy

        self.run(attempt())

    @rule(key=KEYS, etag=ETAGS, number=st.integers(0, CHUNKS - 1))
    def read_one(self, key, etag, number):
        row = row_of(key, CHUNKS * LENGTHS[key], etag=etag)
        data = self.run(read(self.flash, row, number))
        assert data in (None, data_of(row, number, LENGTHS[key]))
        self.flash.touch(row.body, number)

    @rule(key=KEYS)
    def forget(self, key):
        row = row_of(key, 0)
        self.run(self.flash.forgotten(row.name))
        self.forgotten[key] = row.confirmed_ns
        self.flash.put_row(row)

    @rule(seed=st.integers(0, 1000))
    def churn(self, seed):
        async def attempt():
            for number in range(4):
                row = row_of(f"churn {seed} {number}", 16 * CHUNK_BYTES)
                try:
                    await fill(self.flash, row, range(16), CHUNK_BYTES)
                except FlashTrouble:
                    return

        self.run(attempt())

    @rule(prefix=st.sampled_from(["", "bucket/d", "bucket/a"]))
    def drop(self, prefix):
        self.run(self.flash.drop(prefix))

    @rule(
        point=st.sampled_from(["segment.create", "segment.write", "record.append", "index.commit"]),
        error=st.sampled_from(["ENOSPC", "EIO"]),
    )
    def break_something(self, point, error):
        self.faults.faults[point] = error

    @rule()
    def heal(self):
        self.run(self.healed())

    @rule()
    def restart(self):
        self.run(self.flash.close())
        self.faults.faults.clear()
        self.flash = self.run(self.opened())

    @rule(seed=st.integers(0, 1000))
    def lose_power(self, seed):
        self.run(self.flash.close())
        self.faults.faults.clear()
        self.is_damaged = True
        chance = random.Random(seed)
        for file in sorted((self.path / "segments").iterdir()):
            if chance.random() < 0.3:
                length = file.stat().st_size
                with file.open("r+b") as pages:
                    pages.truncate(chance.randrange(length + 1))
                    if chance.random() < 0.7:
                        pages.truncate(length)
        (self.path / "boot").write_text("another-boot open\n")
        self.flash = self.run(self.opened())
        # Tombstones are lost with the index, and so is every confirmation that they outlive.
        self.forgotten.clear()

    @invariant()
    def nothing_comes_back(self):
        for key, confirmed_ns in self.forgotten.items():
            row = self.flash.find_row(row_of(key, 0).name)
            # 0 is never: where a removal could not be committed, all earlier rows are distrusted.
            assert row is None or row.confirmed_ns == 0 or row.confirmed_ns > confirmed_ns

    @invariant()
    def the_size_is_kept(self):
        assert occupied_bytes(self.path) <= SIZE_BYTES


class SealedFlashMachine(FlashMachine):
    """The same under a key."""

    keys = (bytes(range(32)),)


FEW = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestFlashMachine = FlashMachine.TestCase
TestFlashMachine.settings = FEW
TestSealedFlashMachine = SealedFlashMachine.TestCase
TestSealedFlashMachine.settings = settings(FEW, max_examples=8)
