"""`forebay cache verify`: what is held, read against its checksums and asked about."""

import argparse
import asyncio
from time import monotonic
from typing import Final

from rich.filesize import decimal

from gateway.assembly.jobs import verify
from gateway.cli.cache_progress import watch
from gateway.cli.cache_shown import SCHEME, Shown, print_event, say
from gateway.jobs.targets import parse_target
from gateway.jobs.verifying import State, Verdict, VerifyTally
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings

_SHOWN_MAX: Final = 1000


def run_verify(settings: Settings, arguments: argparse.Namespace) -> int:
    """Verify what is held under the path; 0 where all of it is right and current."""
    if not (settings.flash.path / "segments").is_dir():
        raise SettingsError(f"there is no flash at {settings.flash.path}: the first start makes it")
    path = str(arguments.path)
    try:
        target = parse_target(path)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if target.pattern is not None:
        raise SettingsError(f'"{path}" is a glob: verify takes a prefix')
    run = _verify(settings, path.removeprefix(SCHEME), arguments)
    return asyncio.run(run)


async def _verify(settings: Settings, prefix: str, arguments: argparse.Namespace) -> int:
    tally, started = VerifyTally(), monotonic()
    verdicts = _Verdicts(is_json=arguments.json)
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(
            watch(
                lambda: _counted(tally, monotonic() - started),
                lambda: f"{tally.objects:,} objects, {decimal(tally.bytes_read)} read",
                is_json=arguments.json,
            )
        )
        await verify(settings, prefix, tally, verdicts.note, is_offline=arguments.offline)
        watcher.cancel()
    shown = _counted(tally, monotonic() - started)
    if arguments.json:
        print_event({"event": "summary", **shown})
    else:
        verdicts.say_rest()
        _say_summary(tally, shown["seconds"])
    return 0 if tally.states[State.RIGHT] == tally.objects else 1


class _Verdicts:
    """Tells each verdict: as JSON all, to people the first that are not right."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._count = 0

    def note(self, verdict: Verdict) -> None:
        if self._is_json:
            print_event(_shown(verdict))
            return
        if verdict.state is State.RIGHT:
            return
        self._count += 1
        if self._count <= _SHOWN_MAX:
            say(f"{verdict.state.value}: {SCHEME}{verdict.name}: {verdict.words}")

    def say_rest(self) -> None:
        if self._count > _SHOWN_MAX:
            say(f"and {self._count - _SHOWN_MAX} more: --json tells all")


def _shown(verdict: Verdict) -> Shown:
    return {
        "event": "object",
        "object": f"{SCHEME}{verdict.name}",
        "state": verdict.state.value,
        "chunks": verdict.chunks,
        "chunks_damaged": verdict.chunks_damaged,
        "words": verdict.words,
    }


def _counted(tally: VerifyTally, seconds: float) -> Shown:
    return {
        "objects": tally.objects,
        **{state.value: tally.states[state] for state in State},
        "chunks": tally.chunks,
        "bytes_read": tally.bytes_read,
        "seconds": round(seconds, 3),
    }


def _say_summary(tally: VerifyTally, seconds: float) -> None:
    told = ", ".join(f"{tally.states[state]:,} {state.value}" for state in State)
    say(
        f"{tally.objects:,} objects: {told}; "
        f"{decimal(tally.bytes_read)} in {tally.chunks:,} chunks read in {seconds:.1f} s"
    )
