"""A mount's calls on real objects, at random, beside a stranger: no change is lost unseen.

The model is what whoever has the file open must see, and what the origin must have. Files count as
large from 2,000 bytes on, so that what is added to them is kept, sent on and let go.
"""

import errno
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.doors.fuse import contents, sending
from gateway.doors.fuse.room import Room
from tests.doors.fuse.conftest import ME
from tests.doors.fuse.test_writing import FieldsOf
from tests.support.trees import Stage, running_stage

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here", exc_type=ImportError)
operations = pytest.importorskip("gateway.doors.fuse.operations")
ROUNDS = 12


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path) as opened:
        yield opened


class Walk:
    """One file, opened and changed again and again."""

    def __init__(self, ops: Any, stage: Stage, chance: random.Random) -> None:
        self.ops, self.stage, self.chance = ops, stage, chance
        self.theirs = self.mine = b""
        """What the origin has, and what is seen in the mount."""
        self.inode = self.handle = 0
        self.is_dirty = self.builds_on_it = self.is_lost = False

    def put(self) -> None:
        """Be the stranger."""
        self.theirs = self.chance.randbytes(9000)
        self.stage.put("a", self.theirs, modified=None)

    async def open(self) -> None:
        self.builds_on_it = self.chance.random() > 0.15
        flags = os.O_RDWR | (0 if self.builds_on_it else os.O_TRUNC)
        self.inode = (await self.ops.lookup(1, b"a", ME)).st_ino
        self.handle = (await self.ops.open(self.inode, flags, ME)).fh
        self.mine = self.theirs if self.builds_on_it else b""
        self.is_dirty, self.is_lost = not self.builds_on_it, False

    async def add(self) -> None:
        await self._write(len(self.mine) + self.chance.choice([0, 0, 50]))

    async def change(self) -> None:
        await self._write(self.chance.randrange(len(self.mine) + 1))

    async def _write(self, at: int) -> None:
        piece = self.chance.randbytes(self.chance.randrange(1, 4000))
        await self.ops.write(self.handle, at, piece)
        self.mine = self.mine[:at].ljust(at, b"\0") + piece + self.mine[at + len(piece) :]
        self.is_dirty = True

    async def cut(self) -> None:
        length = self.chance.choice([0, self.chance.randrange(len(self.mine) + 1)])
        await self._set(size=length)
        self.mine, self.is_dirty = self.mine[:length], True

    async def chmod(self) -> None:
        await self._set(mode=0o600 + self.chance.randrange(8))

    async def date(self) -> None:
        await self._set(mtime_ns=self.chance.randrange(10**18))

    async def _set(self, **what: int) -> None:
        attributes = pyfuse3.EntryAttributes()
        for name, value in what.items():
            setattr(attributes, f"st_{name}", value)
        fields = FieldsOf(*(name.removesuffix("_ns") for name in what))
        await self.ops.setattr(self.inode, attributes, fields, self.handle, ME)

    async def fsync(self) -> None:
        await self.ops.fsync(self.handle, datasync=False)
        if self.is_dirty:
            assert not (self.is_lost and self.builds_on_it)
            self.theirs, self.builds_on_it = self.mine, True
            self.is_dirty = self.is_lost = False

    async def round(self) -> None:
        """Open, change and close it; whoever lost to the stranger is told."""
        await self.open()
        acts = [self.add, self.add, self.add, self.change, self.cut, self.chmod, self.date]
        try:
            for _ in range(self.chance.randrange(1, 14)):
                await self.chance.choice([*acts, self.fsync])()
                if self.chance.random() < 0.1:
                    self.put()
                    self.is_lost = True
                assert bytes(await self.ops.read(self.handle, 0, 1 << 20)) == self.mine
            await self.fsync()
        except pyfuse3.FUSEError as error:
            if (error.errno, self.is_lost) != (errno.ESTALE, True):
                raise
        await self.ops.release(self.handle)
        assert self.stage.origin.read("bucket", "a") == self.theirs
        assert (await self.ops.lookup(1, b"a", ME)).st_size == len(self.theirs)
        assert self.ops.room.staging.budget.used == 0


@pytest.mark.parametrize("seed", range(4))
async def test_no_change_of_either_is_lost_unseen(
    room: Room, stage: Stage, monkeypatch: pytest.MonkeyPatch, seed: int
):
    for module in (contents, sending):
        monkeypatch.setattr(module, "KEPT_BYTES_MIN", 2000)
    monkeypatch.setattr(sending, "AHEAD_BYTES_MIN", 5000)
    principal = stage.caller().principal
    monkeypatch.setattr(room.callers, "_identify", lambda: principal)
    room.tree = stage.tree_of({"/": "s3://bucket"})
    walk = Walk(operations.Operations(room), stage, random.Random(seed))
    walk.put()
    for _ in range(ROUNDS):
        await walk.round()
