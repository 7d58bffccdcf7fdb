"""Spark as a process of its own: asked by lines of JSON, ended with its Java."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from conformance.spark.environment import Installed
from conformance.support.raw_s3 import Place

_ROOT = Path(__file__).resolve().parents[2]
_END_SECONDS = 30.0

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One side of a session: where s3a goes, and the same bucket at the origin."""

    place: Place
    origin: Place
    base: str = ""
    """What paths begin with; `s3a://bucket` if nothing is said."""


@dataclass(slots=True)
class Program:
    """A session that runs."""

    process: "subprocess.Popen[str]" = field(repr=False)
    version: dict[str, str] = field(default_factory=dict)

    def begin(self, check: str, side: str, **told: Any) -> None:
        """Begin a check; `end` has its answer."""
        assert self.process.stdin is not None
        line = json.dumps({"check": check, "side": side, "told": told})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> Answer:
        """Return the answer to what was begun; a session that broke down fails it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            words = f"Spark broke down with {self.process.wait()}"
            return {"outcome": "fail", "words": words, "found": {}, "seconds": 0.0}
        answer: Answer = json.loads(line)
        return answer

    def is_answered(self) -> bool:
        """Return whether what was begun is over."""
        ready, _, _ = select.select([self.process.stdout], [], [], 0)
        return bool(ready)

    def ask(self, check: str, side: str, **told: Any) -> Answer:
        """Return the answer to a check."""
        self.begin(check, side, **told)
        return self.end()


@contextmanager
def running_spark(
    installed: Installed,
    ways: Mapping[str, Way],
    folder: Path,
    *,
    master: str = "local[2,4]",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run a session for these sides; what it says of itself goes to `spark.log` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "sides": {name: asdict(way) for name, way in ways.items()},
        "jars": installed.class_path,
        "folder": str(folder),
        "master": master,
        "settings": dict(settings or {}),
    }
    with (folder / "spark.log").open("a") as log:
        process = subprocess.Popen(
            [str(installed.python), "-m", "conformance.spark.driver"],
            cwd=_ROOT,
            env=environment(installed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    program = Program(process)
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        said = program.end()
        if "version" not in said:
            raise LookupError(f"{said['words']}: {(folder / 'spark.log').read_text()[-1500:]}")
        program.version = said["version"]
        yield program
    finally:
        _stop(process)


def environment(installed: Installed) -> dict[str, str]:
    """Return the environment of a Spark process: nothing of AWS, of Python, of a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "PYTHON", "SPARK_", "HADOOP_"))
        and not name.upper().endswith("_PROXY")
    }
    python = str(installed.python)
    own = {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "SPARK_LOCAL_IP": "127.0.0.1"}
    return {**kept, **own, "PYSPARK_PYTHON": python, "SPARK_HOME": str(installed.home)}


def _stop(process: "subprocess.Popen[str]") -> None:
    """Let it end by the end of its input; its whole group goes if it does not."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
        process.wait(_END_SECONDS)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
