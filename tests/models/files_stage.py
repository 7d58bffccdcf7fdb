"""Where the tree machine plays: an origin, an S3 door, and the tree of another process.

The tree and the door share nothing but the flash directory, as two processes do. After each step
both show what the reference says, and the origin holds its objects and no other.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.core import growing
from gateway.core.growing import _Size
from gateway.demo.origin import running_origin
from gateway.filesystem import assembling
from gateway.filesystem.assembling import plan_parts
from gateway.filesystem.status import Status
from gateway.model.failures import Failure
from gateway.model.ranges import ByteRange
from tests.models.files_model import DIRECTORY, LINK, OK, FilesModel, Thing
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient
from tests.support.trees import running_stage

PART_BYTES = 64 * 1024
"""In the machine's world: large bodies cost as much time as small ones teach."""
META = "x-amz-meta-"


class FilesStage:
    """Everything the machine acts on."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.counts: Counter[str] = Counter()
        self.origin = new_origin()
        self._folder = folder
        self._stack = AsyncExitStack()
        self._patch = pytest.MonkeyPatch()

    def open(self) -> None:
        self.runner.run(self._opened())
        self.gateway = GatewayRun(self._folder, self.origin.endpoint, workers={"count": 2})
        self.gateway.start()
        self.runner.run(self._tree_opened())

    async def _opened(self) -> None:
        patch, enter = self._patch, self._stack.enter_async_context
        patch.setattr(growing, "SIZES", (_Size(10_000, PART_BYTES, 2),))
        patch.setattr(assembling, "SENT_PART_BYTES", 2 * PART_BYTES)
        patch.setitem(plan_parts.__kwdefaults__, "part_bytes_min", PART_BYTES)
        self.origin.store.part_bytes_min = PART_BYTES
        await enter(running_origin(self.origin))
        self.origin.make_bucket("bucket")

    async def _tree_opened(self) -> None:
        enter = self._stack.enter_async_context
        # A connection for each request: the kernel spreads them over the workers.
        connector = aiohttp.TCPConnector(force_close=True)
        session = await enter(aiohttp.ClientSession(connector=connector, auto_decompress=False))
        self.client = SignedClient(session, self.gateway.endpoint, *ADMIN)
        self.stage = await enter(running_stage(self._folder, origin=self.origin))
        self.tree = self.stage.tree
        assert self.stage.core.flash.is_healthy

    def close(self) -> None:
        self.runner.run(self._stack.aclose())
        assert self.gateway.stop() == 0
        self.runner.close()
        self._patch.undo()

    def run(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(act)

    async def told(self, act: Coroutine[Any, Any, Any]) -> tuple[str, Any]:
        """Return the code of an operation's failure, or OK with what it returned."""
        try:
            return OK, await act
        except Failure as failure:
            return failure.code, None

    def caller(self):
        return self.stage.caller(user="maker")

    # The whole view, held against the reference

    async def check(self, base: str, model: FilesModel) -> None:
        """Raise AssertionError unless both doors and the origin show what the model says."""
        keys = set(self.origin.store.buckets["bucket"].versions)
        stored = {
            key
            for key in keys
            if (found := self.origin.store.buckets["bucket"].find(key)) is not None
            and not found.is_delete_marker
        }
        prefix = f"{base}/"
        ours = {key[len(prefix) :] for key in stored if key.startswith(prefix)} - {""}
        assert ours == set(model.things), "objects at the origin"
        for key, thing in model.things.items():
            await self._check_s3(prefix + key, thing)
        for path in model.directories():
            await self._check_listing(base, path, model)
        self.counts["views checked"] += 1

    async def _check_s3(self, key: str, thing: Thing) -> None:
        reply = await self.client.get("bucket", key)
        assert reply.status == 200, (key, reply)
        assert reply.body == thing.body, key
        assert reply.headers.get(f"{META}colour") == thing.colour, key
        mode = reply.headers.get(f"{META}file-permissions")
        assert (None if mode is None else int(mode, 8) & 0o7777) == thing.mode, key
        assert reply.headers.get(f"{META}file-owner") == thing.owner, key
        self.counts["reads checked"] += 1

    async def _check_listing(self, base: str, path: str, model: FilesModel) -> None:
        shown = f"/bucket/{base}/{path}".rstrip("/")
        page = await self.tree.children(self.caller(), shown)
        expected = model.children(path)
        kinds = [(name, kind) for name, (kind, _) in expected.items()]
        assert [(one.base_name, str(one.kind)) for one in page.entries] == kinds
        for entry in page.entries:
            _, name = expected[entry.base_name]
            relative = f"{path}/{name}" if path else name
            is_directory = str(entry.kind) == DIRECTORY
            thing = model.things.get(f"{relative}/" if is_directory else relative, Thing())
            self._check_status(entry, thing)
            status = await self.tree.status(self.caller(), entry.path)
            assert status == entry
            if str(entry.kind) != DIRECTORY:
                await self._check_bytes(entry, thing)

    def _check_status(self, status: Status, thing: Thing) -> None:
        default = {DIRECTORY: 0o755, LINK: 0o777}.get(str(status.kind), 0o644)
        assert status.mode == (default if thing.mode is None else thing.mode), status
        assert status.owner == (thing.owner or "forebay"), status
        assert status.group == (thing.group or "forebay"), status
        assert status.xattrs == thing.xattrs, status
        assert status.length == len(thing.body), status
        if thing.modified_ns is not None:
            assert status.modified_ns == thing.modified_ns, status
        if thing.is_link:
            assert status.symlink == thing.body.decode(), status
        self.counts["statuses checked"] += 1

    async def _check_bytes(self, status: Status, thing: Thing) -> None:
        opened = await self.tree.open(self.caller(), status.path)
        middle = len(thing.body) // 3
        assert await opened.read(ByteRange(0, status.length)) == thing.body, status
        assert await opened.read(ByteRange(middle, middle + 500)) == thing.body[middle:][:500]


def now_ns() -> int:
    return time.time_ns()
