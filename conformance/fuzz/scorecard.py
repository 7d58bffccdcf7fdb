"""The scorecard of fuzzing: what was spent on each target, and what came of it."""

import json
from pathlib import Path
from typing import Any

from tests.fuzzing.catalogue import TARGETS

_ASKED_MINUTES = 30
_COLUMNS = (
    "target",
    "minutes",
    "of CPU",
    "executions",
    "edges",
    "corpus",
    "RSS, MiB",
    "found",
    "found by the last run",
)
_RULES = ("---", *["---:"] * (len(_COLUMNS) - 1))
_TITLE = """\
# Fuzzing: what was spent on each parser, and what was found

Written by `conformance/run.py fuzz --write`. Minutes are of one process at `nice 19` on a shared
machine, which gave it so many of CPU time. Edges are branches of `gateway` and `python_multipart`
that were reached. A finding counts once per kind (what was raised, and where). RSS may be 1,024
MiB, an input may take 1 s of CPU time.
"""


def write_scorecard(runs: Path, folder: Path) -> None:
    """Write fuzz.json and fuzz.md of all runs that were ever made with these corpora."""
    made = [json.loads(line) for line in runs.read_text().splitlines()]
    rows = [_row(name, [one for one in made if one["target"] == name]) for name in TARGETS]
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"asked minutes": _ASKED_MINUTES, "targets": rows}
    (folder / "fuzz.json").write_text(json.dumps(figures, indent=1) + "\n")
    untimed = sum("cpu_seconds" not in one for one in made)
    note = f"Of {untimed} of {len(made)} runs the CPU time was not taken.\n" if untimed else ""
    (folder / "fuzz.md").write_text(_table(rows) + note)


def _row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "target": name,
        "minutes": round(sum(one["seconds"] for one in runs) / 60, 1),
        "cpu minutes": round(sum(one.get("cpu_seconds", 0) for one in runs) / 60, 1),
        "executions": sum(one["executions"] for one in runs),
        "edges": max((one["edges"] for one in runs), default=0),
        "corpus": max((one["corpus"] for one in runs), default=0),
        "rss mib at first": min((one["rss_mib_first"] for one in runs), default=0),
        "rss mib at most": max((one["rss_mib_peak"] for one in runs), default=0),
        "findings": sorted({kind for one in runs for kind in one["findings"]}),
        "findings in the last run": list(runs[-1]["findings"]) if runs else [],
        "commits": sorted({one["commit"] for one in runs}),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    spent = sum(row["minutes"] for row in rows)
    short = sum(row["minutes"] < _ASKED_MINUTES for row in rows)
    cells = [
        (
            row["target"],
            row["minutes"],
            row["cpu minutes"],
            f"{row['executions']:,}",
            row["edges"],
            row["corpus"],
            f"{row['rss mib at first']} to {row['rss mib at most']}",
            len(row["findings"]),
            len(row["findings in the last run"]),
        )
        for row in rows
    ]
    table = "\n".join(f"| {' | '.join(map(str, row))} |" for row in (_COLUMNS, _RULES, *cells))
    return (
        f"{_TITLE}\n{table}\n\nTogether {spent:,.0f} minutes. Asked for were {_ASKED_MINUTES} "
        f"minutes each; {short} of {len(rows)} targets have had less.\n"
    )
