"""Calls on a mount's operations without a kernel, on a tree in memory; and a real mount."""

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from gateway.access.authentication import Principal
from gateway.access.policy import Policy
from gateway.demo.origin import EmbeddedOrigin
from gateway.doors.fuse.belief import Believing
from gateway.doors.fuse.callers import Callers
from gateway.doors.fuse.inodes import Inodes
from gateway.doors.fuse.room import Appearance, Bounds, Room
from gateway.doors.fuse.staging import StagingArea
from gateway.doors.fuse.users import Names
from gateway.model.rules import STRICT, Freshness
from gateway.protocol.s3.no_claim import NO_CLAIM
from tests.doubles.memory_tree import MemoryTree
from tests.support.gateway_settings import gateway_tables
from tests.support.mount_process import AS_ADMIN, BUCKET, MountProcess, mount_process
from tests.support.origins import s3_client, threaded_origin

STAGED_BYTES_MAX = 40 << 20
ME = SimpleNamespace(uid=1001, gid=1002, pid=1, umask=0o022)


def nobody_named(name: Any) -> Any:
    raise KeyError(name)


def names(table: dict[str, int]) -> Names:
    return Names(table, nobody_named, nobody_named, 65534)


@pytest.fixture
def tree() -> MemoryTree:
    return MemoryTree()


@pytest.fixture
def freshness() -> list[Freshness]:
    """The rule of every name; a test may replace it."""
    return [STRICT]


@pytest.fixture
def forgotten() -> list[tuple[int, bytes]]:
    """The names that the kernel was told to forget."""
    return []


@pytest_asyncio.fixture
async def room(
    tree: MemoryTree,
    freshness: list[Freshness],
    forgotten: list[tuple[int, bytes]],
    tmp_path: Path,
) -> AsyncIterator[Room]:
    principal = Principal("me", "key", Policy(()), NO_CLAIM, None)
    callers = Callers(
        lambda: principal,
        lambda: datetime.now(UTC),
        names({"me": ME.uid}),
        names({"us": ME.gid}),
    )
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as tasks:
            yield Room(
                tree=tree,
                callers=callers,
                believing=Believing(lambda _: freshness[0], 1.0, 1.0),
                inodes=Inodes("/", tree.entries["/"].status),
                tasks=tasks,
                appearance=Appearance(),
                bounds=Bounds(8 << 20, 16),
                staging=StagingArea(tmp_path, STAGED_BYTES_MAX, is_sealed=False),
                forget_entry=lambda parent, name: forgotten.append((parent, name)),
            )


async def refused(call: Any) -> int:
    """Return the number that a call of the kernel is refused with."""
    errors = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here")
    with pytest.raises(errors.FUSEError) as raised:
        await call
    return int(raised.value.errno)


async def lost_to_a_stranger(ops: Any, tree: MemoryTree, handle: int, stranger: str) -> None:
    """See a change of `/a` lost to a stranger who `writes` or removes it, all of it."""
    if stranger == "writes":
        tree.put("/a", b"theirs")
    else:
        del tree.entries["/a"]
    there = dict(tree.entries)
    assert await refused(ops.fsync(handle, datasync=False)) == errno.ESTALE
    assert await refused(ops.flush(handle)) == errno.ESTALE
    await ops.release(handle)
    assert tree.entries == there
    assert ops.room.staging.budget.used == 0


@pytest.fixture(scope="module")
def origin() -> Iterator[EmbeddedOrigin]:
    with threaded_origin() as running:
        running.make_bucket(BUCKET)
        yield running


@pytest.fixture(scope="module")
def s3(origin: EmbeddedOrigin) -> Any:
    return s3_client(origin.endpoint)


@pytest.fixture(scope="module")
def tables(origin: EmbeddedOrigin, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return gateway_tables(origin.endpoint, tmp_path_factory.mktemp("shared") / "flash")


@pytest.fixture(scope="module")
def mount(
    tables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MountProcess]:
    with mount_process(tables, tmp_path_factory.mktemp("mount"), *AS_ADMIN) as running:
        yield running
