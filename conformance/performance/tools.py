"""Where the peers' programs are, and running one of them until a block ends, by its own handle."""

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.demo.child import stopping

_READY_SECONDS = 30.0
_CACHE = Path.home() / ".cache" / "forebay" / "bin"

Process = subprocess.Popen[bytes]


def find_tool(name: str) -> Path | None:
    """Return a program: from $FOREBAY_TOOLS, the tools' cache folder, or the path."""
    for folder in (os.environ.get("FOREBAY_TOOLS"), _CACHE):
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    found = shutil.which(name)
    return Path(found) if found else None


def get_tool(name: str) -> str:
    """Return a program's path; raises FileNotFoundError with what to do."""
    path = find_tool(name)
    if path is None:
        raise FileNotFoundError(
            f"{name} is not installed: put it into $FOREBAY_TOOLS, {_CACHE} or the path "
            "(docs/PERFORMANCE.md says where each comes from)"
        )
    return str(path)


def free_port() -> int:
    """Return a port that was free a moment ago, for programs that cannot take port 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def pinned(core: int | None) -> list[str]:
    """Return the words that keep a command on one core; none for None."""
    return [] if core is None else ["taskset", "-c", str(core)]


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[Process]:
    """Run a program until the block ends; what it says goes to `log`."""
    merged = {**os.environ, **(environment or {})}
    with log.open("ab") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=merged)
    with stopping(process):
        yield process


def wait_listening(process: Process, port: int) -> None:
    """Return once the port takes connections; raises RuntimeError if the process ends first."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not listen on {port}")


def wait_answering(process: Process, port: int, path: str) -> None:
    """Return once a GET of `path` is answered 200; raises RuntimeError if it never is."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not answer {path} on {port}")


def wait_file(process: Process, path: Path) -> str:
    """Return a ready file's text once it is written; raises RuntimeError if the process ends."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()).strip():
            return text
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} was not ready in {_READY_SECONDS:.0f} s")
