"""What came out: each test's verdict from its two outcomes, as JSON for programs and a table."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.s3_tests.runner import Outcome

_WORDS_MAX = 200
_SHOWN = ("LOST", "known gap", "passes unexpectedly", "unsteady", "gained", "fails both")
_FAILING = ("LOST", "passes unexpectedly")
_NOT_RUN = Outcome("skipped", "not run")


@dataclass(frozen=True, slots=True)
class Row:
    """A test on both sides; `reason` is that of its known gap, '' if it has none.

    `is_unsteady`: asked again and again, the origin itself fails it too.
    """

    test: str
    direct: Outcome
    forebay: Outcome
    reason: str
    is_unsteady: bool = False

    @property
    def verdict(self) -> str:
        """Return the verdict; a gap that passes is one that should be struck from its file."""
        passes = self.forebay.outcome == "passed"
        if self.reason and passes:
            return "passes unexpectedly"
        if self.direct.outcome == "passed":
            lost = "known gap" if self.reason else "unsteady" if self.is_unsteady else "LOST"
            return "passes both" if passes else lost
        if passes:
            return "gained"
        skips = {self.direct.outcome, self.forebay.outcome} == {"skipped"}
        return "skipped" if skips else "fails both"


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A run of a selection at one origin by one scheme."""

    origin: str
    scheme: str
    selection: str
    rows: tuple[Row, ...]
    absent: tuple[str, ...] = ()
    """Names asked for that this checkout does not have."""
    excluded: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_failing(self) -> bool:
        """Return whether anything is lost, or passes that is said not to."""
        return any(row.verdict in _FAILING for row in self.rows)

    def counts(self) -> dict[str, int]:
        """Return how often each verdict was given, LOST always among them."""
        return {"LOST": 0, **Counter(row.verdict for row in self.rows)}

    def summary(self) -> str:
        """Return one line."""
        counted = ", ".join(
            f"{count} {verdict}" for verdict, count in sorted(self.counts().items())
        )
        passing = [
            sum(getattr(row, side).outcome == "passed" for row in self.rows)
            for side in ("direct", "forebay")
        ]
        return (
            f"{len(self.rows)} tests: {passing[0]} pass directly, {passing[1]} through Forebay "
            f"({counted}, {len(self.absent)} not in this checkout)"
        )


def compare(
    direct: Mapping[str, Outcome], forebay: Mapping[str, Outcome], reasons: Mapping[str, str]
) -> tuple[Row, ...]:
    """Return a row for each test of either side; gaps go by the test's name without its file."""
    return tuple(
        Row(
            test,
            direct.get(test, _NOT_RUN),
            forebay.get(test, _NOT_RUN),
            reasons.get(test.rpartition("::")[2].partition("[")[0], ""),
        )
        for test in sorted({*direct, *forebay})
    )


def with_unsteady(rows: tuple[Row, ...], again: Mapping[str, Outcome]) -> tuple[Row, ...]:
    """Return the rows, told what became of tests that the origin was asked again and again."""
    return tuple(
        replace(row, is_unsteady=row.test in again and again[row.test].outcome == "failed")
        for row in rows
    )


def write(card: Scorecard, folder: Path) -> Path:
    """Write the scorecard as JSON and Markdown and return the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"s3-tests-{card.selection}-{card.origin}-{card.scheme}.md"
    table.with_suffix(".json").write_text(json.dumps(_as_json(card), indent=1) + "\n", "utf-8")
    table.write_text(_as_markdown(card), "utf-8")
    return table


def _as_json(card: Scorecard) -> dict[str, object]:
    rows = {
        row.test: {"verdict": row.verdict}
        | {
            side: _said(outcome)
            for side, outcome in (("direct", row.direct), ("forebay", row.forebay))
            if outcome.words
        }
        | ({"reason": row.reason} if row.reason else {})
        for row in card.rows
    }
    return {
        "origin": card.origin,
        "scheme": card.scheme,
        "selection": card.selection,
        "counts": card.counts(),
        "seconds": dict(card.seconds),
        "absent": list(card.absent),
        "excluded": list(card.excluded),
        "tests": rows,
    }


def _as_markdown(card: Scorecard) -> str:
    lines = [
        f"# ceph/s3-tests ({card.selection}) at {card.origin} by {card.scheme}",
        "",
        f"{card.summary()}.",
    ]
    for verdict in _SHOWN:
        rows = [row for row in card.rows if row.verdict == verdict]
        if rows:
            lines += ["", f"## {verdict} ({len(rows)})", "", "| test | why |", "|---|---|"]
            lines += [f"| {row.test} | {_why(row)} |" for row in rows]
    for title, names in (("Not in this checkout", card.absent), ("Left out", card.excluded)):
        if names:
            lines += ["", f"{title}: {', '.join(names)}."]
    return "\n".join(lines) + "\n"


def _why(row: Row) -> str:
    side = row.direct if row.verdict == "gained" else row.forebay
    return (row.reason or _said(side)).replace("|", "¦")


def _said(outcome: Outcome) -> str:
    return " ".join(outcome.words.split())[:_WORDS_MAX]
