"""Load from other processes: wrk for many small GETs, curl for streams; and signed addresses."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conformance.performance.origins import (
    ACCESS_KEY,
    BUCKET,
    REGION,
    SECRET_KEY,
    Server,
    s3_client,
)
from conformance.performance.tools import get_tool, pinned
from gateway.demo.child import stopping

_LINK_SECONDS = 6 * 3600
_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_SIGNATURES = 64
_FORMAT = '{"seconds":%{time_total},"first":%{time_starttransfer},"bytes":%{size_download},"status":%{http_code}}'  # noqa: E501


def link(server: Server, key: str, method: str = "GET") -> str:
    """Return a URL of an object: presigned, or plain where the server asks for no signature."""
    return links(server, [key], method)[0]


def links(server: Server, keys: Iterable[str], method: str = "GET") -> list[str]:
    """Return the URLs of several objects, as `link` does."""
    endpoint = f"http://{server.authority}"
    if not server.is_signed:
        return [f"{endpoint}/{BUCKET}/{key}" for key in keys]
    operation = {"GET": "get_object", "PUT": "put_object"}[method]
    client = s3_client(endpoint)
    return [
        client.generate_presigned_url(
            operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=_LINK_SECONDS
        )
        for key in keys
    ]


def signed_requests(server: Server, keys: Iterable[str], seconds_apart: int = 0) -> list[bytes]:
    """Return GETs as an SDK signs them, the whole head, each as much older than the one before."""
    now = datetime.now(UTC)
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    requests = []
    for number, key in enumerate(keys):
        path = f"/{BUCKET}/{key}"
        request = AWSRequest("GET", f"http://{server.authority}{path}")
        moment = now - timedelta(seconds=number * seconds_apart)
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        request.headers["Host"] = server.authority
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        request.headers["X-Amz-Content-SHA256"] = _EMPTY_SHA256
        text = signer.canonical_request(request)
        signature = signer.signature(signer.string_to_sign(request, text), request)
        signed = signer.signed_headers(signer.headers_to_sign(request))
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, "
            f"Signature={signature}"
        )
        requests.append(_head(path, dict(request.headers.items())))
    return requests


def linked_requests(server: Server, keys: Iterable[str]) -> list[bytes]:
    """Return GETs without any header that proves: presigned, or plain where nothing is asked."""
    start = f"http://{server.authority}"
    found = links(server, keys)
    return [_head(url.removeprefix(start), {"Host": server.authority}) for url in found]


def _head(path: str, fields: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


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
    if is_presigned or not server.is_signed:
        requests = linked_requests(server, [key])
    else:
        # Each is of another second, so that none repeats soon; S3 takes them for 15 minutes.
        requests = signed_requests(server, [key] * _SIGNATURES, seconds_apart=1)
    return send_requests(server, requests, folder, clients=clients, seconds=seconds, core=core)


def send_requests(
    server: Server,
    requests: Sequence[bytes],
    folder: Path,
    *,
    clients: int,
    seconds: float,
    core: int | None = None,
) -> Rate:
    """Return how fast these GETs are answered in turn; raises RuntimeError as `measure_rate`."""
    listed, script = folder / "requests", folder / "requests.lua"
    listed.write_bytes(b"\0".join(requests) + b"\0")
    script.write_text(_LUA.format(listed=listed))
    command = [*pinned(core), get_tool("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(script), server.endpoint]
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
    """Return how long one curl took for an object, whatever host its link names."""
    return fetch(link(server, key), *server.route, *arguments, core=core)


def fetch(url: str, *arguments: str, core: int | None = None, keep: Path | None = None) -> Transfer:
    """Return how long one curl took."""
    with running_curl(url, *arguments, core=core, keep=keep) as stream:
        return stream.wait()


def wait_seconds(seconds: float) -> None:
    """Wait between two starts; what is waited for is time itself."""
    time.sleep(max(0.0, seconds))
