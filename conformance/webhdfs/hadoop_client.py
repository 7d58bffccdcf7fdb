"""Hadoop's command line tools in one Java process: `hadoop fs` and `hadoop dtutil`."""

import os
import subprocess
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance.webhdfs.java_programs import class_path

_HEAP = "-Xmx512m"
_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
SETTINGS = ("fs.permissions.umask-mode=022", "dfs.client.failover.max.attempts=2")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        """Return what it wrote, by lines."""
        return self.out.decode("utf-8", "replace").splitlines()


@dataclass(frozen=True, slots=True)
class HadoopClient:
    """A running process; commands are given one after another."""

    child: subprocess.Popen[str]
    version: str
    complaints: IO[str]

    def run(self, *words: str) -> Said:
        """Return what a command said; raises ConnectionError where the process is gone."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        coded = " ".join("=" + b64encode(word.encode()).decode() for word in words)
        self.child.stdin.write(f"{coded}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            self.complaints.seek(0)
            raise ConnectionError(f"Hadoop's client ended: {self.complaints.read()[-600:]}")
        code, out, err = line.split()
        return Said(int(code), b64decode(out[1:]), b64decode(err[1:]).decode("utf-8", "replace"))

    def fs(self, *words: str) -> Said:
        """Run `hadoop fs`."""
        return self.run("fs", *words)


@contextmanager
def running_client(
    user: str, *, classes: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[HadoopClient]:
    """Run one whose user is believed by name; `classes` is a further folder of its class path."""
    found = class_path("hadoop_client")
    command = ["java", _HEAP, _LOG, "-cp", f"{classes}:{found}" if classes else found, "Tools"]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            [*command, *SETTINGS],
            env={**inherited, "HADOOP_USER_NAME": user, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            version = child.stdout.readline().strip()
            yield HadoopClient(child, version, complaints)
        finally:
            child.stdin.close()
            child.wait(60)
