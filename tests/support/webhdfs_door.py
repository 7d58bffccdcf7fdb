"""The WebHDFS door in the test's own event loop, on a tree in memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.delegation import PURPOSE, DelegationTokens, Lifetimes
from gateway.access.identities import Identities, Identity
from gateway.access.metering import Metering
from gateway.access.policy import compile_policy
from gateway.access.shared_buckets import SharedBuckets
from gateway.access.trusts import Trust, Trusts
from gateway.doors.connections import Connections, Limits
from gateway.doors.http_server import DoorServer, listening_socket
from gateway.doors.room import Room
from gateway.doors.webhdfs.authentication import Proofs, WebHdfsAuthentication
from gateway.doors.webhdfs.connection import HadoopConnection
from gateway.doors.webhdfs.delegation import Delegation
from gateway.doors.webhdfs.handlers import make_handlers
from gateway.doors.webhdfs.last_words import WEBHDFS_WORDS
from gateway.doors.webhdfs.passes import PURPOSE as PASSING
from gateway.doors.webhdfs.passes import Passes
from gateway.doors.webhdfs.pipeline import Pipeline
from gateway.state.sealing import Prover, Sealer
from gateway.state.store import Store
from gateway.telemetry.logs import AccessLog
from tests.doubles.memory_tree import MemoryTree

KEY = bytes(range(32))
ADMIN = compile_policy("admin")
IDENTITIES = Identities(
    [
        Identity("alice", "alice-key", "alice/secret", ADMIN, groups=("staff",)),
        Identity("bob", "bob-key", "bob/secret", ADMIN),
    ]
)
TRUSTS = Trusts([Trust((ip_network("127.0.0.0/8"),), {"alice": "alice", "bob": "bob"})])
LIMITS = Limits(
    connections_max=64,
    headers_max=128,
    header_bytes_max=32 * 1024,
    head_bytes_max=128 * 1024,
    header_seconds=20.0,
    stall_seconds=30.0,
    bytes_per_second_min=0,
    handshake_seconds=10.0,
    keepalive_seconds=75.0,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    document: Any

    @property
    def exception(self) -> str:
        """Return the RemoteException's name, '' where it is none."""
        return self.document["RemoteException"]["exception"] if self.status >= 400 else ""

    @property
    def message(self) -> str:
        return self.document["RemoteException"]["message"]


class RunningDoor:
    """The door, what is behind it, and a client."""

    def __init__(self, port: int, tree: MemoryTree, session: aiohttp.ClientSession, log: Path):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.authority = f"127.0.0.1:{port}"
        self.tree = tree
        self._session = session
        self._log = log

    @property
    def lines(self) -> str:
        """Return the access log so far, once it is closed."""
        return self._log.read_text()

    async def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask `/webhdfs/v1` + target; alice asks unless the target or the headers say who does."""
        headers = dict(headers or {})
        if "user.name" not in target and "Authorization" not in headers:
            target += ("&" if "?" in target else "?") + "user.name=alice"
        return await self.ask_url(method, f"{self.endpoint}/webhdfs/v1{target}", body, headers)

    async def ask_url(
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Ask a URL, as it is, and nothing else."""
        async with self._session.request(
            method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.read()
            is_json = answer.headers.get("Content-Type") == "application/json"
            return Reply(
                answer.status, answer.headers, text, await answer.json() if is_json else None
            )

    async def two_steps(self, method: str, target: str, body: bytes = b"") -> Reply:
        """Ask, and go where the answer says with the body."""
        first = await self.ask(method, target)
        if first.status != 307:
            return first
        assert urlsplit(first.headers["Location"]).netloc == self.authority
        return await self.ask_url(method, first.headers["Location"], body)


@asynccontextmanager
async def running_door(
    folder: Path,
    tree: MemoryTree | None = None,
    *,
    identities: Identities = IDENTITIES,
    trusts: Trusts = TRUSTS,
    limits: Limits = LIMITS,
    requests_max: int = 100,
) -> AsyncIterator[RunningDoor]:
    """Serve WebHDFS on a free port until the block ends; nothing may be left open then."""
    tree = tree or MemoryTree()
    log = folder / "access.log"
    with (
        closing(AccessLog(str(log))) as access_log,
        closing(SharedBuckets(None)) as buckets,
        Store(folder / "state") as store,
    ):
        judge, now = Authentication(identities, _now), _now
        tokens = DelegationTokens(store, Prover([KEY], PURPOSE), Lifetimes(), now)
        passes = Passes(Sealer([KEY], PASSING), now)
        proofs = Proofs(trusts, tokens, passes)
        authentication = WebHdfsAuthentication(judge, proofs)
        authorization = Authorization()
        lends = Delegation(judge, authorization, proofs)
        pipeline = Pipeline(
            authentication,
            authorization,
            make_handlers(tree, authentication, lends, home="/user", block_bytes=128 * 2**20),
            metering=Metering(buckets),
            access_log=access_log,
            room=Room(requests_max),
            now=now,
        )
        connections = Connections(limits)
        server = DoorServer(pipeline.serve, connections, WEBHDFS_WORDS, connection=HadoopConnection)
        listener = listening_socket("127.0.0.1", 0)
        listening = await server.listen(listener, None)
        port = listener.getsockname()[1]
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            asyncio.TaskGroup() as tasks,
        ):
            clock = tasks.create_task(connections.keep_time())
            yield RunningDoor(port, tree, session, log)
            listening.close()
            await server.shutdown(2)
            clock.cancel()


def _now() -> datetime:
    return datetime.now(UTC)
