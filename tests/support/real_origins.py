"""Real S3 servers for the tests: built once at pinned versions, run on loopback.

`python -m tests.support.real_origins` builds what is missing and says how long it took; CI starts
it in the background, and the tests that need a server wait for it. The cache folder is
FOREBAY_TOOLS, by default ~/.cache/forebay/bin; where no Go is, binaries put there are used.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gateway.demo.child import stopping

ACCESS_KEY = "AKIAREALORIGINTESTS0"
SECRET_KEY = "tests-only-secret-of-real-origins"
BUILD_SECONDS_MAX = 900
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.02
_STARTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Tool:
    """A Go program: the package to install and the version it is pinned to."""

    package: str
    module: str
    version: str


TOOLS = {
    "versitygw": Tool(
        "github.com/versity/versitygw/cmd/versitygw", "github.com/versity/versitygw", "v1.8.0"
    ),
    # MinIO's release tags are no Go versions; this is the commit of its last release on master.
    "minio": Tool(
        "github.com/minio/minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"
    ),
}


@dataclass(frozen=True, slots=True)
class RealOrigin:
    """A server that runs; buckets are the tests' own to make."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]" = field(repr=False)
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def endpoint(self) -> str:
        """Return the URL to point a client at."""
        return f"http://127.0.0.1:{self.port}"


def tools_folder() -> Path:
    """Return where binaries are kept, outside the tree."""
    return Path(os.environ.get("FOREBAY_TOOLS") or Path.home() / ".cache/forebay/bin")


def is_built(name: str) -> bool:
    """Return whether `get_tool` would answer, or refuse, without building."""
    go = shutil.which("go")
    return go is None or _is_pinned(go, tools_folder() / name, TOOLS[name])


@cache
def get_tool(name: str) -> Path:
    """Return the binary, building it if it must be; raises LookupError where it cannot be had."""
    binary, tool, go = tools_folder() / name, TOOLS[name], shutil.which("go")
    if go is None:
        if not binary.exists():
            raise LookupError(f"no Go here to build {name}, and none in {tools_folder()}")
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    # One process builds, the others wait for it: the lock is per tool and dies with its holder.
    with (binary.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_pinned(go, binary, tool):
            _install(go, binary, tool)
    return binary


def _is_pinned(go: str, binary: Path, tool: Tool) -> bool:
    if not binary.exists():
        return False
    command = [go, "version", "-m", str(binary)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"\tmod\t{tool.module}\t{tool.version}\t" in told.stdout


def _install(go: str, binary: Path, tool: Tool) -> None:
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        command = [go, "install", "-trimpath", f"{tool.package}@{tool.version}"]
        built = subprocess.run(
            command,
            env={**os.environ, "GOBIN": folder, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode:
            raise LookupError(f"{' '.join(command)} failed: {built.stderr[-2000:]}")
        Path(folder, binary.name).rename(binary)


@contextmanager
def running_versitygw() -> Iterator[RealOrigin]:
    """Run versitygw on a folder; its metadata lie in extended attributes where there are any."""
    with tempfile.TemporaryDirectory(prefix="versitygw-") as folder:
        paths = {name: Path(folder, name) for name in ("objects", "versions", "sidecar")}
        for path in paths.values():
            path.mkdir()
        where = ["--versioning-dir", str(paths["versions"]), str(paths["objects"])]
        if not _has_xattrs(paths["objects"]):
            where = ["--sidecar", str(paths["sidecar"]), *where]

        def command(port: int) -> list[str]:
            own = ["--port", f"127.0.0.1:{port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY]
            flags = ["--keep-alive", "--quiet", "posix", *where]
            return [str(get_tool("versitygw")), *own, *flags]

        with _running("versitygw", command, {}) as origin:
            yield origin


@contextmanager
def running_minio() -> Iterator[RealOrigin]:
    """Run MinIO on one folder."""
    with tempfile.TemporaryDirectory(prefix="minio-") as folder:

        def command(port: int) -> list[str]:
            address = ["--address", f"127.0.0.1:{port}", "--console-address", "127.0.0.1:0"]
            return [str(get_tool("minio")), "server", "--quiet", *address, folder]

        settings = {
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        with _running("minio", command, settings) as origin:
            yield origin


@contextmanager
def running_moto() -> Iterator[RealOrigin]:
    """Run moto's server, which checks no signature; raises LookupError if it is not installed."""
    beside = str(Path(sys.executable).parent)
    server = shutil.which("moto_server", path=os.pathsep.join([beside, os.environ["PATH"]]))
    if server is None:
        raise LookupError("moto's server is not installed")
    with _running("moto", lambda port: [server, "-H", "127.0.0.1", "-p", str(port)], {}) as origin:
        yield origin


STARTERS = {"versitygw": running_versitygw, "minio": running_minio, "moto": running_moto}


@contextmanager
def _running(
    name: str, command: Callable[[int], list[str]], settings: dict[str, str]
) -> Iterator[RealOrigin]:
    for attempt in range(_STARTS_MAX):
        port = free_port()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command(port),
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            with stopping(process):
                if _is_answering(process, port):
                    yield RealOrigin(name, port, process)
                    return
            said.seek(0)
            last_words = said.read()[-2000:].decode(errors="replace")
            # Another process may have taken the port between our look and the server's.
            if attempt + 1 == _STARTS_MAX:
                raise RuntimeError(f"{name} did not start: {last_words}")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _is_answering(process: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as refused:
            refused.close()
            # MinIO says 503 until it is initialised; a refusal to strangers is a sign of health.
            if refused.code != 503:
                return True
        except OSError:
            pass
        else:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _has_xattrs(folder: Path) -> bool:
    try:
        os.setxattr(folder, "user.forebay.probe", b"1")
    except OSError:
        return False
    os.removexattr(folder, "user.forebay.probe")
    return True


def main(names: Sequence[str]) -> None:
    """Build the named tools, or all of them, one after the other."""
    for name in names or TOOLS:
        begun = time.monotonic()
        try:
            binary = get_tool(name)
        except LookupError as missing:
            sys.stdout.write(f"{missing}\n")
        else:
            sys.stdout.write(f"{binary} in {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
