"""Known gaps: tests that are lost through Forebay for a reason that is written down, strictly.

A gap that passes fails the run, so that the file never says more than is true.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Gap:
    """Tests that are lost for one reason, on some origins or, where none is named, on all."""

    reason: str
    tests: frozenset[str]
    origins: frozenset[str]


class Gaps:
    """The gaps of one file."""

    def __init__(self, gaps: tuple[Gap, ...]) -> None:
        self._gaps = gaps

    def reasons(self, origin: str) -> dict[str, str]:
        """Return the reasons by test, for one origin."""
        return {
            test: gap.reason
            for gap in self._gaps
            if not gap.origins or origin in gap.origins
            for test in gap.tests
        }


def read_gaps(path: Path) -> Gaps:
    """Return the gaps in a TOML file; raises ValueError for one that is not as it must be."""
    return Gaps(tuple(_read(tomllib.loads(path.read_text("utf-8")))))


def _read(tables: dict[str, object]) -> Iterator[Gap]:
    gaps = tables.get("gap", [])
    if set(tables) - {"gap"} or not isinstance(gaps, list):
        raise ValueError("known gaps are [[gap]] tables and nothing else")
    for table in gaps:
        if set(table) - {"reason", "tests", "origins"} or not table.get("reason"):
            raise ValueError(f"a gap has a reason, tests and perhaps origins: {table}")
        yield Gap(table["reason"], frozenset(table["tests"]), frozenset(table.get("origins", ())))
