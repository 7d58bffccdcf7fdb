"""Real HDFS on loopback: a namenode and a datanode from Maven Central, in one Java process."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.webhdfs.java_programs import class_path
from conformance.webhdfs.playing import Door
from conformance.webhdfs.target import HDFS, Target

BUCKET = "conformance"
GROUPS = "alice=staff;bob=guests;hdfs=supergroup"
_HEAP = "-Xmx700m"
_ENDS_SECONDS = 60


@contextmanager
def running_hdfs(folder: Path) -> Iterator[Target]:
    """Run it until the block ends; raises LookupError where it cannot be had."""
    try:
        classes = class_path("minicluster")
    except subprocess.CalledProcessError as failure:
        raise LookupError(f"Maven or javac: {failure}") from failure
    command = ["java", _HEAP, "-cp", classes, "Namenode", str(folder / "dfs"), BUCKET, GROUPS]
    with (
        (folder / "hdfs.log").open("w+") as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            if not line:
                complaints.seek(0)
                raise LookupError(f"HDFS did not start: {complaints.read()[-2000:]}")
            port = json.loads(line)["http"]
            door = Door(f"127.0.0.1:{port}", f"/{BUCKET}", said_by_name)
            yield Target(HDFS, door, BUCKET, folder, pid=child.pid)
        finally:
            child.stdin.close()
            _await(child)


def _await(child: subprocess.Popen[str]) -> None:
    try:
        child.wait(_ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def said_by_name(user: str) -> str:
    """Return how a user says who it is where the name is believed."""
    return f"user.name={user}" if user else ""
