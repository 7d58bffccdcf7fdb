"""pjdfstest on a mount: each test file run in the mount, its TAP lines counted by group.

The suite is a checkout that the user brings (`--pjdfstest PATH`, https://github.com/pjd/pjdfstest);
it is copied and built outside of it. Which failures S3 explains stands in `known_gaps.toml`, each
with its reason; a failure without one is told as such, and a gap that passes again is told too.
"""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.posix.results import Row

_BUILT = Path.home() / ".cache" / "forebay" / "posix" / "pjdfstest"
_SECONDS_MAX = 900
_PLAN = re.compile(r"^1\.\.(\d+)(.*)$", re.MULTILINE)
_LINE = re.compile(r"^(not )?ok (\d+)(.*)$", re.MULTILINE)
_ONLY_RAN = ["1..1", "ok 1", ""]
_OWN_PLAN_OF_ONE = 'echo "1..1"'
_GAPS = Path(__file__).with_name("known_gaps.toml")


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one test file (`chmod/00.t`) said."""

    name: str
    planned: int
    passed: frozenset[int]
    failed: Mapping[int, str]
    """What each failed test said of itself."""
    skipped: str = ""
    """Why the whole file was skipped by the suite."""

    @property
    def group(self) -> str:
        """Return the operation that it tests."""
        return self.name.partition("/")[0]

    @property
    def unsaid(self) -> int:
        """Return how many tests were planned and never told of."""
        return max(0, self.planned - len(self.passed) - len(self.failed))


@dataclass(slots=True)
class GroupResult:
    """A group of files, with what explains its failures."""

    group: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: set[str] = field(default_factory=set)
    unexplained: list[str] = field(default_factory=list)


def built(checkout: Path) -> Path:
    """Return a built copy of the checkout; raises RuntimeError with the tool's last words."""
    if (_BUILT / "pjdfstest").is_file():
        return _BUILT
    shutil.rmtree(_BUILT, ignore_errors=True)
    shutil.copytree(checkout, _BUILT, ignore=shutil.ignore_patterns(".git"))
    for command in (["autoreconf", "-ifs"], ["./configure"], ["make", "pjdfstest"]):
        done = subprocess.run(command, cwd=_BUILT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-1000:]}")
    return _BUILT


def run(checkout: Path, mountpoint: Path, only: str = "") -> Iterator[FileResult]:
    """Yield what each test file says, run in an empty folder of the mount; `only` names a group."""
    tests = built(checkout) / "tests"
    for script in sorted(tests.glob("*/*.t")):
        name = f"{script.parent.name}/{script.name}"
        if only and not name.startswith(only):
            continue
        folder = mountpoint / name.replace("/", "-")
        folder.mkdir()
        try:
            done = subprocess.run(
                ["sh", str(script)],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS_MAX,
                check=False,
            )
            yield read_tap(name, done.stdout, script.read_text("utf-8"))
        except subprocess.TimeoutExpired:
            yield FileResult(name, 1, frozenset(), {0: f"no end after {_SECONDS_MAX} s"})


def read_tap(name: str, said: str, script: str) -> FileResult:
    """Return what a test file said in TAP (https://testanything.org).

    One that is for another system says `1..1` and `ok 1` in place of its own plan; one that says
    nothing at all has failed.
    """
    if said.split("\n") == _ONLY_RAN and _OWN_PLAN_OF_ONE not in script:
        return FileResult(name, 0, frozenset(), {}, "it is for another system")
    plan = _PLAN.search(said)
    planned = int(plan[1]) if plan else 1
    passed, failed = set(), {}
    for line in _LINE.finditer(said):
        number, words = int(line[2]), line[3].strip(" -")
        if line[1] and "# TODO" not in words:
            failed[number] = words
        else:
            passed.add(number)
    skipped = "" if planned or plan is None else plan[2].partition("skip")[2].strip() or "-"
    return FileResult(name, planned, frozenset(passed), failed, skipped)


def known_gaps() -> Mapping[str, str]:
    """Return the reasons by group (`link`), file (`chmod/00.t`) or test (`chmod/00.t:7`)."""
    reasons = tomllib.loads(_GAPS.read_text("utf-8"))["pjdfstest"]
    return {key: reason for reason, keys in reasons.items() for key in keys}


def by_group(results: list[FileResult], gaps: Mapping[str, str]) -> list[GroupResult]:
    """Return the groups' counts, every failure with its reason or among the unexplained."""
    groups: dict[str, GroupResult] = {}
    for one in results:
        group = groups.setdefault(one.group, GroupResult(one.group))
        group.passed += len(one.passed)
        group.skipped += bool(one.skipped)
        failures = dict(one.failed)
        if one.unsaid:
            failures[-1] = f"{one.unsaid} of {one.planned} tests were never told of"
        group.failed += len(one.failed) + one.unsaid
        for number, words in failures.items():
            key = _explaining(one, number, gaps)
            if key is None:
                group.unexplained.append(f"{one.name}:{number} {words}")
            else:
                group.reasons.add(gaps[key])
    return list(groups.values())


def stale(results: list[FileResult], gaps: Mapping[str, str]) -> list[str]:
    """Return the gaps that explain no failure of what was run."""
    run_ = {one.name for one in results} | {one.group for one in results}
    asked = {key for key in gaps if key.partition(":")[0] in run_}
    needed = {
        _explaining(one, number, gaps)
        for one in results
        for number in (*one.failed, *(-1,) * bool(one.unsaid))
    }
    return sorted(asked - needed)


def _explaining(one: FileResult, number: int, gaps: Mapping[str, str]) -> str | None:
    """Return the nearest gap that explains a failure."""
    keys = (f"{one.name}:{number}", one.name, one.group)
    return next((key for key in keys if key in gaps), None)


def rows(results: list[FileResult], mounter: str) -> list[Row]:
    """Return the scorecard's rows, one a group; a group fails where a failure has no reason."""
    told, gaps = [], known_gaps()
    passing = stale(results, gaps)
    for group in by_group(results, gaps):
        group.unexplained += [
            f"{key} is a known gap, and explains no failure"
            for key in passing
            if key.partition("/")[0] == group.group
        ]
        figures = {"passed": group.passed, "failed": group.failed, "skipped files": group.skipped}
        told.append(
            Row(
                "pjdfstest",
                group.group,
                figures,
                failures=group.unexplained,
                reasons=sorted(group.reasons),
                mounter=mounter,
            )
        )
    return told
