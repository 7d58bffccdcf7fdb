"""The doors on the core: the S3 pipeline and its handlers, and the hits that need no task."""

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.assembly.core import RUN_CHUNKS, Core, now
from gateway.assembly.modes import make_judge
from gateway.assembly.sessions import choosing_door, make_roles, make_tokens
from gateway.assembly.state import make_lookup
from gateway.core.hits import Hits
from gateway.core.snapshots import SnapshotObjects
from gateway.doors.connections import Connections
from gateway.doors.http_server import DoorServer
from gateway.doors.room import Room
from gateway.doors.s3.at_once import AtOnce
from gateway.doors.s3.conditional_writes import CONDITIONAL_OPERATIONS, refusing_conditions
from gateway.doors.s3.deletions import DeletionDoor
from gateway.doors.s3.forms import FormDoor
from gateway.doors.s3.last_words import S3_WORDS
from gateway.doors.s3.long_answers import LongAnswers
from gateway.doors.s3.modes import LISTINGS, ModeGuard
from gateway.doors.s3.objects import ObjectDoor
from gateway.doors.s3.passthrough import Passthrough
from gateway.doors.s3.pinned_passthrough import PinnedPassthrough
from gateway.doors.s3.pipeline import Handler, Pipeline
from gateway.doors.s3.preflights import PreflightDoor
from gateway.doors.s3.uploads import UploadDoor
from gateway.doors.s3.virtual_buckets import VirtualBuckets
from gateway.doors.sts.pipeline import StsDoor
from gateway.settings.tree import Settings
from gateway.telemetry.logs import AccessLog

KEEP_ALIVE_SECONDS = 5.0
"""Silence after which a client that waits for a long operation is sent a space."""


def make_server(
    settings: Settings,
    doors: tuple[Pipeline, StsDoor],
    core: Core,
    connections: Connections,
    access_log: AccessLog,
) -> DoorServer:
    """Put the doors behind the listener: a hit that needs no waiting, else S3 or STS."""
    pipeline, sts = doors
    domains = settings.s3.domain
    at_once = (
        None
        if pipeline.has_modes
        else AtOnce(
            pipeline.authentication,
            pipeline.authorization,
            Hits(core.objects),
            room=pipeline.room,
            access_log=access_log,
            domains=domains,
            virtual=pipeline.virtual,
            now=now,
        )
    )
    return DoorServer(choosing_door(pipeline, sts, domains), connections, S3_WORDS, at_once)


def make_pipeline(
    settings: Settings,
    core: Core,
    authorization: Authorization,
    metering: Metering,
    access_log: AccessLog,
) -> Pipeline:
    """Put the S3 door on the core."""
    known = make_lookup(settings, core.store)
    passthrough = Passthrough(core.patient, core.flash)
    preflights = PreflightDoor(core.origin)
    virtual = _virtual_buckets(settings, core, passthrough, authorization)
    judge = make_judge(settings, core.objects, authorization)
    modes = None if judge is None else ModeGuard(judge, passthrough, now)
    handlers = _handlers(settings, core, passthrough, authorization, modes)
    return Pipeline(
        Authentication(known, now, make_tokens(settings), make_roles(settings)),
        authorization,
        handlers | {"ListBuckets": virtual.list_buckets},
        passthrough.handle,
        FormDoor(core.writing, passthrough, authorization, metering, now, preflights=preflights),
        metering=metering,
        preflights=preflights.answer,
        virtual=virtual,
        domains=settings.s3.domain,
        access_log=access_log,
        room=Room(settings.limits.requests_max),
        now=now,
        modes=modes,
    )


def _virtual_buckets(
    settings: Settings, core: Core, passthrough: Passthrough, authorization: Authorization
) -> VirtualBuckets:
    """Return what answers for snapshots; where there can be none, nothing is one."""
    objects, reads = None, None
    if core.snapshots is not None:
        objects = SnapshotObjects(
            core.objects.parts,
            core.snapshots,
            lambda: core.objects.rules,  # as they then are: a reload replaces them
            core.objects.now_ns,
        )
        reads = ObjectDoor(
            objects,
            PinnedPassthrough(core.origin, objects, passthrough),
            chunk_bytes=settings.flash.chunk_size,
            run_chunks=RUN_CHUNKS,
        )
    return VirtualBuckets(
        core.snapshots,
        objects,
        reads,
        passthrough,
        authorization,
        region=settings.origin.region,
    )


def _handlers(
    settings: Settings,
    core: Core,
    passthrough: Passthrough,
    authorization: Authorization,
    modes: ModeGuard | None,
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
        core.origin,
        core.flash,
        passthrough,
        authorization,
        judges_conditions=judges_conditions,
        modes=modes,
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
    if modes is not None:
        handlers |= dict.fromkeys(LISTINGS, modes.listing)
    if not judges_conditions:
        for operation in CONDITIONAL_OPERATIONS:
            handlers[operation] = refusing_conditions(handlers[operation])
    return handlers
