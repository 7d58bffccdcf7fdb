"""The composition root of a mount: the core that the workers have, beside them, under one tree."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.access.authentication import Authentication, Principal
from gateway.access.authorization import Authorization
from gateway.access.identity_lookup import IdentityLookup
from gateway.assembly.audit import open_audit_log
from gateway.assembly.core import Core, build_core, make_origin, now, open_flash, rules_of
from gateway.assembly.files import make_tree
from gateway.assembly.moves import chores_of_trees, opened_journal
from gateway.assembly.state import make_lookup, open_store
from gateway.assembly.tasks import background_tasks
from gateway.doors.fuse import kernel
from gateway.doors.fuse.belief import Believing
from gateway.doors.fuse.callers import Callers, User
from gateway.doors.fuse.inodes import Inodes
from gateway.doors.fuse.operations import Operations
from gateway.doors.fuse.room import Appearance, Bounds, Room
from gateway.doors.fuse.staging import StagingArea
from gateway.doors.fuse.users import system_groups, system_users
from gateway.filesystem.mounts import MountTable, read_mount
from gateway.model.failures import AuthenticationFailed
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings

EVERYTHING = "s3://"
"""As a source: every bucket under its own name."""


@dataclass(frozen=True, slots=True)
class MountOrder:
    """What is to be mounted where, and as whom."""

    source: str
    mountpoint: Path
    identity: str | None
    appearance: Appearance
    allow_other: bool = False


async def run_mount(
    settings: Settings,
    order: MountOrder,
    *,
    owner: User,
    on_mounted: Callable[[], None],
    reloads: AsyncIterator[Settings],
    stop: asyncio.Event,
) -> None:
    """Mount and serve until `stop` is set or somebody unmounts.

    `owner` is whose things are that belong to nobody known here. Raises SettingsError for an order
    that cannot be, OSError where it cannot be mounted, failures where the origin says no.
    """
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(opened_journal(settings, has_tree=True))
        tasks = await stack.enter_async_context(background_tasks())
        origin = await stack.enter_async_context(make_origin(settings))
        flash = await stack.enter_async_context(await open_flash(settings, "mount", None))
        audit_log = open_audit_log(settings, stack)
        store = stack.enter_context(open_store(settings))
        core = build_core(settings, origin, flash, store, tasks, snapshots=None, journal=journal)
        authentication = Authentication(make_lookup(settings, store), now)
        callers = _callers(settings, authentication, order, owner)
        tree = make_tree(settings, core, Authorization(audit_log), mounts_of(order.source))
        root = await tree.status(callers.of(owner), "/")
        room = Room(
            tree=tree,
            callers=callers,
            believing=_believing(settings, core),
            inodes=Inodes("/", root),
            tasks=tasks,
            appearance=order.appearance,
            bounds=Bounds(settings.mount.readahead_bytes_max, settings.mount.open_files_max),
            staging=_staging(settings),
            forget_entry=kernel.forget_entry,
        )
        operations = Operations(room)
        work = (
            _end(stop, operations, settings.mount.unmount_seconds),
            _follow(reloads, core, authentication),
            *chores_of_trees(core.moves, core.senders.ledger, authentication),
        )
        chores = [tasks.create_task(one) for one in work]
        await kernel.serve(operations, order.mountpoint, _options(settings, order), on_mounted)
        for chore in chores:
            chore.cancel()


def _callers(
    settings: Settings, authentication: Authentication, order: MountOrder, owner: User
) -> Callers:
    name = order.identity or the_only_identity(settings)
    return Callers(
        lambda: _identified(authentication, name),
        now,
        system_users(settings.filesystem.users, owner.uid),
        system_groups(settings.filesystem.groups, owner.gid),
    )


def mounts_of(source: str) -> MountTable:
    """Return the table that shows `s3://bucket/prefix` at its root, or every bucket (`s3://`).

    Raises SettingsError.
    """
    if source == EVERYTHING:
        return MountTable()
    try:
        return MountTable({"/": read_mount(source)})
    except ValueError as error:
        raise SettingsError(str(error)) from None


def the_only_identity(settings: Settings) -> str:
    """Return who a mount acts as where nobody was named; raises SettingsError: not clear."""
    names = [one.name for one in settings.identities]
    if len(names) != 1:
        raise SettingsError(
            f"{len(names)} identities are set: say with --identity as whom the mount is to act"
        )
    return names[0]


def _identified(authentication: Authentication, name: str) -> Principal:
    """Return the identity as it is now; raises AuthenticationFailed where it is no more."""
    known = authentication.identities
    identity = known.find_name(name) if isinstance(known, IdentityLookup) else None
    if identity is None:
        raise AuthenticationFailed(f"There is no identity {name}, or it is disabled.")
    if not identity.access_key:
        return authentication.identify_nobody()
    return authentication.principal_of(identity.access_key)


def _believing(settings: Settings, core: Core) -> Believing:
    return Believing(
        lambda name: core.objects.rules.find(name).freshness,
        settings.mount.directory_seconds,
        settings.mount.listed_seconds,
    )


def _staging(settings: Settings) -> StagingArea:
    flash = settings.flash
    return StagingArea(flash.path, settings.mount.staged_bytes_max, is_sealed=flash.is_sealed)


def _options(settings: Settings, order: MountOrder) -> kernel.MountOptions:
    return kernel.MountOptions(
        order.source,
        order.allow_other,
        order.appearance.is_read_only,
        settings.mount.kernel_readahead_bytes,
        settings.mount.requests_max,
    )


async def _end(stop: asyncio.Event, operations: Operations, seconds: float) -> None:
    """Once told to, bring home what is open, and end the mount."""
    await stop.wait()
    try:
        async with asyncio.timeout(seconds):
            await operations.finish()
    except TimeoutError:
        kernel.note_unfinished(seconds)
    kernel.stop()


async def _follow(
    reloads: AsyncIterator[Settings], core: Core, authentication: Authentication
) -> None:
    """Put rules and identities that were read again in force."""
    async for settings in reloads:
        authentication.identities = make_lookup(settings, core.store)
        core.objects.rules = core.writing.rules = rules_of(settings)
        core.flash.put_rules(core.objects.rules)
