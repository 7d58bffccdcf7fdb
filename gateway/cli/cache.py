"""`forebay cache`: what flash holds, by name, and taking it out. A gateway may run meanwhile."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.filesize import decimal
from rich.table import Table

from gateway.flash.holdings import Holding
from gateway.flash.store import Flash
from gateway.settings.flash import FlashSettings
from gateway.settings.reading import SettingsError

_SCHEME: Final = "s3://"
_NANOSECONDS: Final = 1_000_000_000

Shown = dict[str, Any]


def run_cache(settings: FlashSettings, arguments: argparse.Namespace) -> int:
    """Do what the subcommand says; raises SettingsError with one sentence where it cannot."""
    if not (settings.path / "segments").is_dir():
        raise SettingsError(f"there is no flash at {settings.path}: the first start makes it")
    return asyncio.run(_run(settings, arguments))


async def _run(settings: FlashSettings, arguments: argparse.Namespace) -> int:
    opened = await Flash.open(
        settings.path,
        size_bytes=settings.size,
        chunk_bytes=settings.chunk_size,
        segment_bytes=settings.segment_bytes,
        writer="cache",
    )
    async with opened as flash:
        if not flash.is_healthy:
            raise SettingsError(f"flash at {settings.path} cannot be used: {flash.trouble}")
        return await _COMMANDS[arguments.subcommand](flash, arguments)


async def _status(flash: Flash, arguments: argparse.Namespace) -> int:
    found = await flash.holdings()
    stats = flash.stats()
    shown: Shown = {
        "size_bytes": stats["size_bytes"],
        "segments_bytes": stats["segments_bytes"],
        "index_bytes": stats["index_bytes"],
        "segments": stats["segments"],
        "chunks": stats["chunks"],
        "objects": len(found),
        "objects_whole": sum(one.is_whole for one in found),
        "bytes_held": sum(one.bytes_held for one in found),
        "buckets": _by_bucket(found),
    }
    if arguments.json:
        _print_json(shown)
        return 0
    used = shown["segments_bytes"] + shown["index_bytes"]
    lines = (
        f"size      {decimal(shown['size_bytes'])}",
        f"occupied  {decimal(used)} ({used / shown['size_bytes']:.0%})",
        f"objects   {shown['objects']}, {shown['objects_whole']} of them whole",
        f"bodies    {decimal(shown['bytes_held'])} in {shown['chunks']} chunks",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    if found:
        _print_table(("bucket", "objects", "held"), _bucket_rows(shown["buckets"]))
    return 0


async def _ls(flash: Flash, arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        raise SettingsError("--limit is at least 1")
    found = await flash.holdings(_prefix(arguments.path))
    listed = found[: arguments.limit]
    if arguments.json:
        _print_json({"objects": [_shown(one) for one in listed], "more": len(found) - len(listed)})
    else:
        _print_table(("object", "size", "held", "confirmed"), map(_ls_row, listed))
        if len(found) > len(listed):
            sys.stdout.write(f"and {len(found) - len(listed)} more: --limit shows them\n")
    return 0 if found else 1


async def _stat(flash: Flash, arguments: argparse.Namespace) -> int:
    wanted = _prefix(arguments.path)
    found = [one for one in await flash.holdings(wanted) if str(one.row.name) == wanted]
    if not found:
        raise SettingsError(f"{arguments.path} is not on flash")
    shown = _shown(found[0])
    if arguments.json:
        _print_json(shown)
        return 0
    headers = shown.pop("headers")
    lines = [f"{name + ':':<18}{'-' if value is None else value}" for name, value in shown.items()]
    lines += [f"  {name}: {value}" for name, value in headers]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


async def _drop(flash: Flash, arguments: argparse.Namespace) -> int:
    prefix = "" if arguments.all else _prefix(arguments.path)
    if not prefix and not arguments.all:
        raise SettingsError("to take out everything, write --all")
    found = await flash.holdings(prefix)
    await flash.drop(prefix)
    left = len(await flash.holdings(prefix))
    if arguments.json:
        _print_json({"dropped": len(found), "left": left})
    else:
        words = f"; {left} came back meanwhile" if left else ""
        sys.stdout.write(f"{len(found)} objects were taken out of flash{words}\n")
    return 0


def _prefix(path: str) -> str:
    """Return the `bucket/key` that a path begins; raises SettingsError."""
    if not path.startswith(_SCHEME):
        raise SettingsError(f'"{path}" is no path: write s3://bucket/prefix')
    return path.removeprefix(_SCHEME)


def _shown(one: Holding) -> Shown:
    """Return what is known of an object, as JSON's types."""
    row, version = one.row, one.row.version
    confirmed = None
    with suppress(OverflowError, OSError, ValueError):
        if row.confirmed_ns > 0:
            moment = datetime.fromtimestamp(row.confirmed_ns / _NANOSECONDS, UTC)
            confirmed = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "object": f"{_SCHEME}{row.name}",
        "size": version.size,
        "etag": version.etag,
        "last_modified": version.last_modified,
        "version_id": version.version_id,
        "bytes_held": one.bytes_held,
        "chunks_held": one.chunks_held,
        "chunks": one.chunks_all,
        "whole": one.is_whole,
        "confirmed": confirmed,
        "headers": [list(pair) for pair in row.headers],
    }


def _ls_row(one: Holding) -> tuple[str, str, str, str]:
    shown = _shown(one)
    held = "whole" if one.is_whole else decimal(one.bytes_held)
    return shown["object"], decimal(one.row.version.size), held, shown["confirmed"] or "never"


def _by_bucket(found: Iterable[Holding]) -> dict[str, Shown]:
    buckets: dict[str, Shown] = {}
    for one in found:
        bucket = buckets.setdefault(one.row.name.bucket, {"objects": 0, "bytes_held": 0})
        bucket["objects"] += 1
        bucket["bytes_held"] += one.bytes_held
    return buckets


def _bucket_rows(buckets: Mapping[str, Shown]) -> Iterable[tuple[str, str, str]]:
    for name, bucket in sorted(buckets.items()):
        yield name, str(bucket["objects"]), decimal(bucket["bytes_held"])


def _print_table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        side: JustifyMethod = "left" if column == columns[0] else "right"
        table.add_column(column, overflow="fold", justify=side)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _print_json(shown: Shown) -> None:
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")


_COMMANDS: Final[Mapping[str, Callable[[Flash, argparse.Namespace], Awaitable[int]]]] = {
    "status": _status,
    "ls": _ls,
    "stat": _stat,
    "drop": _drop,
}
