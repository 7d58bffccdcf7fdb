"""Load from other processes: wrk for many small GETs, curl for streams; and signed addresses."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
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
    if not server.is_signed:
        return f"{server.endpoint}/{BUCKET}/{key}"
    operation = {"GET": "get_object", "PUT": "put_object"}[method]
    url: str = s3_client(server.endpoint).generate_presigned_url(
        operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=_LINK_SECONDS
    )
    return url


def signed_heads(server: Server, key: str) -> list[dict[str, str]]:
    """Return GET headers as an SDK signs them, each of another second, so that none repeats soon.

    S3 takes a signature for 15 minutes; one head without anything for a server that asks for none.
    """
    if not server.is_signed:
        return [{}]
    now = datetime.now(UTC)
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    heads = []
    for number in range(_SIGNATURES):
        request = AWSRequest("GET", f"{server.endpoint}/{BUCKET}/{key}")
        moment = now - timedelta(seconds=number)
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        request.headers["Host"] = f"127.0.0.1:{server.port}"
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        request.headers["X-Amz-Content-SHA256"] = _EMPTY_SHA256
        text = signer.canonical_request(request)
        signature = signer.signature(signer.string_to_sign(request, text), request)
        signed = signer.signed_headers(signer.headers_to_sign(request))
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, "
            f"Signature={signature}"
        )
        heads.append(dict(request.headers.items()))
    return heads


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
    script = folder / "requests.lua"
    if is_presigned:
        script.write_text(_lua([{}], link(server, key).removeprefix(server.endpoint)))
    else:
        script.write_text(_lua(signed_heads(server, key), f"/{BUCKET}/{key}"))
    command = [*pinned(core), get_tool("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(script), server.endpoint]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{server.endpoint} did not answer every GET:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return Rate(float(found[1]), _percentile(said, 50), _percentile(said, 99))


def _lua(heads: Sequence[dict[str, str]], path: str) -> str:
    """Return a wrk script that sends these heads in turn, each formatted once."""
    tables = []
    for head in heads:
        fields = ", ".join(f'["{name}"]={json.dumps(value)}' for name, value in head.items())
        tables.append(f'  wrk.format("GET", {json.dumps(path)}, {{{fields}}}),')
    listed = "\n".join(tables)
    return (
        "local requests, at\n"
        f"function init()\nrequests = {{\n{listed}\n}}\nat = 0\nend\n"
        "function request()\n  at = at % #requests + 1\n  return requests[at]\nend\n"
    )


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


def fetch(url: str, *arguments: str, core: int | None = None, keep: Path | None = None) -> Transfer:
    """Return how long one curl took."""
    with running_curl(url, *arguments, core=core, keep=keep) as stream:
        return stream.wait()


def wait_seconds(seconds: float) -> None:
    """Wait between two starts; what is waited for is time itself."""
    time.sleep(max(0.0, seconds))
