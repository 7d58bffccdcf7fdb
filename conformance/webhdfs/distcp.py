"""Part `distcp`: Hadoop's distributed copy between webhdfs:// and s3a://, both ways."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from conformance.support.raw_s3 import Place, RawS3
from conformance.support.servers import running_origin
from conformance.webhdfs.bench import Bench, Mismatch, equal, outcome_of, same
from conformance.webhdfs.java_programs import class_path
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.steps import OWNER
from conformance.webhdfs.target import Target

PART = "distcp"
_CLIENT = "DistCp 3.4.2"
_SECONDS_MAX = 300
_SIZES = {"a": 5000, "b/c": 0, "b/d e": 300_000, "b/é+%": 17, "large": 9_000_001}


@dataclass(slots=True)
class Copier:
    """The tool, where it copies from and to, and who looks at what came of it."""

    bench: Bench
    s3: Place
    witness: RawS3
    """At the S3 side: Forebay's origin, or the S3 beside a real namenode."""

    def webhdfs(self, name: str) -> str:
        """Return the URL of a path at the door."""
        return f"webhdfs://{self.bench.target.door.authority}{self.bench.root}/{name}"

    def s3a(self, name: str) -> str:
        """Return the URL of a key by S3."""
        return f"s3a://{self.s3.bucket}/{self.bench.prefix}/{name}"

    def run(self, *words: str) -> None:
        """Copy; raises Mismatch where it does not succeed."""
        settings = {
            "fs.s3a.endpoint": self.s3.endpoint,
            "fs.s3a.endpoint.region": self.s3.region,
            "fs.s3a.access.key": self.s3.access_key,
            "fs.s3a.secret.key": self.s3.secret_key,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": "false",
            "fs.permissions.umask-mode": "022",
            "hadoop.tmp.dir": str(self.bench.folder / "tmp"),
        }
        command = [
            "java",
            "-Xmx700m",
            "-cp",
            class_path("distcp"),
            "org.apache.hadoop.tools.DistCp",
        ]
        done = subprocess.run(
            [*command, *(f"-D{name}={value}" for name, value in settings.items()), *words],
            env={**os.environ, "HADOOP_USER_NAME": OWNER, "LC_ALL": "C.UTF-8"},
            cwd=self.bench.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            raise Mismatch(f"exit {done.returncode}: {(done.stderr or done.stdout)[-500:]}")


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each direction."""
    with ExitStack() as stack:
        bench = Bench(target, PART)
        if target.s3 is not None and target.witness is not None:
            copier = Copier(bench, target.s3, target.witness)
        else:
            server = stack.enter_context(running_origin("embedded"))
            place = Place(server.endpoint, target.bucket, server.access_key, server.secret_key)
            copier = Copier(bench, place, RawS3(place))
            copier.witness.ask("PUT", f"/{target.bucket}")
        for name, check in _CELLS.items():
            words = outcome_of(lambda check=check: check(copier))
            yield Row(PART, name, _CLIENT, "fail" if words else "ok", words)


def _to_s3(copier: Copier) -> None:
    bodies = _made(copier, "out")
    copier.run(copier.webhdfs("out"), copier.s3a("out-s3"))
    for name, body in bodies.items():
        key = f"{copier.bench.prefix}/out-s3/{name}"
        equal(f"{name} by S3", copier.witness.find(key), body)


def _from_s3(copier: Copier) -> None:
    bodies = {name: copier.bench.content(size) for name, size in _SIZES.items()}
    for name, body in bodies.items():
        copier.witness.put(f"{copier.bench.prefix}/in-s3/{name}", body)
    copier.run(copier.s3a("in-s3"), copier.webhdfs("in"))
    for name, body in bodies.items():
        copier.bench.holds(f"in/{name}", body)


def _preserving(copier: Copier) -> None:
    bodies = _made(copier, "kept")
    copier.bench.ask("PUT", "kept/a", "op=SETPERMISSION&permission=640")
    copier.bench.ask("PUT", "kept/a", "op=SETTIMES&modificationtime=1234567890123")
    copier.run("-pugpt", copier.webhdfs("kept"), copier.webhdfs("kept-too"))
    for name, body in bodies.items():
        copier.bench.holds(f"kept-too/{name}", body)
    status = copier.bench.status("kept-too/a")
    same(
        "mode and time", (status["permission"], status["modificationTime"]), ("640", 1234567890123)
    )


def _updating(copier: Copier) -> None:
    bodies = _made(copier, "new")
    copier.run(copier.webhdfs("new"), copier.webhdfs("new-too"))
    bodies["a"] = copier.bench.content(5000)
    copier.bench.make("new/a", bodies["a"])
    before = _moments(copier, "new-too")
    # Files of one length are told apart by GETFILECHECKSUM alone.
    copier.run("-update", copier.webhdfs("new"), copier.webhdfs("new-too"))
    after = _moments(copier, "new-too")
    same("copied again", sorted(one for one in _SIZES if before[one] != after[one]), ["a"])
    for name, body in bodies.items():
        copier.bench.holds(f"new-too/{name}", body)


def _made(copier: Copier, folder: str) -> dict[str, bytes]:
    bodies = {name: copier.bench.content(size) for name, size in _SIZES.items()}
    for name, body in bodies.items():
        copier.bench.make(f"{folder}/{name}", body)
    return bodies


def _moments(copier: Copier, folder: str) -> dict[str, object]:
    return {name: copier.bench.status(f"{folder}/{name}")["modificationTime"] for name in _SIZES}


_CELLS: dict[str, Callable[[Copier], None]] = {
    "webhdfs to s3a": _to_s3,
    "s3a to webhdfs": _from_s3,
    "webhdfs to webhdfs, -pugpt": _preserving,
    "-update by checksum": _updating,
}
