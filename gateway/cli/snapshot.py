"""`forebay snapshot`: taking, listing and removing them; a gateway may run meanwhile.

The origin is asked in Forebay's own voice: who may run this may read the settings with its keys.
"""

import argparse
import asyncio
import json
import os
import pwd
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.assembly.core import make_origin, rules_of
from gateway.assembly.snapshots import open_snapshots
from gateway.core.recording import is_taken, keeps_versions, recorded_pages
from gateway.core.snapshots import keep_at_hand
from gateway.flash.store import Flash
from gateway.model.failures import Failure, FlashTrouble, OriginRefused
from gateway.model.snapshots import NAME_RULE, Snapshot, is_snapshot_name, written_moment
from gateway.model.voices import FOREBAY
from gateway.origin.interface import Origin
from gateway.origin.patience import PatienceParameters, PatientOrigin
from gateway.protocol.s3.responses import find_error
from gateway.settings.flash_keys import safeguards_of
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings
from gateway.state.snapshot_record import RecordMaking
from gateway.state.snapshots import Held, Snapshots

_SCHEME: Final = "s3://"

Shown = dict[str, Any]
Tell = Callable[[int], None]


def run_snapshot(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what the subcommand says; raises SettingsError with one sentence where it cannot."""
    with _in_words(), open_snapshots(settings) as snapshots:
        snapshots.sweep()
        return _COMMANDS[arguments.subcommand](settings, snapshots, arguments)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OriginRefused as refused:
        error = find_error(refused.body)
        words = f": {error.code}, {error.message}" if error is not None else ""
        raise SettingsError(f"the origin answered {refused.status}{words}") from None
    except Failure as failure:
        raise SettingsError(failure.message) from None


def _create(settings: Settings, snapshots: Snapshots, arguments: argparse.Namespace) -> int:
    name = arguments.name
    bucket, _, prefix = _path(arguments.path).partition("/")
    if not is_snapshot_name(name):
        raise SettingsError(f'"{name}" is no name for a snapshot: use {NAME_RULE}')
    for held in snapshots.all():
        if held.snapshot.name == name:
            raise SettingsError(f'there is a snapshot "{name}" already: remove it first')
        if held.snapshot.name == bucket:
            raise SettingsError(f'"{bucket}" is a snapshot itself: take one of its source')
    began = datetime.now(UTC)
    expires_at = None
    if arguments.expires is not None:
        expires_at = began.timestamp() + arguments.expires
    sought = Snapshot(
        name, secrets.token_hex(8), bucket, prefix, written_moment(began), expires_at, 0, 0,
        has_versions=False, by=_who(),
    )  # fmt: skip
    snapshot = asyncio.run(_taken(settings, snapshots, sought, is_quiet=arguments.json))
    words = f"; it is gone at {snapshot.shown()['expires']}" if expires_at else ""
    counted = f"{snapshot.objects} objects, {decimal(snapshot.bytes)}"
    _tell(
        arguments,
        snapshot.shown(),
        f'snapshot "{name}" of s3://{bucket}/{prefix} is there: {counted}{words}',
    )
    return 0


async def _taken(
    settings: Settings, snapshots: Snapshots, sought: Snapshot, *, is_quiet: bool
) -> Snapshot:
    """Ask the origin, write the record, publish it."""
    chosen = settings.origin
    async with make_origin(settings) as bare:
        patience = PatienceParameters(
            chosen.attempts_max, chosen.patience_seconds, is_hedging=False
        )
        origin = PatientOrigin(bare, patience)
        if await is_taken(origin, sought.name, FOREBAY):
            raise SettingsError(
                f'the origin has a bucket "{sought.name}" already: choose another name'
            )
        by_versions = await keeps_versions(origin, sought.bucket, FOREBAY)
        with snapshots.making(sought.name) as making, _progress(is_quiet=is_quiet) as tell:
            await _recorded(origin, sought, making, tell, by_versions=by_versions)
            objects, size = await asyncio.to_thread(making.counted)
            snapshot = replace(sought, objects=objects, bytes=size, has_versions=by_versions)
            await asyncio.to_thread(snapshots.publish, making, snapshot)
    await _keep_at_hand(settings, snapshots.find(snapshot.name))
    return snapshot


async def _keep_at_hand(settings: Settings, held: Held | None) -> None:
    """See to it that what is on flash now is read as it is now, whatever is written from here."""
    chosen = settings.flash
    if held is None or not (chosen.path / "segments").is_dir():
        return
    opened = await Flash.open(
        chosen.path,
        size_bytes=chosen.size,
        chunk_bytes=chosen.chunk_size,
        segment_bytes=chosen.segment_bytes,
        writer="snapshot",
        safeguards=replace(safeguards_of(chosen), scrub_bytes_per_second=0),
        # An index that grows makes room by them: without, what is pinned would leave like the rest.
        rules=rules_of(settings),
    )
    async with opened as flash:
        with suppress(FlashTrouble):  # flash in trouble has nothing to keep
            await keep_at_hand(flash, held.snapshot, held.record.find)


async def _recorded(
    origin: Origin, sought: Snapshot, making: RecordMaking, tell: Tell, *, by_versions: bool
) -> None:
    """Write down every page as it comes."""
    pages = recorded_pages(origin, sought.bucket, sought.prefix, FOREBAY, by_versions=by_versions)
    async with aclosing(pages):
        async for rows in pages:
            await asyncio.to_thread(making.add, rows)
            tell(len(rows))


@contextmanager
def _progress(*, is_quiet: bool) -> Iterator[Tell]:
    """Yield what counts listed keys, on a terminal for people to see."""
    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield lambda _count: None
        return
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} keys listed"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.advance(task, count)


def _list(_settings: Settings, snapshots: Snapshots, arguments: argparse.Namespace) -> int:
    found = [_shown(snapshots, held) for held in snapshots.all()]
    if arguments.json:
        _tell(arguments, {"snapshots": found}, "")
        return 0
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("name", "of", "objects", "size", "created", "expires"):
        side = "right" if column in {"objects", "size"} else "left"
        table.add_column(column, overflow="fold", justify=side)  # type: ignore[arg-type]
    for one in found:
        table.add_row(
            one["name"],
            f"{_SCHEME}{one['bucket']}/{one['prefix']}",
            f"{one['objects']:,}",
            decimal(one["bytes"]),
            one["created"],
            one["expires"] or "never",
        )
    Console(markup=False, highlight=False).print(table)
    return 0


def _show(settings: Settings, snapshots: Snapshots, arguments: argparse.Namespace) -> int:
    held = snapshots.find(arguments.name)
    if held is None:
        raise _missing(arguments.name)
    shown = _shown(snapshots, held)
    shown["hides_a_bucket"] = asyncio.run(_is_taken_now(settings, arguments.name))
    lines = [f"{name + ':':<17}{_written(value)}" for name, value in shown.items()]
    if shown["hides_a_bucket"]:
        lines.append(
            f'the origin has a bucket "{arguments.name}" by now, which the snapshot hides: '
            "remove the snapshot to reach it"
        )
    _tell(arguments, shown, "\n".join(lines))
    return 0


def _remove(_settings: Settings, snapshots: Snapshots, arguments: argparse.Namespace) -> int:
    if not snapshots.remove(arguments.name):
        raise _missing(arguments.name)
    sentence = f'snapshot "{arguments.name}" is removed, from the next request on'
    _tell(arguments, {"removed": arguments.name}, sentence)
    return 0


async def _is_taken_now(settings: Settings, name: str) -> bool | None:
    """Return whether the origin has such a bucket; None where it cannot be asked."""
    try:
        async with make_origin(settings) as origin:
            return await is_taken(origin, name, FOREBAY)
    except Failure:
        return None


def _shown(snapshots: Snapshots, held: Held) -> Shown:
    shown = held.snapshot.shown()
    return shown | {"record_bytes": snapshots.size_bytes(held.snapshot.name)}


def _missing(name: str) -> SettingsError:
    return SettingsError(f'there is no snapshot "{name}": forebay snapshot list shows them')


def _path(path: str) -> str:
    if not path.startswith(_SCHEME) or len(path) == len(_SCHEME):
        raise SettingsError(f'"{path}" is no path: write s3://bucket/prefix')
    return path.removeprefix(_SCHEME)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _tell(arguments: argparse.Namespace, shown: Shown, sentence: str) -> None:
    """Print JSON for programs where it was asked for, else a sentence for people."""
    sys.stdout.write((json.dumps(shown, indent=2) if arguments.json else sentence) + "\n")


def _who() -> str:
    try:
        return f"cli (user {pwd.getpwuid(os.getuid()).pw_name})"
    except KeyError:
        return f"cli (user {os.getuid()})"


_COMMANDS: Final[Mapping[str, Callable[[Settings, Snapshots, argparse.Namespace], int]]] = {
    "create": _create,
    "list": _list,
    "show": _show,
    "remove": _remove,
}
