"""The rooms below the doors, built from settings: origin, flash, reading and writing."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from gateway.core.admission import Admission
from gateway.core.budget import ByteBudget
from gateway.core.changing import Changing
from gateway.core.filling import Filling, FillParameters
from gateway.core.growing import Senders
from gateway.core.objects import Objects
from gateway.core.questions import Adopt
from gateway.core.reading import ReadParts
from gateway.core.validation import Validation
from gateway.core.writing import WriteParameters, Writing
from gateway.filesystem.begun_uploads import BegunUploads
from gateway.filesystem.journal import Journal
from gateway.filesystem.moving import Moves
from gateway.filesystem.origin_objects import OriginObjects
from gateway.flash.store import Flash
from gateway.model.rules import Rules
from gateway.model.voices import Keys
from gateway.origin.credentials import ChainCredentials, Credentials, StaticCredentials
from gateway.origin.interface import Origin
from gateway.origin.patience import PatienceParameters, PatientOrigin
from gateway.origin.s3 import OriginParameters, S3Origin
from gateway.settings.flash_keys import safeguards_of
from gateway.settings.tree import Settings
from gateway.state.snapshots import Snapshots
from gateway.state.store import Store

RUN_CHUNKS = 8
"""Chunks of one origin request: at 33 MB/s, 8 MiB make a 30 ms round trip cost an eighth."""
AHEAD_RUNS_MAX = 12
"""Parallel origin requests behind one client stream."""


def make_origin(settings: Settings, *, addressing: str | None = None) -> S3Origin:
    """Return the client of the origin that the settings name; `addressing` replaces theirs."""
    chosen = settings.origin
    credentials: Credentials
    if chosen.access_key is not None and chosen.secret_key is not None:
        token = chosen.session_token
        credentials = StaticCredentials(
            Keys(
                chosen.access_key,
                chosen.secret_key.get_secret_value(),
                token.get_secret_value() if token is not None else None,
            )
        )
    else:
        credentials = ChainCredentials()
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
    return S3Origin(parameters, credentials, now)


async def open_flash(
    settings: Settings, writer: str, shared_folder: Path | None, *, may_begin_anew: bool = True
) -> Flash:
    """Return the cache, which the caller closes; raises OSError, SettingsError for its keys."""
    safeguards = safeguards_of(settings.flash)
    return await Flash.open(
        settings.flash.path,
        size_bytes=settings.flash.size,
        chunk_bytes=settings.flash.chunk_size,
        segment_bytes=settings.flash.segment_bytes,
        writer=writer,
        safeguards=replace(safeguards, may_begin_anew=may_begin_anew),
        rules=rules_of(settings),
        distrust_path=shared_folder / "distrust" if shared_folder is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Core:
    """What the doors stand on."""

    origin: S3Origin
    patient: PatientOrigin
    """The same, asked again where that is safe and may help."""
    flash: Flash
    store: Store | None
    objects: Objects
    writing: Writing
    senders: Senders
    """What file doors write by."""
    snapshots: Snapshots | None
    moves: Moves | None = None
    """What a tree of files renames and removes by; None without a journal."""


def build_core(
    settings: Settings,
    origin: S3Origin,
    flash: Flash,
    store: Store | None,
    tasks: asyncio.TaskGroup,
    *,
    snapshots: Snapshots | None,
    journal: Journal | None = None,
) -> Core:
    """Join the parts of reading and writing, and with a journal those of moving."""
    chunk_bytes, rules = settings.flash.chunk_size, rules_of(settings)
    patient = make_patient(settings, origin)
    objects = build_objects(settings, patient, flash, tasks)
    writing = Writing(
        origin,
        flash,
        Admission(objects, flash, chunk_bytes=chunk_bytes),
        tasks,
        rules,
        WriteParameters(
            (settings.flash.path,),
            ByteBudget(settings.flash.spool_memory),
            is_spool_sealed=settings.flash.is_sealed,
        ),
    )
    changing = Changing(writing, settings.origin.conditional_writes == "judge")
    senders = Senders(changing, tasks, asyncio.Semaphore(settings.filesystem.parallel_max))
    moves = None
    if journal is not None:
        senders.ledger = BegunUploads(journal, writing)
        moves = Moves(journal, OriginObjects(changing, patient), tasks)
    return Core(origin, patient, flash, store, objects, writing, senders, snapshots, moves)


def make_patient(settings: Settings, origin: Origin) -> PatientOrigin:
    """Return `origin` with the patience that the settings ask for."""
    chosen = settings.origin
    return PatientOrigin(
        origin, PatienceParameters(chosen.attempts_max, chosen.patience_seconds, chosen.hedging)
    )


def build_objects(
    settings: Settings, origin: Origin, flash: Flash, tasks: asyncio.TaskGroup
) -> Objects:
    """Join the parts of reading; fills and questions run in `tasks`."""
    attempts_max, chunk_bytes = settings.origin.attempts_max, settings.flash.chunk_size
    filling = Filling(
        origin,
        flash,
        tasks,
        FillParameters(chunk_bytes, RUN_CHUNKS, settings.flash.fill_memory, attempts_max),
    )
    parts = ReadParts(origin, flash, filling, chunk_bytes, RUN_CHUNKS, AHEAD_RUNS_MAX, attempts_max)

    def make_validation(adopt: Adopt) -> Validation:
        return Validation(origin, tasks, time.time_ns, adopt)

    return Objects(parts, make_validation, rules_of(settings), time.time_ns)


def rules_of(settings: Settings) -> Rules:
    """Return the rules as they are in force."""
    return Rules(rule.as_rule() for rule in settings.rules)


def now() -> datetime:
    """Return the moment that is signed, judged and logged, aware."""
    return datetime.now(UTC)
