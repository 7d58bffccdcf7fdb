"""The composition root: builds one worker's rooms bottom-up and closes them top-down.

Nobody below reads settings; each room gets plain parameters from here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.access.authorization import Authorization
from gateway.assembly.audit import open_audit_log
from gateway.assembly.core import Core, build_core, make_origin, now, open_flash, rules_of
from gateway.assembly.doors import make_pipeline, make_server
from gateway.assembly.limits import limits_of, metering_of
from gateway.assembly.listening import Listener, Listeners, listener_tls
from gateway.assembly.moves import chores_of_trees, opened_journal
from gateway.assembly.sessions import (
    make_sts,
    renew_sessions,
)
from gateway.assembly.snapshots import keep_swept, served_snapshots
from gateway.assembly.state import open_store, renewed_lookup
from gateway.assembly.tasks import background_tasks
from gateway.doors.connections import Connections
from gateway.doors.http_server import DoorServer, assert_safe_parser
from gateway.doors.s3.pipeline import Pipeline
from gateway.doors.sts.pipeline import StsDoor
from gateway.filesystem.journal import Journal
from gateway.flash.store import Flash
from gateway.settings.tree import Settings
from gateway.telemetry.logs import AccessLog

if TYPE_CHECKING:
    from gateway.assembly.webhdfs import WebHdfsDoor

CERTIFICATE_SECONDS = 10.0
"""How often the certificates' files are looked at."""


async def run_worker(
    settings: Settings,
    *,
    worker_number: int,
    listen_port: int,
    webhdfs_port: int | None = None,
    on_ready: Callable[[], None],
    reloads: AsyncIterator[Settings],
    stop: asyncio.Event,
    shared_folder: Path | None = None,
) -> None:
    """Serve S3 on `listen_port`, and WebHDFS on its own, until `stop` is set; then drain.

    `shared_folder` is where the workers of one gateway share what is no cache.
    Raises OSError where a port cannot be bound, ssl.SSLError for a bad certificate.
    """
    assert_safe_parser()
    async with AsyncExitStack() as stack:
        has_tree = settings.webhdfs.listen is not None
        journal = stack.enter_context(opened_journal(settings, has_tree=has_tree))
        tasks = await stack.enter_async_context(background_tasks())
        flash = await open_flash(settings, f"worker-{worker_number}", shared_folder)
        core = await _open_core(settings, stack, tasks, flash, journal)
        access_log = stack.enter_context(closing(AccessLog(str(settings.log.access))))
        audit_log = open_audit_log(settings, stack)
        logs = [access_log, audit_log]
        metering = stack.enter_context(metering_of(shared_folder))
        pipeline = make_pipeline(settings, core, Authorization(audit_log), metering, access_log)
        sts = make_sts(settings, pipeline, access_log, now)
        connections = Connections(limits_of(settings))
        server = make_server(settings, (pipeline, sts), core, connections, access_log)
        webhdfs = _make_webhdfs(settings, core, pipeline, connections, shared_folder)
        listeners = _listeners(settings, server, webhdfs, (listen_port, webhdfs_port or 0))
        await listeners.open()
        certificates = [one for one in (*listeners.certificates, core.origin.tls) if one]
        chores = (
            connections.keep_time(),
            keep_swept(core.snapshots),
            *chores_of_trees(core.moves, core.senders.ledger, pipeline.authentication),
            _follow(reloads, Renewed(pipeline, sts, webhdfs), core, logs, certificates),
            *_upkeep(webhdfs, certificates),
        )
        followers = [tasks.create_task(chore) for chore in chores]
        on_ready()
        await stop.wait()
        await listeners.drain(settings.s3.drain_seconds)
        _cancel(followers)


async def _open_core(
    settings: Settings,
    stack: AsyncExitStack,
    tasks: asyncio.TaskGroup,
    opened: Flash,
    journal: Journal | None,
) -> Core:
    """Return the rooms below the doors, open until the stack ends."""
    flash = await stack.enter_async_context(opened)
    origin = await stack.enter_async_context(make_origin(settings))
    snapshots = stack.enter_context(served_snapshots(settings))
    store = stack.enter_context(open_store(settings))
    return build_core(settings, origin, flash, store, tasks, snapshots=snapshots, journal=journal)


def _cancel(followers: Sequence[asyncio.Task[None]]) -> None:
    for follower in followers:
        follower.cancel()


def _make_webhdfs(
    settings: Settings,
    core: Core,
    s3: Pipeline,
    connections: Connections,
    shared_folder: Path | None,
) -> "WebHdfsDoor | None":
    """Return the WebHDFS door, if there is to be one; where it is off it is not even loaded."""
    if settings.webhdfs.listen is None:
        return None
    from gateway.assembly.webhdfs import make_webhdfs

    return make_webhdfs(settings, core, s3, connections, shared_folder)


def _upkeep(
    webhdfs: "WebHdfsDoor | None", certificates: Sequence["_Certificates"]
) -> Iterator[Coroutine[None, None, None]]:
    """Yield what is done every now and then."""
    yield _follow_certificates(certificates)
    if webhdfs is not None:
        yield webhdfs.keep_tokens_swept()


def _listeners(
    settings: Settings, s3: DoorServer, webhdfs: "WebHdfsDoor | None", ports: tuple[int, int]
) -> Listeners:
    """Return what is to listen, on the shared ports of S3 and WebHDFS; raises ssl.SSLError."""
    tls = listener_tls(settings.s3.tls_cert, settings.s3.tls_key)
    listeners = [Listener(s3, tls, settings.s3.listen.host, ports[0])]
    if webhdfs is not None:
        listeners.append(webhdfs.listener(settings, ports[1]))
    return Listeners(listeners)


class Renewed(NamedTuple):
    """The doors that a reload renews."""

    s3: Pipeline
    sts: StsDoor
    webhdfs: "WebHdfsDoor | None"


class _Reopened(Protocol):
    """A log that is opened again after a rotation moved it away."""

    def reopen(self) -> None: ...


class _Certificates(Protocol):
    """Something made from files; in a thread, `refresh` makes it anew where they changed."""

    def refresh(self) -> bool: ...


async def _follow(
    reloads: AsyncIterator[Settings],
    doors: Renewed,
    core: Core,
    logs: Sequence[_Reopened | None],
    certificates: Sequence[_Certificates],
) -> None:
    """Put what was read again in force between two requests; open rotated logs again."""
    async for settings in reloads:
        for log in logs:
            if log is not None:
                log.reopen()
        authentication = doors.s3.authentication
        authentication.identities = renewed_lookup(authentication.identities, settings, core.store)
        renew_sessions(authentication, doors.sts, settings)
        if doors.webhdfs is not None:
            doors.webhdfs.renew(settings)
        core.objects.rules = core.writing.rules = rules_of(settings)
        core.flash.put_rules(core.objects.rules)
        await core.flash.resize(settings.flash.size, settings.flash.segment_bytes)
        for one in certificates:
            await asyncio.to_thread(one.refresh)


async def _follow_certificates(certificates: Sequence[_Certificates]) -> None:
    """Look at the certificates' files every few seconds, for ever."""
    while certificates:
        await asyncio.sleep(CERTIFICATE_SECONDS)
        for one in certificates:
            await asyncio.to_thread(one.refresh)
