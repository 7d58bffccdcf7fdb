"""What came out: a row for each operation by each client, as JSON for programs and as tables."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = ("ok", "differs", "skipped", "fail")
"""As HDFS; not as HDFS for a reason said beforehand; not asked for a reason; wrong."""
_MARKS = {"ok": "✓", "differs": "differs", "skipped": "skipped", "fail": "**FAIL**"}


@dataclass(frozen=True, slots=True)
class Row:
    """One operation by one client."""

    part: str
    operation: str
    client: str
    result: str
    words: str = ""
    cases: int = 1
    """How many questions it stands for."""


@dataclass
class Scorecard:
    """All rows of a run, with what was tested."""

    target: str
    origin: str
    versions: dict[str, str] = field(default_factory=dict)
    measured: dict[str, object] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def take(self, row: Row) -> None:
        """Write down a row, and say at once what is wrong."""
        self.rows.append(row)
        words = f": {' '.join(row.words.split())[:300]}" if row.words else ""
        print(f"{row.result:8} {row.part} / {row.client} / {row.operation}{words}", flush=True)

    def count(self, result: str, part: str = "") -> int:
        """Return how many rows came out like that."""
        return sum(row.result == result and part in ("", row.part) for row in self.rows)

    def summary(self, part: str = "") -> str:
        """Return the counts in words."""
        told = (f"{self.count(one, part)} {one}" for one in RESULTS if self.count(one, part))
        return ", ".join(told) or "nothing was asked"

    @property
    def is_clean(self) -> bool:
        """Return whether something was asked and nothing was wrong."""
        return bool(self.rows) and not self.count("fail")


def write(card: Scorecard, folder: Path) -> Path:
    """Write both forms, parts of before that this run did not ask included; return the table's."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"webhdfs-{card.target if card.target == 'hdfs' else card.origin}.md"
    whole = _with_parts_of_before(card, table.with_suffix(".json"))
    table.with_suffix(".json").write_text(json.dumps(_as_json(whole), indent=1) + "\n", "utf-8")
    table.write_text("\n".join(_lines(whole)) + "\n", "utf-8")
    return table


def _with_parts_of_before(card: Scorecard, path: Path) -> Scorecard:
    if not path.exists():
        return card
    before = json.loads(path.read_text("utf-8"))
    asked = {row.part for row in card.rows}
    kept = [Row(**row) for row in before["rows"] if row["part"] not in asked]
    return Scorecard(
        card.target,
        card.origin,
        before["versions"] | card.versions,
        before["measured"] | card.measured,
        sorted([*kept, *card.rows], key=lambda row: row.part),
    )


def _as_json(card: Scorecard) -> dict[str, object]:
    return {
        "target": card.target,
        "origin": card.origin,
        "counts": {one: card.count(one) for one in RESULTS},
        "versions": card.versions,
        "measured": card.measured,
        "rows": [asdict(row) for row in card.rows],
    }


def _lines(card: Scorecard) -> Iterable[str]:
    where = "real HDFS" if card.target == "hdfs" else f"Forebay before {card.origin}"
    yield from (f"# WebHDFS: {where}", "", f"{card.summary()}.", "")
    yield from (
        "✓ as HDFS answers, bytes and attributes compared, at the origin too · differs: not as",
        "HDFS, for the reason given · skipped: for the reason given · FAIL.",
        "",
    )
    for part in dict.fromkeys(row.part for row in card.rows):
        yield from (f"## {part}", "", f"{card.summary(part)}.", "")
        yield from ("| operation | client | cases | result | |", "|---|---|---|---|---|")
        for row in card.rows:
            if row.part == part:
                words = " ".join(row.words.split()).replace("|", "¦")[:400]
                yield (
                    f"| {row.operation} | {row.client} | {row.cases} | "
                    f"{_MARKS[row.result]} | {words} |"
                )
        yield ""
    for name, figure in card.measured.items():
        yield f"- {name}: {figure}"
    yield ""
    yield "Versions: " + ", ".join(f"{name} {one}" for name, one in card.versions.items()) + "."
