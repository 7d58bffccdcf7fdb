"""The end of a job told by the index: what is on flash now, and what is not, and why not."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.flash.store import Flash
from gateway.jobs.journal import Entry, Journal

_BREATH_ENTRIES: Final = 256
_PUT_OUT: Final = "it was put out of flash again"
_OTHER_VERSION: Final = "another version came meanwhile"

NoteMissing = Callable[[str, str], None]
"""Is told `s3://bucket/key` and why it is not there."""


@dataclass(slots=True)
class Report:
    """What the index says of a job's objects."""

    objects: int = 0
    there: int = 0
    bytes_there: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    """How many are not there, by the reason."""


async def reckon(journal: Journal, flash: Flash, note_missing: NoteMissing) -> Report:
    """Look each entry up in the index; what is whole and the version meant is there."""
    report = Report()
    for entry in journal.entries():
        report.objects += 1
        if report.objects % _BREATH_ENTRIES == 0:
            await asyncio.sleep(0)
        reason = _why_missing(entry, flash)
        if reason:
            report.missing[reason] += 1
            note_missing(f"s3://{entry.name}", reason)
        elif entry.version is not None:
            report.there += 1
            report.bytes_there += entry.version.size
    return report


def _why_missing(entry: Entry, flash: Flash) -> str:
    """Return why the version meant is not on flash; '' where all of it is."""
    if entry.version is None:
        return entry.failure
    row = flash.find_row(entry.name)
    if row is None:
        return _PUT_OUT
    if not row.version.has_same_body(entry.version):
        return _OTHER_VERSION
    holding = flash.holdings.find(row)
    return "" if holding is not None and holding.is_whole else _PUT_OUT
