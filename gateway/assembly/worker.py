"""The composition root: builds one worker's rooms bottom-up and closes them top-down.

Nobody below reads settings; each room gets plain parameters from here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Protocol

from gateway.access.authorization import Authorization
from gateway.assembly.audit import open_audit_log
from gateway.assembly.core import Core, build_core, make_origin, now, open_flash, rules_of
from gateway.assembly.doors import make_pipeline, make_server
from gateway.assembly.limits import limits_of, metering_of
from gateway.assembly.moves import keep_moves_ended, opened_journal
from gateway.assembly.sessions import (
    make_sts,
    renew_sessions,
)
from gateway.assembly.snapshots import keep_swept, served_snapshots
from gateway.assembly.state import open_store, renewed_lookup
from gateway.assembly.tasks import background_tasks
from gateway.doors.connections import Connections
from gateway.doors.http_server import (
    DoorServer,
    assert_safe_parser,
    listening_socket,
)
from gateway.doors.s3.pipeline import Pipeline
from gateway.doors.sts.pipeline import StsDoor
from gateway.doors.tls import ListenerTls
from gateway.settings.tree import Settings
from gateway.telemetry.logs import AccessLog

CERTIFICATE_SECONDS = 10.0
"""How often the certificates' files are looked at."""


async def run_worker(
    settings: Settings,
    *,
    worker_number: int,
    listen_port: int,
    on_ready: Callable[[], None],
    reloads: AsyncIterator[Settings],
    stop: asyncio.Event,
    shared_folder: Path | None = None,
) -> None:
    """Serve S3 on `listen_port` until `stop` is set, then finish what is in flight.

    `shared_folder` is where the workers of one gateway share what is no cache.
    Raises OSError where the port cannot be bound, ssl.SSLError for a bad certificate.
    """
    assert_safe_parser()
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(opened_journal(settings, has_tree=False))
        tasks = await stack.enter_async_context(background_tasks())
        origin = await stack.enter_async_context(make_origin(settings))
        flash = await stack.enter_async_context(
            await open_flash(settings, f"worker-{worker_number}", shared_folder)
        )
        access_log = stack.enter_context(closing(AccessLog(str(settings.log.access))))
        audit_log = open_audit_log(settings, stack)
        snapshots = stack.enter_context(served_snapshots(settings))
        store = stack.enter_context(open_store(settings))
        core = build_core(
            settings, origin, flash, store, tasks, snapshots=snapshots, journal=journal
        )
        metering = stack.enter_context(metering_of(shared_folder))
        pipeline = make_pipeline(settings, core, Authorization(audit_log), metering, access_log)
        sts = make_sts(settings, pipeline, access_log, now)
        connections = Connections(limits_of(settings))
        server = make_server(settings, (pipeline, sts), core, connections, access_log)
        tls = _listener_tls(settings)
        listener = await _listen(settings, listen_port, server, tls)
        certificates = [one for one in (tls, origin.tls) if one is not None]
        chores = (
            connections.keep_time(),
            _follow_certificates(certificates),
            keep_swept(snapshots),
            keep_moves_ended(core.moves, pipeline.authentication),
            _follow(reloads, (pipeline, sts), core, [access_log, audit_log], certificates),
        )
        followers = [tasks.create_task(chore) for chore in chores]
        on_ready()
        await stop.wait()
        await _drain(listener, server, settings.s3.drain_seconds)
        _cancel(followers)


def _cancel(followers: Sequence[asyncio.Task[None]]) -> None:
    for follower in followers:
        follower.cancel()


async def _drain(listener: asyncio.Server, server: DoorServer, seconds: float) -> None:
    """End idle connections now, and wait only for those that answer a request."""
    listener.close()
    server.pre_shutdown()
    await server.shutdown(seconds)


def _listener_tls(settings: Settings) -> ListenerTls | None:
    if settings.s3.tls_cert is None or settings.s3.tls_key is None:
        return None
    return ListenerTls(settings.s3.tls_cert, settings.s3.tls_key)


async def _listen(
    settings: Settings, port: int, server: DoorServer, tls: ListenerTls | None
) -> asyncio.Server:
    """Open the worker's own socket on the shared port."""
    context = tls.context if tls is not None else None
    return await server.listen(listening_socket(settings.s3.listen.host, port), context)


class _Reopened(Protocol):
    """A log that is opened again after a rotation moved it away."""

    def reopen(self) -> None: ...


class _Certificates(Protocol):
    """Something made from files; in a thread, `refresh` makes it anew where they changed."""

    def refresh(self) -> bool: ...


async def _follow(
    reloads: AsyncIterator[Settings],
    doors: tuple[Pipeline, StsDoor],
    core: Core,
    logs: Sequence[_Reopened | None],
    certificates: Sequence[_Certificates],
) -> None:
    """Put what was read again in force between two requests; open rotated logs again."""
    pipeline, sts = doors
    async for settings in reloads:
        for log in logs:
            if log is not None:
                log.reopen()
        authentication = pipeline.authentication
        authentication.identities = renewed_lookup(authentication.identities, settings, core.store)
        renew_sessions(authentication, sts, settings)
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
