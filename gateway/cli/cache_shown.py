"""What is on flash as people and programs read it: lines, tables, JSON."""

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.filesize import decimal
from rich.table import Table

from gateway.flash.holdings import Holding

SCHEME: Final = "s3://"
_NANOSECONDS: Final = 1_000_000_000

Shown = dict[str, Any]


def shown_holding(one: Holding) -> Shown:
    """Return what is known of an object, as JSON's types."""
    row, version = one.row, one.row.version
    confirmed = None
    with suppress(OverflowError, OSError, ValueError):
        if row.confirmed_ns > 0:
            moment = datetime.fromtimestamp(row.confirmed_ns / _NANOSECONDS, UTC)
            confirmed = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "object": f"{SCHEME}{row.name}",
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


def holding_cells(one: Holding) -> tuple[str, str, str, str]:
    """Return an object's line of a table: name, size, how much is held, when confirmed."""
    shown = shown_holding(one)
    held = "whole" if one.is_whole else decimal(one.bytes_held)
    return shown["object"], decimal(one.row.version.size), held, shown["confirmed"] or "never"


def bucket_cells(buckets: Mapping[str, Shown]) -> Iterable[tuple[str, str, str]]:
    """Yield a line for each bucket: name, objects, bytes held."""
    for name, bucket in sorted(buckets.items()):
        yield name, str(bucket["objects"]), decimal(bucket["bytes_held"])


def print_table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print a table, numbers to the right."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        side: JustifyMethod = "left" if column == columns[0] else "right"
        table.add_column(column, overflow="fold", justify=side)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def print_json(shown: Shown) -> None:
    """Print one document."""
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")


def print_event(shown: Shown) -> None:
    """Print one line of JSON, at once: somebody follows."""
    sys.stdout.write(json.dumps(shown, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{line}\n")
