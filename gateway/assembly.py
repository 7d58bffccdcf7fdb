"""The composition root: builds one worker's rooms bottom-up and closes them top-down.

Nobody below reads settings; each room gets plain parameters from here.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.audit_assembly import open_audit_log
from gateway.core.admission import Admission
from gateway.core.budget import ByteBudget
from gateway.core.filling import Filling, FillParameters
from gateway.core.objects import Objects
from gateway.core.reading import ReadParts
from gateway.core.validation import Adopt, Validation
from gateway.core.writing import WriteParameters, Writing
from gateway.doors.connections import Connections
from gateway.doors.http_server import (
    S3Server,
    assert_safe_parser,
    listening_socket,
)
from gateway.doors.s3.conditional_writes import CONDITIONAL_OPERATIONS, refusing_conditions
from gateway.doors.s3.deletions import DeletionDoor
from gateway.doors.s3.forms import FormDoor
from gateway.doors.s3.long_answers import LongAnswers
from gateway.doors.s3.objects import ObjectDoor
from gateway.doors.s3.passthrough import Passthrough
from gateway.doors.s3.pipeline import Handler, Pipeline
from gateway.doors.s3.preflights import PreflightDoor
from gateway.doors.s3.uploads import UploadDoor
from gateway.doors.sts.pipeline import StsDoor
from gateway.doors.tls import ListenerTls
from gateway.doors_assembly import at_once_of
from gateway.flash.store import Flash
from gateway.limits_assembly import limits_of, metering_of
from gateway.model.rules import Rules
from gateway.model.voices import Keys
from gateway.origin.credentials import ChainCredentials, Credentials, StaticCredentials
from gateway.origin.patience import PatienceParameters, PatientOrigin
from gateway.origin.s3 import OriginParameters, S3Origin
from gateway.sessions_assembly import (
    choosing_door,
    make_roles,
    make_sts,
    make_tokens,
    renew_sessions,
)
from gateway.settings import Settings
from gateway.state.store import Store
from gateway.state_assembly import make_lookup, open_store, renewed_lookup
from gateway.telemetry.logs import AccessLog

RUN_CHUNKS = 8
"""Chunks of one origin request: at 33 MB/s, 8 MiB make a 30 ms round trip cost an eighth."""
AHEAD_RUNS_MAX = 12
"""Parallel origin requests behind one client stream."""

KEEP_ALIVE_SECONDS = 5.0
"""Silence after which a client that waits for a long operation is sent a space."""
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
        tasks = await stack.enter_async_context(_background_tasks())
        origin = await stack.enter_async_context(make_origin(settings))
        flash = await stack.enter_async_context(
            await _open_flash(settings, f"worker-{worker_number}", shared_folder)
        )
        access_log = stack.enter_context(closing(AccessLog(str(settings.log.access))))
        audit_log = open_audit_log(settings, stack)
        core = _core(settings, origin, flash, stack.enter_context(open_store(settings)), tasks)
        metering = stack.enter_context(metering_of(shared_folder))
        pipeline = _pipeline(settings, core, Authorization(audit_log), metering, access_log)
        sts = make_sts(settings, pipeline, access_log, _now)
        connections = Connections(limits_of(settings))
        server = _server(settings, (pipeline, sts), core, connections, access_log)
        tls = _listener_tls(settings)
        listener = await _listen(settings, listen_port, server, tls)
        certificates = [one for one in (tls, origin.tls) if one is not None]
        followers = [
            tasks.create_task(connections.keep_time()),
            tasks.create_task(_follow_certificates(certificates)),
            tasks.create_task(
                _follow(reloads, (pipeline, sts), core, [access_log, audit_log], certificates)
            ),
        ]
        on_ready()
        await stop.wait()
        listener.close()
        # Idle connections end now; only those that answer a request are waited for.
        server.pre_shutdown()
        await server.shutdown(settings.s3.drain_seconds)
        for follower in followers:
            follower.cancel()


def _server(
    settings: Settings,
    doors: tuple[Pipeline, StsDoor],
    core: "_Core",
    connections: Connections,
    access_log: AccessLog,
) -> S3Server:
    """Put the doors behind the listener: a hit that needs no waiting, else S3 or STS."""
    pipeline, sts = doors
    domains = settings.s3.domain
    at_once = at_once_of(pipeline, core.objects, domains, access_log, _now)
    return S3Server(choosing_door(pipeline, sts, domains), connections, at_once)


async def _open_flash(settings: Settings, writer: str, shared_folder: Path | None) -> Flash:
    """Return the cache, which the caller closes; raises OSError."""
    return await Flash.open(
        settings.flash.path,
        size_bytes=settings.flash.size,
        chunk_bytes=settings.flash.chunk_size,
        segment_bytes=settings.flash.segment_bytes,
        writer=writer,
        distrust_path=shared_folder / "distrust" if shared_folder is not None else None,
    )


def _listener_tls(settings: Settings) -> ListenerTls | None:
    if settings.s3.tls_cert is None or settings.s3.tls_key is None:
        return None
    return ListenerTls(settings.s3.tls_cert, settings.s3.tls_key)


async def _listen(
    settings: Settings, port: int, server: S3Server, tls: ListenerTls | None
) -> asyncio.Server:
    """Open the worker's own socket on the shared port."""
    context = tls.context if tls is not None else None
    return await server.listen(listening_socket(settings.s3.listen.host, port), context)


class _ClosingError(Exception):
    """Ends a task group: https://docs.python.org/3/library/asyncio-task.html#terminating-a-task-group."""


@contextlib.asynccontextmanager
async def _background_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Yield the group in which fills and questions outlive their clients; its end cancels them."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
            raise _ClosingError  # noqa: TRY301 - the documented way to end a group
    except* _ClosingError:
        pass


def make_origin(settings: Settings, *, addressing: str | None = None) -> S3Origin:
    """Return the client of the origin that the settings name; `addressing` replaces theirs."""
    chosen = settings.origin
    credentials: Credentials = ChainCredentials()
    if chosen.access_key is not None and chosen.secret_key is not None:
        token = chosen.session_token
        credentials = StaticCredentials(
            Keys(
                chosen.access_key,
                chosen.secret_key.get_secret_value(),
                token.get_secret_value() if token is not None else None,
            )
        )
    parameters = OriginParameters(
        endpoint=chosen.endpoint or f"https://s3.{chosen.region}.amazonaws.com",
        region=chosen.region,
        is_virtual_host_style=(addressing or chosen.addressing) == "virtual",
        ca_file=chosen.ca_file,
        client_cert=chosen.client_cert,
        client_key=chosen.client_key,
        connections_max=chosen.connections_max,
        connect_timeout_seconds=chosen.connect_timeout_seconds,
        read_timeout_seconds=chosen.read_timeout_seconds,
    )
    if urlsplit(parameters.endpoint).scheme not in {"http", "https"}:
        raise ValueError(f"origin.endpoint {parameters.endpoint} is no http(s) URL")
    return S3Origin(parameters, credentials, _now)


@dataclass(frozen=True, slots=True)
class _Core:
    """What the doors stand on."""

    origin: S3Origin
    flash: Flash
    store: Store | None
    objects: Objects
    writing: Writing


def _core(
    settings: Settings,
    origin: S3Origin,
    flash: Flash,
    store: Store | None,
    tasks: asyncio.TaskGroup,
) -> _Core:
    """Join the parts of reading and writing."""
    attempts_max, chunk_bytes = settings.origin.attempts_max, settings.flash.chunk_size
    chosen = settings.origin
    patient = PatientOrigin(
        origin, PatienceParameters(attempts_max, chosen.patience_seconds, chosen.hedging)
    )
    filling = Filling(
        patient,
        flash,
        tasks,
        FillParameters(chunk_bytes, RUN_CHUNKS, settings.flash.fill_memory, attempts_max),
    )
    parts = ReadParts(
        patient, flash, filling, chunk_bytes, RUN_CHUNKS, AHEAD_RUNS_MAX, attempts_max
    )

    def make_validation(adopt: Adopt) -> Validation:
        return Validation(patient, tasks, time.time_ns, adopt)

    rules = _rules(settings)
    objects = Objects(parts, make_validation, rules, time.time_ns)
    writing = Writing(
        origin,
        flash,
        Admission(objects, flash, chunk_bytes=chunk_bytes),
        tasks,
        rules,
        WriteParameters((settings.flash.path,), ByteBudget(settings.flash.spool_memory)),
    )
    return _Core(origin, flash, store, objects, writing)


def _pipeline(
    settings: Settings,
    core: _Core,
    authorization: Authorization,
    metering: Metering,
    access_log: AccessLog,
) -> Pipeline:
    """Put the S3 door on the core."""
    known = make_lookup(settings, core.store)
    passthrough = Passthrough(core.origin, core.flash)
    preflights = PreflightDoor(core.origin)
    return Pipeline(
        Authentication(known, _now, make_tokens(settings), make_roles(settings)),
        authorization,
        _handlers(settings, core, passthrough, authorization),
        passthrough.handle,
        FormDoor(core.writing, passthrough, authorization, metering, _now, preflights=preflights),
        metering=metering,
        preflights=preflights.answer,
        domains=settings.s3.domain,
        access_log=access_log,
        requests_max=settings.limits.requests_max,
        now=_now,
    )


def _handlers(
    settings: Settings, core: _Core, passthrough: Passthrough, authorization: Authorization
) -> dict[str, Handler]:
    """Return what Forebay does itself, by operation; all else is passed through."""
    judges_conditions = settings.origin.conditional_writes == "judge"
    reads = ObjectDoor(
        core.objects,
        passthrough,
        chunk_bytes=settings.flash.chunk_size,
        run_chunks=RUN_CHUNKS,
    )
    long_answers = LongAnswers(KEEP_ALIVE_SECONDS, PreflightDoor(core.origin))
    uploads = UploadDoor(core.writing, passthrough, authorization, long_answers)
    deletions = DeletionDoor(
        core.origin, passthrough, authorization, judges_conditions=judges_conditions
    )
    handlers: dict[str, Handler] = {
        "GetObject": reads.get,
        "HeadObject": reads.head,
        "PutObject": uploads.put,
        "UploadPart": uploads.put,
        "CopyObject": uploads.copy,
        "UploadPartCopy": uploads.copy,
        "CompleteMultipartUpload": uploads.complete,
        "DeleteObjects": deletions.delete_objects,
        "PostObject": uploads.post_form,
        "DeleteObject": passthrough.handle,
    }
    if not judges_conditions:
        for operation in CONDITIONAL_OPERATIONS:
            handlers[operation] = refusing_conditions(handlers[operation])
    return handlers


class _Reopened(Protocol):
    """A log that is opened again after a rotation moved it away."""

    def reopen(self) -> None: ...


class _Certificates(Protocol):
    """Something made from files; in a thread, `refresh` makes it anew where they changed."""

    def refresh(self) -> bool: ...


async def _follow(
    reloads: AsyncIterator[Settings],
    doors: tuple[Pipeline, StsDoor],
    core: _Core,
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
        core.objects.rules = core.writing.rules = _rules(settings)
        for one in certificates:
            await asyncio.to_thread(one.refresh)


async def _follow_certificates(certificates: Sequence[_Certificates]) -> None:
    """Look at the certificates' files every few seconds, for ever."""
    while certificates:
        await asyncio.sleep(CERTIFICATE_SECONDS)
        for one in certificates:
            await asyncio.to_thread(one.refresh)


def _rules(settings: Settings) -> Rules:
    return Rules(rule.as_rule() for rule in settings.rules)


def _now() -> datetime:
    return datetime.now(UTC)
