"""Where the machine of three doors plays: an origin, a gateway of two workers, and a mount.

All are processes of their own but the origin, which is a thread here, so that a stranger can write
there in one step. After each step what was touched is read through every door, and the origin holds
the objects of the reference and no other.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp

from gateway.demo.origin_store import StoredVersion
from tests.models.doors_hands import BUCKET, MountHand, S3Hand, WebHdfsHand
from tests.models.doors_seen import (
    GROUPS,
    USERS,
    Seen,
    expected,
    expected_object,
    in_a_mount,
    in_hdfs,
    read_object,
    told,
)
from tests.models.files_model import FilesModel, parent_of
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN, gateway_tables
from tests.support.mount_process import AS_ADMIN, MountProcess, mount_process
from tests.support.origins import threaded_origin
from tests.support.signed_client import SignedClient
from tests.support.waiting import wait_until

WORKERS = 2
_NANOSECONDS = 10**9
_LOOKING = (3, 3, 3, 2, 1)
"""How many doors look after a step: none may be right only because it has looked before."""
_CHANGES: dict[str, Any] = {
    "webhdfs": {"listen": "127.0.0.1:0"},
    "filesystem": {"users": USERS, "groups": GROUPS},
    # Names and attributes are asked for each time, as bytes are: what is older is never right.
    "mount": {"listed_seconds": 0, "directory_seconds": 0},
    "rules": [],
}


class DoorsStage:
    """Everything the machine acts on."""

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        """Each step that failed, also where it does not fail when it is played again."""
        self._folder = folder
        self._runner = asyncio.Runner()
        self._stack = ExitStack()
        self._async_stack = AsyncExitStack()
        self._mount: MountProcess | None = None

    def open(self) -> None:
        """Start everything, or leave nothing that runs."""
        try:
            self._started()
        except BaseException:
            self._stack.close()
            raise

    def _started(self) -> None:
        self.origin = self._stack.enter_context(threaded_origin())
        self.origin.make_bucket(BUCKET)
        self.gateway = GatewayRun(
            self._folder, self.origin.endpoint, workers={"count": WORKERS}, **_CHANGES
        )
        self.gateway.start()
        self._stack.callback(self.gateway.close)
        self.remount()
        self._runner.run(self._connected())

    async def _connected(self) -> None:
        # A connection for each request: the kernel spreads them over the workers.
        connector = aiohttp.TCPConnector(force_close=True)
        session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        await self._async_stack.enter_async_context(session)
        webhdfs = self.gateway.process.webhdfs
        assert webhdfs is not None
        self.s3 = S3Hand(SignedClient(session, self.gateway.endpoint, *ADMIN))
        self.webhdfs = WebHdfsHand(session, webhdfs, ADMIN)

    def close(self) -> None:
        """End everything, and see that flash is whole."""
        self._runner.run(self._async_stack.aclose())
        problems = self._runner.run(self.gateway.flash_problems())
        self._stack.close()
        self._runner.close()
        assert problems == []

    def run(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(act)

    @property
    def log(self) -> str:
        """What gateway and mount said last."""
        assert self._mount is not None
        return self.gateway.process.log[-4000:] + self._mount.log[-4000:]

    # What is killed, and comes again

    def remount(self) -> None:
        """Mount, also over a mount that was killed."""
        tables = gateway_tables(self.origin.endpoint, self.gateway.flash_path, **_CHANGES)
        mounting = mount_process(tables, self._folder, *AS_ADMIN)
        self._mount = self._stack.enter_context(mounting)
        self.mount = MountHand(self._mount.path)

    def end_mount(self, *, is_killed: bool, left_open: Iterable[int] = ()) -> None:
        """End the mount while files are open in it."""
        assert self._mount is not None
        if is_killed:
            self._mount.kill()
        else:
            assert self._mount.terminate() == 0
        for opened in left_open:
            with suppress(OSError):  # the mount is gone
                os.close(opened)

    def kill_worker(self, number: int) -> None:
        """kill -9 of one worker, while the other one serves."""
        self.gateway.wait_workers(WORKERS)
        self.gateway.kill_worker(number)
        # Connections that its socket had taken are reset: nobody is sent there any more.
        wait_until(lambda: self.gateway.listeners >= 1)

    # Every door, held against the reference

    def stored(self, base: str) -> dict[str, StoredVersion]:
        """Return the newest version of each key under a directory."""
        bucket, prefix = self.origin.store.buckets[BUCKET], f"{base}/"
        found = {key: bucket.find(key) for key in list(bucket.versions) if key.startswith(prefix)}
        return {
            key[len(prefix) :]: one
            for key, one in found.items()
            if one is not None and not one.is_delete_marker
        }

    def check(
        self, base: str, model: FilesModel, paths: Iterable[str], chance: random.Random
    ) -> None:
        """Raise AssertionError unless every door shows what the model says.

        The doors look in any order.
        """
        stored = self.stored(base)
        assert set(stored) - {""} == set(model.things), "objects at the origin"
        origin_ns = {key: int(one.modified) * _NANOSECONDS for key, one in stored.items()}
        for key in model.things:
            body = self.origin.read(BUCKET, f"{base}/{key}")
            seen = read_object(key, body, stored[key].headers, origin_ns[key])
            self._same("origin", key, seen, expected_object(model, key, origin_ns))
        looks = [self._look_by_s3, self._look_by_webhdfs, self._look_by_mount]
        chance.shuffle(looks)
        for look in looks[: chance.choice(_LOOKING)]:
            look(base, model, sorted(paths), origin_ns)

    def _look_by_s3(
        self, base: str, model: FilesModel, paths: Iterable[str], origin_ns: dict[str, int]
    ) -> None:
        for key in (one for path in paths for one in (path, f"{path}/")):
            seen = self.run(self.s3.look(f"{base}/{key}"))
            self._same("S3", key, seen, expected_object(model, key, origin_ns))
        assert self.run(self.s3.keys(f"{base}/")) - {""} == set(model.things), "keys by S3"

    def _look_by_webhdfs(
        self, base: str, model: FilesModel, paths: Iterable[str], origin_ns: dict[str, int]
    ) -> None:
        for path in paths:
            wanted = expected(model, path, origin_ns)
            seen = self.run(self.webhdfs.look(f"{base}/{path}"))
            self._same("WebHDFS", path, seen, wanted and in_hdfs(wanted))
        for folder in _folders(model, paths):
            names = self.run(self.webhdfs.names(f"{base}/{folder}"))
            assert names == _kinds(model, folder), f"WebHDFS lists {folder}"

    def _look_by_mount(
        self, base: str, model: FilesModel, paths: Iterable[str], origin_ns: dict[str, int]
    ) -> None:
        for path in paths:
            wanted = expected(model, path, origin_ns)
            seen = self.mount.look(f"{base}/{path}")
            self._same("mount", path, seen, wanted and in_a_mount(wanted))
        for folder in _folders(model, paths):
            names = self.mount.names(f"{base}/{folder}")
            assert names == _kinds(model, folder), f"the mount lists {folder}"

    def _same(self, door: str, path: str, seen: Seen | None, wanted: Seen | None) -> None:
        assert seen == wanted, f"{door} shows {path}: {told(seen)}, and it is {told(wanted)}"
        self.counts[f"looks by {door}"] += 1
        self.counts["reads checked"] += 1


def _folders(model: FilesModel, paths: Iterable[str]) -> list[str]:
    """Return the directories at paths and above them."""
    above = {one for path in paths for one in (path, parent_of(path))}
    return sorted(one for one in above if model.is_directory(one))


def _kinds(model: FilesModel, folder: str) -> dict[str, str]:
    return {name: kind for name, (kind, _) in model.children(folder).items()}


def now_ns() -> int:
    return time.time_ns()
