"""The table of traps is true: every test that it names is there, every trap's test is named."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (HERE / "README.md").read_text())


def names_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_that_is_named_exists():
    for file, name in NAMED:
        path = ROOT / file if file.startswith("tests/") else HERE / file
        assert name in names_in(path), f"{file}::{name}"


def test_every_trap_is_in_the_table():
    named = {name for _, name in NAMED}
    traps = {
        name
        for path in HERE.glob("test_*.py")
        for name in names_in(path)
        if name.startswith("test_trap_")
    }
    assert traps - named == set()
