"""What came out, row by row: what was done, what was compared, how it ended, directly and through.

A part of the suite that is run alone replaces its own rows in the written scorecard and leaves the
others as they were, each with the commit and the day that it was taken at.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.performance.machine import describe
from conformance.spark.program import Answer

VERDICTS = {
    ("pass", "pass"): "ok",
    ("fail", "fail"): "both fail",
    ("pass", "fail"): "LOST",
    ("fail", "pass"): "gained",
    ("n/a", "n/a"): "n/a",
    ("", "pass"): "ok",
    ("", "fail"): "FAILED",
    ("", "n/a"): "n/a",
}
"""(directly at the origin, through Forebay) -> verdict; '' where it is not done directly."""
BAD = ("LOST", "FAILED", "SHORT", "both fail", "unlike")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was done."""

    part: str
    what: str
    checked: str
    """What was compared."""
    verdict: str
    words: str = ""
    found: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        """Return whether it counts against the run."""
        return self.verdict in BAD

    def line(self) -> str:
        """Return it for a terminal."""
        taken = " / ".join(f"{one:.1f}" for one in self.seconds.values())
        return f"{self.verdict:9} {self.part:10} {self.what}: {taken} s; {self.said()}"

    def said(self) -> str:
        """Return what was found, then the words, in one line."""
        found = ", ".join(f"{name} {_shown(value)}" for name, value in self.found.items())
        return "; ".join(filter(None, [found, " ".join(self.words.split())]))


def row_of(part: str, what: str, checked: str, answers: dict[str, Answer]) -> Row:
    """Return the row of one thing done on one side or both."""
    outcomes = (answers.get("direct", {}).get("outcome", ""), answers["forebay"]["outcome"])
    through = answers["forebay"]
    told = answers["direct"] if VERDICTS.get(outcomes) == "gained" else through
    return Row(
        part,
        what,
        checked,
        VERDICTS.get(outcomes, "unlike"),
        told["words"],
        through["found"],
        {side: answer["seconds"] for side, answer in answers.items()},
    )


@dataclass
class Scorecard:
    """All rows of a run."""

    origin: str
    versions: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    """What a part shows besides its rows, in Markdown."""

    def take(self, row: Row) -> None:
        """Write down a row, and say it."""
        self.rows.append(row)
        print(row.line(), flush=True)

    def counts(self) -> dict[str, int]:
        """Return how often each verdict was given."""
        verdicts = [row.verdict for row in self.rows]
        return {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}

    def summary(self) -> str:
        """Return the counts in words."""
        return ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())


def write(card: Scorecard, folder: Path) -> Path:
    """Write both forms, with what other runs left of other parts; return the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("spark.json" if card.origin == "embedded" else f"spark-{card.origin}.json")
    parts: dict[str, Any] = json.loads(path.read_text())["parts"] if path.exists() else {}
    for part in dict.fromkeys(row.part for row in card.rows):
        parts[part] = {
            "taken": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": describe()["commit"],
            "versions": card.versions,
            "table": card.tables.get(part, ""),
            "rows": [asdict(row) for row in card.rows if row.part == part],
        }
    told = {"origin": card.origin, "parts": parts}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text("\n".join(_markdown(card.origin, parts)) + "\n")
    return path.with_suffix(".md")


def _markdown(origin: str, parts: dict[str, Any]) -> Iterable[str]:
    yield f"# Spark through Forebay before {origin}"
    yield ""
    yield "Written by `conformance/run.py spark`; conformance/README.md says what each part does."
    yield "Seconds are those of this shared machine: directly at the origin / through Forebay."
    for name, part in parts.items():
        rows = [Row(**one) for one in part["rows"]]
        versions = ", ".join(f"{what} {value}" for what, value in part["versions"].items())
        yield from ("", f"## {name}", "", f"{part['taken']}, commit {part['commit']}, {versions}.")
        yield from ("", "| | verdict | seconds | compared | found |", "|---|---|---|---|---|")
        yield from map(_row, rows)
        if part["table"]:
            yield from ("", part["table"])


def _row(row: Row) -> str:
    verdict = f"**{row.verdict}**" if row.is_bad else row.verdict
    seconds = " / ".join(f"{one:.1f}" for one in row.seconds.values())
    cells = (row.what, verdict, seconds, row.checked, row.said())
    return "| " + " | ".join(cell.replace("|", "¦") for cell in cells) + " |"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
