"""The house rules as tests: layers, sizes, titles, names, and documents that are true of the code.

A rule that is only stated is broken; each of these names the file that breaks it. What ruff and
mypy prove already (`make lint`) is not repeated, except the layers, which belong to the house.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from gateway.settings.reading import all_keys
from gateway.settings.tree import Settings
from gateway.telemetry.metrics import METRICS
from tests.support import dashboard
from tests.support.reference_docs import DOCS, REFERENCES, with_reference

ROOT = Path(__file__).parents[1]
FILE_LINES_MAX = 400
FILE_LINES_MEDIAN_MAX = 200
FUNCTION_LINES_MAX = 50
TITLE_LETTERS_MIN = 12
BANNED_WORDS = {"manager", "helper", "helpers", "util", "utils", "common", "misc"}
BANNED_NAMES = {"data"}
"""Fine inside a longer name (`metadata`), empty as the whole name of a module or class."""
BANNED_CALLS = {"asyncio.create_task", "asyncio.ensure_future"}
SLEEPS = {"time.sleep", "asyncio.sleep", "sleep"}
SKIPS = {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
FOREIGN_NAMES = {"handle_error"}
"""Methods of a library's class that we override have the library's names."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


GATEWAY = python_files("gateway")
TESTS = python_files("tests")
ALL = [*GATEWAY, *TESTS, *python_files("conformance")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def definitions(path: Path) -> Iterator[Definition]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Definition):
            yield node


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node


def words(name: str) -> set[str]:
    """Return the words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_rooms_touch_only_rooms_below_their_own():
    program = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_packages_are_empty():
    filled = [shown(path) for path in GATEWAY if path.name == "__init__.py" and line_count(path)]
    assert filled == []


def test_every_file_begins_with_its_title():
    for path in ALL:
        text = path.read_text("utf-8")
        if not text:
            continue
        first = text.removeprefix("#!/usr/bin/env python3\n").splitlines()[0]
        assert first.startswith('"""'), f"{shown(path)} does not begin with its title"
        title = first.strip('"').strip()
        assert len(title) >= TITLE_LETTERS_MIN, f"{shown(path)} has a title that says nothing"


def test_no_file_is_longer_than_it_may_be():
    long = {shown(path): lines for path in ALL if (lines := line_count(path)) > FILE_LINES_MAX}
    assert long == {}


def test_files_are_short_as_a_rule():
    counts = [line_count(path) for path in GATEWAY if line_count(path)]
    assert statistics.median(counts) <= FILE_LINES_MEDIAN_MAX


def test_functions_fit_a_screen():
    long = {
        f"{shown(path)}:{node.lineno} {node.name}": length
        for path in ALL
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_modules_and_classes_have_names_that_say_something():
    classes = (
        (path, node.name)
        for path in ALL
        for node in definitions(path)
        if isinstance(node, ast.ClassDef)
    )
    modules = ((path, path.stem) for path in ALL)
    empty = [
        f"{shown(path)}: {name}"
        for path, name in chain(modules, classes)
        if words(name) & BANNED_WORDS or name.lower().strip("_") in BANNED_NAMES
    ]
    assert empty == []


def test_no_function_only_handles():
    handling = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path in GATEWAY
        for node in definitions(path)
        if node.name.lstrip("_").startswith("handle_") and node.name not in FOREIGN_NAMES
    ]
    assert handling == []


def test_tasks_belong_to_groups():
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in ALL
        for node in calls(path)
        if ast.unparse(node.func) in BANNED_CALLS
    ]
    assert found == []


def test_no_test_sleeps():
    sleeping = [
        f"{shown(path)}:{node.lineno}"
        for path in TESTS
        if path.name.startswith("test_")
        for node in calls(path)
        if ast.unparse(node.func) in SLEEPS
        # sleep(0) lets other tasks run; it waits for no time.
        and [ast.unparse(argument) for argument in node.args] != ["0"]
    ]
    assert sleeping == []


def test_a_test_that_is_skipped_says_why():
    silent = []
    for path in TESTS:
        with_reason = {
            node.func
            for node in calls(path)
            if any(keyword.arg == "reason" for keyword in node.keywords)
        }
        silent += [
            f"{shown(path)}:{node.lineno}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Attribute)
            and ast.unparse(node) in SKIPS
            and node not in with_reason
        ]
    assert silent == []


@pytest.mark.parametrize(("page", "mark"), REFERENCES)
def test_reference_tables_are_those_of_the_code(page, mark):
    text = (DOCS / page).read_text("utf-8")
    fresh = with_reference(text, mark, REFERENCES[page, mark]())
    assert text == fresh, f"docs/{page} is not what the code says: run `make docs`"


def test_every_setting_is_documented_with_a_reason():
    text = (DOCS / "CONFIGURATION.md").read_text("utf-8")
    for key in all_keys(Settings):
        section, _, name = key.partition(".")
        described = Settings.model_fields[section].annotation
        assert f"| `{name}` |" in text, key
        assert described is not None


def test_every_metric_is_counted_somewhere():
    used = set(
        re.findall(
            r"\bmetrics\.(\w+)",
            "\n".join(path.read_text("utf-8") for path in GATEWAY),
        )
    )
    assert sorted(METRICS.keys() - used) == []


def test_every_alarm_names_a_metric_that_exists():
    names = {metric.shown for metric in METRICS.values()}
    text = (DOCS / "OPERATIONS.md").read_text("utf-8")
    named = set(re.findall(r"\bforebay_[a-z_]+", text))
    assert named - names == set()


def test_every_metric_is_read_for_operators_and_drawn():
    text = (DOCS / "OPERATIONS.md").read_text("utf-8")
    readings = text.split("\n## Reading the metrics\n")[1].split("\n## ")[0]
    shown_names = {metric.shown for metric in METRICS.values()}
    unread = shown_names - set(re.findall(r"`(forebay_[a-z_]+)`", readings))
    assert unread == set(), "write a row in docs/OPERATIONS.md, Reading the metrics"
    drawn = set(re.findall(r"forebay_[a-z_]+", dashboard.written()))
    undrawn = {name for name in shown_names if not any(one.startswith(name) for one in drawn)}
    assert undrawn == set(), "add a line in tests/support/dashboard.py, then make docs"
    assert dashboard.PATH.read_text("utf-8") == dashboard.written(), "run make docs"


def test_every_document_that_is_linked_exists():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{shown(page)} links {target}"


def test_every_test_that_a_document_names_exists():
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text("utf-8"))
        for path, name in named:
            assert (ROOT / path).is_file(), f"{shown(page)} names {path}"
            names = {node.name for node in definitions(ROOT / path)}
            assert not name or name in names, f"{shown(page)} names {path}::{name}"
