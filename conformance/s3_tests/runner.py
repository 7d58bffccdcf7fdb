"""The suite as a process: an environment of its own requirements, and a run at one side."""

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from conformance.s3_tests.places import Side
from conformance.s3_tests.users import suite_settings

_ROOT = Path(__file__).resolve().parents[2]
_TEST_SECONDS_MAX = 180
_SUITE_SECONDS_MAX = 4 * 3600
_RUNNERS = ("pytest-timeout", "pytest-xdist")
_RANKS = {"passed": 0, "skipped": 1, "failed": 2}
_PASSED, _SOME_FAILED, _NONE_CHOSEN = 0, 1, 5

WIDE = (
    "not fails_on_aws and not encryption and not lifecycle and not s3select"
    " and not iam_account and not iam_cross_account and not iam_role and not iam_tenant"
    " and not iam_user"
)
"""The markers of the wide run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended on one side: `passed`, `failed` or `skipped`, and why."""

    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is run: tests by name, by markers, by pytest's own expression, less some; how often."""

    names: Path | None = None
    markers: str = ""
    expression: str = ""
    excluded: tuple[str, ...] = ()
    repeats: int = 1

    def words(self) -> list[str]:
        """Return pytest's arguments."""
        unwanted = [f"not {name}" for name in self.excluded]
        expression = " and ".join([f"({self.expression})"] * bool(self.expression) + unwanted)
        words = ["-m", self.markers] if self.markers else []
        return [*words, "-k", expression] if expression else words


@dataclass(frozen=True, slots=True)
class Suite:
    """A checkout of the suite and the interpreter that has what it needs."""

    checkout: Path
    python: Path
    jobs: int = 1

    def run(self, side: Side, selection: Selection, folder: Path) -> dict[str, Outcome]:
        """Run the selection at one side; what pytest printed stays in `folder`.

        Raises RuntimeError where pytest itself fails.
        """
        folder.mkdir(parents=True, exist_ok=True)
        settings, record, said = (
            folder / name for name in ("s3tests.conf", "record.jsonl", "pytest.log")
        )
        settings.write_text(suite_settings(side.server, side.users, side.api_name), "utf-8")
        command = [str(self.python), "-m", "pytest", "s3tests/functional", "-q"]
        command += ["-p", "conformance.s3_tests.recorder", "-p", "no:cacheprovider"]
        command += ["--timeout", str(_TEST_SECONDS_MAX), "--tb", "short", *selection.words()]
        if self.jobs > 1:
            command += ["-n", str(self.jobs), "--dist", "worksteal"]
        with said.open("w", encoding="utf-8") as log:
            done = subprocess.run(
                command,
                cwd=self.checkout,
                env=_environment(settings, record, selection),
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=_SUITE_SECONDS_MAX,
                check=False,
            )
        if done.returncode not in {_PASSED, _SOME_FAILED, _NONE_CHOSEN}:
            tail = said.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"the suite's pytest ended with {done.returncode}: {tail}")
        return _read(record)


def make_environment(checkout: Path, folder: Path) -> Path:
    """Return the interpreter of the suite's environment, which is made if there is none."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(checkout / "requirements.txt"), *_RUNNERS], check=True)
    return python


def _environment(settings: Path, record: Path, selection: Selection) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "PYTHON", "PYTEST"))
        and not name.upper().endswith("_PROXY")
    }
    return kept | {
        "S3TEST_CONF": str(settings),
        "FOREBAY_RECORD": str(record),
        "FOREBAY_NAMES": str(selection.names or ""),
        "FOREBAY_REPEATS": str(selection.repeats),
        "PYTHONPATH": str(_ROOT),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # A failure is to be seen, not smoothed over.
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _read(record: Path) -> dict[str, Outcome]:
    """Return the worst of each test's phases: buckets that cannot be emptied are a failure too."""
    outcomes: dict[str, Outcome] = {}
    for line in record.read_text("utf-8").splitlines():
        said = json.loads(line)
        known = outcomes.get(said["test"])
        if known is None or _RANKS[said["outcome"]] > _RANKS[known.outcome]:
            outcomes[said["test"]] = Outcome(said["outcome"], said["words"])
    return outcomes
