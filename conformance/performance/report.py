"""Writing outcomes down: a table for the terminal, JSON for programs, Markdown for people.

A row that was taken replaces its last figures in the report and leaves the others as they were. A
row that could not be taken keeps its last figures and says why beside them.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from conformance.clients.environments import python_in
from conformance.performance.figures import Bar, Outcome, Samples
from conformance.performance.machine import describe, is_same_code
from conformance.performance.measurement import row_order

RESULTS = Path(__file__).resolve().parent.parent / "results"
_JSON = RESULTS / "performance.json"
_VERDICTS = {True: "met", False: "**short**", None: ""}


def print_outcome(outcome: Outcome) -> None:
    """Print one measurement."""
    if outcome.error:
        print(f"{outcome.id}: {outcome.title}: could not be taken: {outcome.error}\n")
        return
    table = Table(title=f"{outcome.id}: {outcome.title}", title_justify="left")
    for heading in ("", "median", "least", "most", "n"):
        table.add_column(heading, justify="left" if not heading else "right")
    for one in outcome.samples:
        figures = (one.median, min(one.values), max(one.values))
        table.add_row(
            one.subject, *(f"{figure:,.4g} {one.unit}" for figure in figures), str(len(one.values))
        )
    for bar in outcome.bars:
        table.add_row(bar.what, f"{bar.value:.3f}", _aim(bar), _VERDICTS[bar.holds].strip("*"), "")
    Console().print(table)


def write_report(outcomes: Iterable[Outcome]) -> None:
    """Put the outcomes into conformance/results/performance.json and .md."""
    known = _known()
    measured = {"taken": datetime.now(UTC).isoformat(timespec="seconds"), "on": describe()}
    for outcome in outcomes:
        known[outcome.id] = merged(known.get(outcome.id), {**_as_json(outcome), **measured})
    known = {name: known[name] for name in sorted(known, key=row_order)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    _JSON.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "performance.md").write_text(markdown(known))


def draw_chart() -> None:
    """Draw conformance/results/performance.png of all that is known; say why where that fails."""
    program = Path(__file__).with_name("chart.py")
    try:
        command = [
            str(python_in("charts")),
            str(program),
            str(_JSON),
            str(_JSON.with_suffix(".png")),
        ]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        said = getattr(failure, "stderr", None) or str(failure)
        print(f"no chart was drawn: {said.strip().splitlines()[-1]}", file=sys.stderr)


def merged(last: Mapping[str, Any] | None, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the report: what was taken, or the last figures and why not."""
    if not taken["error"] or last is None:
        return dict(taken)
    return {**last, "error": f"{taken['error']} (at {taken['on']['commit']}, {taken['taken']})"}


def ids_measured_here() -> set[str]:
    """Return the rows that have figures of the very code that is checked out."""
    good = {name: one["on"]["commit"] for name, one in _known().items() if not one.get("error")}
    same = {commit: is_same_code(commit) for commit in set(good.values())}
    return {name for name, commit in good.items() if same[commit]}


def _known() -> dict[str, Any]:
    return json.loads(_JSON.read_text()) if _JSON.exists() else {}


def _as_json(outcome: Outcome) -> dict[str, Any]:
    written = asdict(outcome)
    for sample, said in zip(outcome.samples, written["samples"], strict=True):
        said["median"] = sample.median
    for bar, said in zip(outcome.bars, written["bars"], strict=True):
        said["holds"] = bar.holds
    return written


def markdown(known: Mapping[str, Any]) -> str:
    """Return the report for people."""
    lines = [
        "# Performance: the last figures",
        "",
        "Written by `python conformance/run.py performance`; docs/PERFORMANCE.md says how to read",
        "it. Ratios are medians of ratios taken in turns within one run.",
        "",
        "![Each figure as a multiple of its aim, and P1 beside its peers](performance.png)",
        "",
        "| id | work | figures (medians) | against the bar |",
        "|---|---|---|---|",
        *(_row(one) for one in known.values()),
        "",
        "## Measured on",
        "",
        "| id | taken | commit | load | machine and versions |",
        "|---|---|---|---|---|",
        *(_provenance(one) for one in known.values()),
    ]
    return "\n".join(lines) + "\n"


def _row(one: Mapping[str, Any]) -> str:
    samples = [Samples(s["subject"], s["unit"], tuple(s["values"])) for s in one["samples"]]
    bars = [Bar(b["what"], b["value"], b["limit"], b["is_ceiling"]) for b in one["bars"]]
    figures = "<br>".join(f"{s.subject} {s.median:,.4g} {s.unit}" for s in samples)
    verdicts = "<br>".join(f"{b.what} {b.value:.3f} {_aim(b)} {_VERDICTS[b.holds]}" for b in bars)
    work = "; ".join([one["title"], *one["notes"]])
    if one.get("error"):
        verdicts += f"<br>**could not be taken**: {one['error']}"
    return f"| {one['id']} | {work} | {figures} | {verdicts} |"


def _provenance(one: Mapping[str, Any]) -> str:
    on = dict(one["on"])
    commit = on.pop("commit")
    said = ", ".join(f"{name} {value}" for name, value in on.items())
    return f"| {one['id']} | {one['taken']} | {commit} | {one['load_average']:.1f} | {said} |"


def _aim(bar: Bar) -> str:
    if bar.limit is None:
        return ""
    return f"(at {'most' if bar.is_ceiling else 'least'} {bar.limit:g})"
