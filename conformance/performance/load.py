"""Load from other processes: wrk for many small GETs, curl for streams."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conformance.performance.asking import Ask, asks
from conformance.performance.origins import Server
from conformance.performance.tools import get_tool, pinned
from gateway.demo.child import stopping

_REQUESTS = 8192
"""Signed heads of one key that are sent in turn: more than anyone remembers."""
_FORMAT = '{"seconds":%{time_total},"first":%{time_starttransfer},"bytes":%{size_download},"status":%{http_code}}'  # noqa: E501


@dataclass(frozen=True, slots=True)
class Rate:
    """What wrk saw."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


def measure_rate(
    server: Server,
    key: str,
    folder: Path,
    *,
    clients: int,
    seconds: float,
    core: int | None,
    is_presigned: bool = False,
) -> Rate:
    """Return how fast small GETs are answered; raises RuntimeError if any was refused or broke."""
    requests = _asked_again(server, key, is_presigned)
    return send_requests(server, requests, folder, clients=clients, seconds=seconds, core=core)


@cache  # a trial follows the other within the 15 minutes for which S3 takes a signature
def _asked_again(server: Server, key: str, is_presigned: bool) -> list[Ask]:
    # A presigned URL, and one that is asked for without any proof, is the same each time.
    is_one = is_presigned or server.proof in ("link", "none")
    return asks(server, [key] * (1 if is_one else _REQUESTS), by_link=is_presigned)


def send_requests(
    server: Server,
    requests: Sequence[Ask],
    folder: Path,
    *,
    clients: int,
    seconds: float,
    core: int | None = None,
    patience_seconds: int = 2,
) -> Rate:
    """Return how fast these GETs are answered in turn; raises RuntimeError as `measure_rate`.

    So it does where one takes longer than the patience.
    """
    listed, script = folder / "requests", folder / "requests.lua"
    listed.write_bytes(b"".join(one.raw + b"\0" for one in requests))
    script.write_text(_LUA.format(listed=listed))
    command = [*pinned(core), get_tool("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", f"{patience_seconds}s", "-s", str(script), server.endpoint]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{server.endpoint} did not answer every GET:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return Rate(float(found[1]), _percentile(said, 50), _percentile(said, 99))


_LUA = """\
local requests, at = {{}}, 0
function init()
  for one in io.open("{listed}", "rb"):read("*a"):gmatch("([^%z]+)%z") do
    requests[#requests + 1] = one
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def _percentile(said: str, number: int) -> float:
    found = re.search(rf"{number}%\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One body as curl saw it."""

    seconds: float
    bytes: int


class Stream:
    """A curl that is running."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._finished = 0.0
        self._watch = threading.Thread(target=self._drain, daemon=True)
        self._watch.start()

    def _drain(self) -> None:
        assert self._process.stdout is not None
        self._said = self._process.stdout.read()
        self._process.wait()

    def wait(self) -> Transfer:
        """Return what was transferred; raises RuntimeError for any other end than a whole body."""
        self._watch.join()
        if self._process.returncode != 0:
            raise RuntimeError(f"curl ended with {self._process.returncode}: {self._said!r}")
        said = json.loads(self._said)
        if said["status"] not in (200, 206):
            raise RuntimeError(f"curl was answered {said['status']}")
        return Transfer(said["seconds"], said["bytes"])


@contextmanager
def running_curl(
    url: str, *arguments: str, core: int | None = None, keep: Path | None = None
) -> Iterator[Stream]:
    """Run curl on `url`; the body goes nowhere, or into `keep`. It ends with the block."""
    command = [*pinned(core), get_tool("curl"), "--silent", "--show-error"]
    command += ["--output", str(keep or "/dev/null"), "--write-out", _FORMAT, *arguments, url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    with stopping(process):
        yield Stream(process)


def take(server: Server, key: str, *arguments: str, core: int | None = None) -> Transfer:
    """Return how long one curl took for an object, however the server wants to be asked."""
    [ask] = asks(server, [key], by_link=True)
    fields = [
        word for name, value in ask.fields.items() for word in ("--header", f"{name}: {value}")
    ]
    return fetch(f"{server.endpoint}{ask.target}", *fields, *arguments, core=core)


def fetch(url: str, *arguments: str, core: int | None = None, keep: Path | None = None) -> Transfer:
    """Return how long one curl took."""
    with running_curl(url, *arguments, core=core, keep=keep) as stream:
        return stream.wait()


def wait_seconds(seconds: float) -> None:
    """Wait between two starts; what is waited for is time itself."""
    time.sleep(max(0.0, seconds))
