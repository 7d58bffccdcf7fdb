"""What came out: rows of parts, printed as they come, as JSON for programs and a table."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"
_FAILURES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was tried on a mount."""

    part: str
    name: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """What is wrong and explained by nothing."""
    reasons: list[str] = field(default_factory=list)
    """Why what does not work does not: each is documented."""
    mounter: str = "forebay"

    @property
    def verdict(self) -> str:
        """Return one word."""
        if self.failures:
            return "FAILED"
        return "ok, with gaps" if self.reasons else "ok"


def print_row(row: Row) -> None:
    """Print one row, and the first of its failures."""
    figures = ", ".join(f"{name} {_short(value)}" for name, value in row.figures.items())
    sys.stdout.write(f"{row.verdict:14} {row.part}: {row.name} [{row.mounter}] {figures}\n")
    for words in row.failures[:_FAILURES_SHOWN]:
        sys.stdout.write(f"               {words[:300]}\n")
    if len(row.failures) > _FAILURES_SHOWN:
        sys.stdout.write(f"               and {len(row.failures) - _FAILURES_SHOWN} more\n")
    sys.stdout.flush()


def write(part: str, rows: Iterable[Row], about: Mapping[str, Any]) -> None:
    """Put a part's rows into conformance/results/posix-PART.json and .md."""
    taken = list(rows)
    RESULTS.mkdir(exist_ok=True)
    told = {**about, "rows": [asdict(row) for row in taken]}
    (RESULTS / f"posix-{part}.json").write_text(
        json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    )
    (RESULTS / f"posix-{part}.md").write_text(_table(part, taken, about))


def _table(part: str, rows: list[Row], about: Mapping[str, Any]) -> str:
    words = ", ".join(f"{name} {value}" for name, value in about.items() if value)
    lines = [f"# posix, {part}", "", words, "", "| what | by | verdict | figures | why |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        figures = ", ".join(f"{name} {_short(value)}" for name, value in row.figures.items())
        why = "; ".join([*row.reasons, *row.failures[:_FAILURES_SHOWN]]).replace("|", "\\|")
        lines.append(f"| {row.name} | {row.mounter} | {row.verdict} | {figures} | {why} |")
    return "\n".join(lines) + "\n"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
