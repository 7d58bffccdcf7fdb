"""`forebay simulate`: what a cache would have done with a trace, by the real decisions."""

import argparse
import itertools
import json
import sys
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from gateway.cli.simulate_arguments import POLICIES
from gateway.cli.traces import read_trace
from gateway.flash.admission import divide
from gateway.flash.eviction import CLOCK, TWO_STREAMS, Policy
from gateway.flash.keeping import Keeping
from gateway.flash.replay import Replay, Tally
from gateway.flash.virtual import VirtualFlash
from gateway.model.rules import Rules
from gateway.settings.flash import FlashSettings
from gateway.settings.reading import SettingsError
from gateway.settings.values import parse_size

_POLICIES: Final[dict[str, Policy]] = dict(zip(POLICIES, (TWO_STREAMS, CLOCK), strict=True))
_COLUMNS: Final = (
    "policy",
    "size",
    "hits",
    "bytes hit",
    "fetches",
    "fetched",
    "questions",
    "refused",
)


def simulate(settings: FlashSettings, rules: Rules, arguments: argparse.Namespace) -> int:
    """Replay and print; raises SettingsError with one sentence where it cannot."""
    if arguments.warm_up < 0:
        raise SettingsError("--warm-up is 0 or more")
    try:
        sizes = [parse_size(text) for text in arguments.size or [settings.size]]
    except ValueError as error:
        raise SettingsError(f"--size: {error}") from error
    results = []
    for size, policy in itertools.product(sizes, dict.fromkeys(arguments.policy)):
        tally = _replayed(settings, rules, arguments, size, policy)
        results.append({"policy": policy, "size_bytes": size, **_shown(tally)})
    if arguments.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        _print_table(results)
    return 0


def _replayed(
    settings: FlashSettings, rules: Rules, arguments: argparse.Namespace, size: int, policy: str
) -> Tally:
    try:
        division = divide(size, settings.chunk_size, settings.segment_size)
    except ValueError as error:
        raise SettingsError(f"--size: {error}") from error
    flash = VirtualFlash(division, Keeping(rules, (), size), _POLICIES[policy])
    replay = Replay(flash, rules, settings.chunk_size)
    try:
        with arguments.trace.open(encoding="utf-8") as lines:
            for number, request in enumerate(read_trace(lines)):
                if number == arguments.warm_up:
                    replay.tally = Tally()
                if request.is_change:
                    replay.change(request.name, request.moment_ns)
                else:
                    replay.read(
                        request.name, request.size, request.start, request.stop, request.moment_ns
                    )
    except OSError as error:
        raise SettingsError(f"{arguments.trace} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{arguments.trace}: {error}") from error
    return replay.tally


def _shown(tally: Tally) -> dict[str, Any]:
    return {
        **asdict(tally),
        "hit_ratio": round(tally.hit_ratio, 6),
        "byte_hit_ratio": round(tally.byte_hit_ratio, 6),
    }


def _print_table(results: list[dict[str, Any]]) -> None:
    requests = results[0]["requests"] if results else 0
    table = Table(
        box=box.SIMPLE, pad_edge=False, title=f"{requests:,} requests", title_justify="left"
    )
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "policy" else "right")
    for one in results:
        table.add_row(
            one["policy"],
            decimal(one["size_bytes"]),
            f"{one['hit_ratio']:.1%}",
            f"{one['byte_hit_ratio']:.1%}",
            f"{one['origin_requests']:,}",
            decimal(one["origin_bytes"]),
            f"{one['questions']:,}",
            f"{sum(one['refusals'].values()):,}",
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    reasons = {reason for one in results for reason in one["refusals"]}
    for reason in sorted(reasons):
        console.print(f"not admitted: {reason}")
