"""docs/SEMANTICS.md: every promise names its tests, every named test exists, no test is unnamed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "SEMANTICS.md"
_NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
_LATER = re.compile(r"\bissue \d+\b")


def promises() -> Iterator[str]:
    """Yield every bullet with its continuation lines, as one line."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for bullet in re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE):
        yield " ".join(bullet.split())


def named_tests() -> list[tuple[str, str]]:
    return _NAMED.findall(DOCUMENT.read_text(encoding="utf-8"))


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = (node.name for node in tree.body if isinstance(node, kinds))
    return {name for name in functions if name.startswith("test_")}


def place_of(name: str) -> Path:
    """Return the file of a named test; those without a folder are here."""
    return (TESTS if "/" in name else TESTS / "semantics") / name


@pytest.mark.parametrize("promise", list(promises()))
def test_every_promise_names_its_tests_or_the_issue_that_brings_it(promise: str) -> None:
    assert _NAMED.search(promise) or _LATER.search(promise)


@pytest.mark.parametrize(("file", "test"), named_tests())
def test_every_named_test_exists(file: str, test: str) -> None:
    assert test in functions_of(place_of(file))


@pytest.mark.parametrize(
    "path", sorted(set((TESTS / "semantics").glob("test_*.py")) - {Path(__file__)})
)
def test_no_test_of_a_promise_is_unnamed(path: Path) -> None:
    named = {test for file, test in named_tests() if place_of(file) == path}
    assert functions_of(path) - named == set()
