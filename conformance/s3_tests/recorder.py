"""What the suite's own pytest says, line by line, and which of its tests are run: a pytest plugin.

It runs in the suite's environment, hence the standard library only. FOREBAY_RECORD names the file
that takes one JSON line per test; FOREBAY_NAMES, if set, a file of the names that are run.
"""

import json
import os
from pathlib import Path
from typing import Any

_RANKS = {"passed": 0, "skipped": 1, "failed": 2}
_WORDS_MAX = 2000
_reports: dict[str, dict[str, Any]] = {}


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keep the tests that are named; a parametrised test goes by the name of its function."""
    path = os.environ.get("FOREBAY_NAMES")
    if not path:
        return
    names = set(Path(path).read_text("utf-8").split())
    kept = [item for item in items if {item.name, getattr(item, "originalname", "")} & names]
    dropped = [item for item in items if item not in set(kept)]
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def pytest_runtest_logreport(report: Any) -> None:
    """Remember the worst of a test's phases: buckets that cannot be cleaned up are a failure."""
    said = {
        "test": report.nodeid.rpartition("/")[2],
        "outcome": report.outcome,
        "words": _words(report) if report.outcome != "passed" else "",
        "seconds": report.duration,
    }
    known = _reports.setdefault(report.nodeid, {**said, "seconds": 0.0})
    seconds = known["seconds"] + said["seconds"]
    if _RANKS[report.outcome] > _RANKS[known["outcome"]]:
        known.update(said)
    known["seconds"] = round(seconds, 3)


def pytest_sessionfinish(session: Any) -> None:
    """Write down all of it; with xdist the one that gathers does."""
    if hasattr(session.config, "workerinput"):
        return
    lines = [json.dumps(said) + "\n" for said in _reports.values()]
    Path(os.environ["FOREBAY_RECORD"]).write_text("".join(lines), "utf-8")


def _words(report: Any) -> str:
    """Return the sentence of a failure, after the phase where that is not the test itself."""
    crash = getattr(report.longrepr, "reprcrash", None)
    words = crash.message if crash is not None else str(report.longrepr)[-_WORDS_MAX:]
    phase = "" if report.when == "call" else f"{report.when}: "
    return f"{phase}{words}"[:_WORDS_MAX]
