"""A tree of files on a real core in front of an embedded origin, in the test's own event loop.

    async def test_x(tmp_path):
        async with running_stage(tmp_path) as stage:
            stage.put("a/b", b"body", mode="0100600")     # at the origin, as a stranger would
            status = await stage.tree.status(stage.caller(), "/bucket/a/b")
            assert stage.asked() == {"HeadObject": 1, "ListObjectsV2": 1}

`running_stage` takes changes of the settings by section, as `gateway_settings` does (rules,
identities, `filesystem={"listed_attributes": "listed"}`, ...), `mounts={"/m": "s3://bucket/p"}`, an
origin that runs already, and an audit log. `stage.caller("reader")` is a new caller with the rights
of that identity of the settings; `stage.caller(policy=[...])` is one with a policy of its own.
`stage.origin` is the embedded origin (its `faults`, `counters`), `stage.reset()` sets its counters
to zero, `stage.core` is what assembly built. Buckets `bucket`, `other` and `versioned` exist.

Everything is real but the network: flash, index, policies. Nothing is shared between stages with
folders of their own; two stages on one folder are two processes as far as flash is concerned.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Principal
from gateway.access.authorization import Authorization
from gateway.access.policy import compile_policy
from gateway.assembly import core as core_assembly
from gateway.assembly.core import Core, build_core, make_origin, open_flash
from gateway.assembly.files import make_tree
from gateway.assembly.state import written_of
from gateway.assembly.tasks import background_tasks
from gateway.core.receipt import Receipt
from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_store import StoredVersion
from gateway.filesystem.caller import Caller
from gateway.filesystem.journal import open_journal
from gateway.filesystem.mounts import MountTable, read_mount
from gateway.filesystem.tree import FileTree
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.no_claim import NO_CLAIM
from gateway.settings.tree import Settings
from gateway.state.snapshots import Snapshots
from gateway.telemetry.audit_log import AuditLog
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import SettableClock
from tests.support.origins import new_origin

BUCKETS = ("bucket", "other", "versioned")
LONG_AGO = 1_700_000_000.0
"""When `put` says that an object was written: old enough for a listing to prove a row."""


@dataclass(frozen=True)
class FakeRequest:
    """The request that a judgement is made for."""

    id: str
    head: RequestHead
    remote: str = "192.0.2.7"


@dataclass
class Stage:
    """What `running_stage` gives."""

    settings: Settings
    origin: EmbeddedOrigin
    core: Core
    tree: FileTree
    clock: SettableClock
    authorization: Authorization
    receipts: list[Receipt] = field(default_factory=list)

    def caller(
        self,
        name: str = "admin",
        *,
        policy: object = None,
        user: str = "",
        groups: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Caller:
        """Return a new caller: an identity of the settings, or one with a policy of its own."""
        head = RequestHead("GET", "/x", "prefix=lies", CIMultiDictProxy(CIMultiDict(headers or {})))
        receipt = Receipt()
        self.receipts.append(receipt)
        return Caller(
            self._principal(name, policy),
            FakeRequest(uuid4().hex[:16].upper(), head),
            datetime.now(UTC),
            user or name,
            groups,
            receipt,
        )

    def tree_of(self, mounts: Mapping[str, str]) -> FileTree:
        """Return another tree on the same core, with mounts."""
        return make_tree(self.settings, self.core, self.authorization, mount_table(mounts))

    def put(
        self,
        key: str,
        content: bytes = b"",
        *,
        bucket: str = "bucket",
        modified: float | None = LONG_AGO,
        **metadata: str,
    ) -> StoredVersion:
        """Write at the origin, past Forebay; `mode`, `owner`, `group`, `mtime` are the file's."""
        names = {
            "mode": "file-permissions",
            "owner": "file-owner",
            "group": "file-group",
            "mtime": "file-mtime",
        }
        headers = {f"x-amz-meta-{names.get(name, name)}": text for name, text in metadata.items()}
        return self.origin.put(bucket, key, content, headers=headers, modified=modified)

    def reset(self) -> None:
        """Count from zero."""
        self.origin.counters.reset()

    def asked(self) -> dict[str, int]:
        """Return how often each operation was asked of the origin since `reset`."""
        counted: Counter[str] = self.origin.counters.operations
        return {name: count for name, count in counted.items() if count}

    def _principal(self, name: str, policy: object) -> Principal:
        if policy is not None:
            rights = compile_policy(policy)
            return Principal(name, f"key-{name}", rights, NO_CLAIM, None)
        identity = written_of(self.settings).identities.find_name(name)
        assert identity is not None, f"the settings have no identity {name}"
        return Principal(
            identity.name,
            identity.access_key,
            identity.policy,
            NO_CLAIM,
            None,
            identity.voice,
            groups=identity.groups,
        )


def mount_table(mounts: Mapping[str, str] | None) -> MountTable:
    """Return the table of `{"/models": "s3://models/prod"}`; none shows the buckets."""
    return MountTable({path: read_mount(text) for path, text in (mounts or {}).items()})


@asynccontextmanager
async def running_stage(
    folder: Path,
    *,
    origin: EmbeddedOrigin | None = None,
    mounts: Mapping[str, str] | None = None,
    audit_log: AuditLog | None = None,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """Build a tree; at the end its flash must be sound. `changes` are those of the settings."""
    async with AsyncExitStack() as stack:
        if origin is None:
            origin = await stack.enter_async_context(running_origin(new_origin()))
        for bucket in BUCKETS:
            origin.make_bucket(bucket)
        settings = gateway_settings(origin.endpoint, folder / "flash", **changes)
        clock = SettableClock()
        stack.enter_context(_under(clock))
        journal = stack.enter_context(closing(open_journal(folder / "moves", time_ns)))
        tasks = await stack.enter_async_context(background_tasks())
        client = await stack.enter_async_context(make_origin(settings))
        flash = await stack.enter_async_context(await open_flash(settings, "tree", None))
        snapshots = Snapshots(settings.state.path / "snapshots", lambda: clock.time_ns() / 1e9)
        stack.enter_context(closing(snapshots))
        core = build_core(
            settings, client, flash, None, tasks, snapshots=snapshots, journal=journal
        )
        authorization = Authorization(audit_log)
        tree = make_tree(settings, core, authorization, mount_table(mounts))
        origin.counters.reset()
        yield Stage(settings, origin, core, tree, clock, authorization)
        assert journal.moves() == []
        assert await flash.check(with_data=True) == []


@contextmanager
def _under(clock: SettableClock) -> Iterator[None]:
    """Have what assembly builds ask this clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core_assembly, "time", SimpleNamespace(time_ns=clock.time_ns))
        yield
