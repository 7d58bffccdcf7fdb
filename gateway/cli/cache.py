"""`forebay cache`: what flash holds, by name, and taking it out. A gateway may run meanwhile."""

import argparse
import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from rich.filesize import decimal

from gateway.cli.cache_shown import (
    SCHEME,
    Shown,
    bucket_cells,
    holding_cells,
    print_json,
    print_table,
    say,
    shown_holding,
)
from gateway.flash.holdings import Holding
from gateway.flash.store import Flash
from gateway.model.failures import FlashTrouble
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.settings.flash import FlashSettings
from gateway.settings.flash_keys import safeguards_of
from gateway.settings.reading import SettingsError


def run_cache(settings: FlashSettings, rules: Rules, arguments: argparse.Namespace) -> int:
    """Do what the subcommand says; raises SettingsError with one sentence where it cannot."""
    if not (settings.path / "segments").is_dir():
        raise SettingsError(f"there is no flash at {settings.path}: the first start makes it")
    return asyncio.run(_run(settings, rules, arguments))


async def _run(settings: FlashSettings, rules: Rules, arguments: argparse.Namespace) -> int:
    opened = await Flash.open(
        settings.path,
        size_bytes=settings.size,
        chunk_bytes=settings.chunk_size,
        segment_bytes=settings.segment_bytes,
        writer="cache",
        safeguards=replace(safeguards_of(settings), scrub_bytes_per_second=0, may_begin_anew=False),
        rules=rules,
    )
    async with opened as flash:
        if not flash.is_healthy:
            raise SettingsError(f"flash at {settings.path} cannot be used: {flash.trouble}")
        return await _COMMANDS[arguments.subcommand](flash, arguments)


async def _status(flash: Flash, arguments: argparse.Namespace) -> int:
    stats = flash.stats()
    shown: Shown = {
        "size_bytes": stats["size_bytes"],
        "segments_bytes": stats["segments_bytes"],
        "index_bytes": stats["index_bytes"],
        "segments": stats["segments"],
        "chunks": stats["chunks"],
        **await _counted(flash),
    }
    if arguments.json:
        print_json(shown)
        return 0
    used = shown["segments_bytes"] + shown["index_bytes"]
    say(f"size      {decimal(shown['size_bytes'])}")
    say(f"occupied  {decimal(used)} ({used / shown['size_bytes']:.0%})")
    say(f"objects   {shown['objects']}, {shown['objects_whole']} of them whole")
    say(f"bodies    {decimal(shown['bytes_held'])} in {shown['chunks']} chunks")
    if shown["objects"]:
        print_table(("bucket", "objects", "held"), bucket_cells(shown["buckets"]))
    return 0


async def _counted(flash: Flash) -> Shown:
    """Return how many objects there are, whole ones and bytes, in all and by bucket."""
    objects = whole = held = 0
    buckets: dict[str, Shown] = {}
    async for group in flash.holdings.groups():
        for one in group:
            objects, whole, held = objects + 1, whole + one.is_whole, held + one.bytes_held
            bucket = buckets.setdefault(one.row.name.bucket, {"objects": 0, "bytes_held": 0})
            bucket["objects"] += 1
            bucket["bytes_held"] += one.bytes_held
    return {"objects": objects, "objects_whole": whole, "bytes_held": held, "buckets": buckets}


async def _ls(flash: Flash, arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        raise SettingsError("--limit is at least 1")
    count = 0
    listed: list[Holding] = []
    async for group in flash.holdings.groups(_prefix(arguments.path)):
        count += len(group)
        # The first by name of all that were seen: no more is kept, however many there are.
        listed = heapq.nsmallest(arguments.limit, [*listed, *group], key=_name_of)
    more = count - len(listed)
    if arguments.json:
        print_json({"objects": [shown_holding(one) for one in listed], "more": more})
    else:
        print_table(("object", "size", "held", "confirmed"), map(holding_cells, listed))
        if more:
            say(f"and {more} more: --limit shows them")
    return 0 if count else 1


async def _stat(flash: Flash, arguments: argparse.Namespace) -> int:
    bucket, _, key = _prefix(arguments.path).partition("/")
    row = flash.find_row(ObjectName(bucket, key))
    found = flash.holdings.find(row) if row is not None else None
    if found is None:
        raise SettingsError(f"{arguments.path} is not on flash")
    shown = shown_holding(found)
    if arguments.json:
        print_json(shown)
        return 0
    headers = shown.pop("headers")
    for name, value in shown.items():
        say(f"{name + ':':<18}{'-' if value is None else value}")
    for name, value in headers:
        say(f"  {name}: {value}")
    return 0


async def _drop(flash: Flash, arguments: argparse.Namespace) -> int:
    prefix = "" if arguments.all else _prefix(arguments.path)
    if not prefix and not arguments.all:
        raise SettingsError("to take out everything, write --all")
    dropped = await _count(flash, prefix)
    await flash.drop(prefix)
    left = await _count(flash, prefix)
    if arguments.json:
        print_json({"dropped": dropped, "left": left})
    else:
        words = f"; {left} came back meanwhile" if left else ""
        say(f"{dropped} objects were taken out of flash{words}")
    return 0


async def _pin(flash: Flash, arguments: argparse.Namespace) -> int:
    if arguments.path is None and arguments.remove:
        raise SettingsError("name what --remove is to let go: s3://bucket/prefix")
    if arguments.path is not None:
        prefix = _prefix(arguments.path)
        if not prefix:
            raise SettingsError("everything cannot be pinned: name a bucket, s3://bucket/")
        try:
            await flash.pin(prefix, is_removed=arguments.remove)
        except FlashTrouble as trouble:
            raise SettingsError(f"{arguments.path}: {trouble.message}") from trouble
    pins = [f"{SCHEME}{pin}" for pin in sorted(flash.pins)]
    if arguments.json:
        print_json({"pins": pins})
    else:
        say("\n".join(pins) if pins else "nothing is pinned")
    return 0


async def _count(flash: Flash, prefix: str) -> int:
    return sum([len(group) async for group in flash.holdings.groups(prefix)])


def _name_of(one: Holding) -> str:
    return str(one.row.name)


def _prefix(path: str) -> str:
    """Return the `bucket/key` that a path begins; raises SettingsError."""
    if not path.startswith(SCHEME):
        raise SettingsError(f'"{path}" is no path: write s3://bucket/prefix')
    return path.removeprefix(SCHEME)


_COMMANDS: Final[Mapping[str, Callable[[Flash, argparse.Namespace], Awaitable[int]]]] = {
    "status": _status,
    "ls": _ls,
    "stat": _stat,
    "pin": _pin,
    "drop": _drop,
}
