"""What the suite's own pytest says, line by line, and which of its tests are run: a pytest plugin.

It runs in the suite's environment, hence the standard library only. FOREBAY_RECORD names the file
that takes one JSON line per phase of a test (set-up, call, clean-up), as they end; FOREBAY_NAMES,
if set, a file of the names that are run; FOREBAY_REPEATS how often each is.
"""

import json
import os
from pathlib import Path
from typing import Any

_WORDS_MAX = 2000
_state: dict[str, bool] = {}


def pytest_configure(config: Any) -> None:
    """Begin the record; with xdist the process that gathers the reports writes it."""
    _state["is_writing"] = not hasattr(config, "workerinput")
    if _state["is_writing"]:
        Path(os.environ["FOREBAY_RECORD"]).write_text("", "utf-8")


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keep the tests that are named; a parametrised test goes by the name of its function."""
    path = os.environ.get("FOREBAY_NAMES")
    if path:
        _keep_named(config, items, path)
    items[:] *= int(os.environ.get("FOREBAY_REPEATS", "1"))


def _keep_named(config: Any, items: list[Any], path: str) -> None:
    names = set(Path(path).read_text("utf-8").split())
    kept = [item for item in items if {item.name, getattr(item, "originalname", "")} & names]
    dropped = [item for item in items if item not in set(kept)]
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def pytest_runtest_logreport(report: Any) -> None:
    """Write down how a phase ended."""
    if not _state["is_writing"]:
        return
    said = {
        "test": report.nodeid.rpartition("/")[2],
        "phase": report.when,
        "outcome": report.outcome,
        "words": _words(report) if report.outcome != "passed" else "",
        "seconds": round(report.duration, 3),
    }
    with Path(os.environ["FOREBAY_RECORD"]).open("a", encoding="utf-8") as record:
        record.write(json.dumps(said) + "\n")


def _words(report: Any) -> str:
    """Return the sentence of a failure, after the phase where that is not the test itself."""
    crash = getattr(report.longrepr, "reprcrash", None)
    words = crash.message if crash is not None else str(report.longrepr)[-_WORDS_MAX:]
    words = words.replace(f"{Path.cwd()}/", "")  # where the checkout lies is nobody's business
    phase = "" if report.when == "call" else f"{report.when}: "
    return f"{phase}{words}"[:_WORDS_MAX]
