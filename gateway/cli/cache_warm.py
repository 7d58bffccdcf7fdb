"""`forebay cache warm`: the order as it is written, progress while it runs, then the truth."""

import argparse
import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Final

from rich.filesize import decimal

from gateway.assembly.jobs import WarmOrder, warm
from gateway.cli.cache_progress import watch
from gateway.cli.cache_shown import Shown, print_event, say
from gateway.jobs.reckoning import Report
from gateway.jobs.targets import Target, parse_target
from gateway.jobs.warming import Tally
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings

_MISSING_SHOWN_MAX: Final = 100


def run_warm(settings: Settings, arguments: argparse.Namespace) -> int:
    """Warm what the arguments say; 0 where all of it is on flash in the end."""
    if not arguments.paths and arguments.manifest is None:
        raise SettingsError("nothing to warm: write s3://bucket/prefix or --manifest FILE")
    with ExitStack() as stack:
        order = WarmOrder(
            tuple(map(_target, arguments.paths)),
            _opened(arguments.manifest, stack),
            arguments.bandwidth,
            arguments.concurrency,
        )
        return asyncio.run(_warm(settings, order, is_json=arguments.json))


async def _warm(settings: Settings, order: WarmOrder, *, is_json: bool) -> int:
    tally, started = Tally(), monotonic()
    missing = _MissingShown(is_json=is_json)
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(
            watch(
                lambda: _counted(tally, monotonic() - started),
                lambda: _line(tally, monotonic() - started),
                is_json=is_json,
            )
        )
        report = await warm(settings, order, tally, missing.note)
        watcher.cancel()
    seconds = monotonic() - started
    if is_json:
        print_event(_summary(tally, report, seconds))
    else:
        missing.say_rest()
        _say_summary(tally, report, seconds)
    return 1 if report.missing or tally.unlisted or not report.objects else 0


def _target(path: str) -> Target:
    try:
        return parse_target(path)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _opened(manifest: str | None, stack: ExitStack) -> BinaryIO | None:
    if manifest is None:
        return None
    if manifest == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(manifest).open("rb"))
    except OSError as error:
        raise SettingsError(f"the manifest {manifest} cannot be read: {error.strerror}") from None


def _line(tally: Tally, seconds: float) -> str:
    rate = decimal(int(tally.meter.body_bytes / max(seconds, 1e-3)))
    words = f"{tally.done:,} of {tally.found:,} objects found so far, {rate}/s"
    return f"{words}, {tally.failed:,} failed" if tally.failed else words


class _MissingShown:
    """Tells of each object that is not there: as JSON all, to people the first."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._count = 0

    def note(self, path: str, reason: str) -> None:
        self._count += 1
        if self._is_json:
            print_event({"event": "missing", "object": path, "reason": reason})
        elif self._count <= _MISSING_SHOWN_MAX:
            say(f"not on flash: {path}: {reason}")

    def say_rest(self) -> None:
        if self._count > _MISSING_SHOWN_MAX:
            say(f"and {self._count - _MISSING_SHOWN_MAX} more: --json tells all")


def _counted(tally: Tally, seconds: float) -> Shown:
    return {
        "found": tally.found,
        "here_before": tally.here,
        "brought": tally.brought,
        "failed": tally.failed,
        "origin_requests": tally.meter.requests,
        "bytes_fetched": tally.meter.body_bytes,
        "seconds": round(seconds, 3),
    }


def _summary(tally: Tally, report: Report, seconds: float) -> Shown:
    return {
        "event": "summary",
        **_counted(tally, seconds),
        "objects": report.objects,
        "on_flash": report.there,
        "bytes_on_flash": report.bytes_there,
        "missing": dict(report.missing),
        "not_listed": tally.unlisted,
    }


def _say_summary(tally: Tally, report: Report, seconds: float) -> None:
    for sentence in tally.unlisted:
        say(sentence)
    if not report.objects:
        say("there is nothing to warm: no object is meant")
    say(
        f"{report.there:,} of {report.objects:,} objects are on flash now, "
        f"{decimal(report.bytes_there)}; {tally.here:,} were there before"
    )
    for reason, count in report.missing.most_common():
        say(f"{count:,} are not: {reason}")
    say(
        f"{decimal(tally.meter.body_bytes)} fetched by {tally.meter.requests:,} requests "
        f"in {seconds:.1f} s"
    )
