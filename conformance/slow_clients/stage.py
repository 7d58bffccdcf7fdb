"""The stage of B7: a gateway with an object warm in it, crowds around it, and who measures."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conformance.performance.gateway import Gateway
from conformance.performance.origins import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from conformance.performance.tools import Process, running

FLOODER = ("flooder", "the flooder's secret")
_CROWDED_SECONDS_MAX = 180.0
_PATH = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def request_text(
    gateway: Gateway,
    method: str,
    key: str,
    *,
    body_bytes: int = 0,
    keys: tuple[str, str] = (ACCESS_KEY, SECRET_KEY),
) -> str:
    """Return a signed request's head as text; a body is announced and not signed."""
    request = AWSRequest(method, f"{gateway.endpoint}/{BUCKET}/{key}")
    request.context["timestamp"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    request.headers["Host"] = f"127.0.0.1:{gateway.port}"
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    signer = SigV4Auth(Credentials(*keys), "s3", REGION)
    text = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, text), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    request.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, "
        f"Signature={signature}"
    )
    if body_bytes:
        request.headers["Content-Length"] = str(body_bytes)
    lines = [f"{method} /{BUCKET}/{key} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([*lines, "", ""])


@dataclass(slots=True)
class Crowds:
    """Crowds that are running, by name."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    wanted: dict[str, int] = field(default_factory=dict)

    def join(self, name: str, source: str, plan: dict[str, Any]) -> None:
        """Start a crowd of a plan, from an address of its own."""
        words = self.folder / f"{name}.plan"
        words.write_text(json.dumps({**plan, "source": source}))
        command = [sys.executable, "-m", "conformance.slow_clients.crowd", str(words)]
        self.wanted[name] = plan["connections"]
        log = self.folder / f"{name}.log"
        self.stack.enter_context(running([*command, str(self._status(name))], log, _PATH))

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Return what each crowd last told."""
        told = {name: self._status(name) for name in self.wanted}
        return {name: json.loads(path.read_text()) for name, path in told.items() if path.exists()}

    def wait_there(self) -> None:
        """Return once nearly all of every crowd are connected: who is let go is on the way back."""
        deadline = time.monotonic() + _CROWDED_SECONDS_MAX
        while time.monotonic() < deadline:
            told = self.statuses()
            if all(
                told.get(name, {}).get("open", 0) >= 0.98 * count
                for name, count in self.wanted.items()
            ):
                return
            time.sleep(0.2)
        raise RuntimeError(f"the crowds did not come together: {self.statuses()}")

    def _status(self, name: str) -> Path:
        return self.folder / f"{name}.status"


@contextmanager
def crowds(folder: Path) -> Iterator[Crowds]:
    """Yield crowds that go when the block ends."""
    gathered = Crowds(folder)
    with gathered.stack:
        yield gathered


@contextmanager
def asking(
    folder: Path,
    name: str,
    port: int,
    requests: Sequence[str],
    *,
    connections: int,
    seconds: float,
    pause: float = 0.0,
) -> Iterator[Process]:
    """Run askers; their result is read by `result_of` after they have ended."""
    plan = folder / f"{name}.plan"
    plan.write_text(
        json.dumps(
            {
                "port": port,
                "requests": list(requests),
                "connections": connections,
                "seconds": seconds,
                "pause": pause,
            }
        )
    )
    command = [sys.executable, "-m", "conformance.slow_clients.asker", str(plan)]
    command.append(str(folder / f"{name}.result"))
    with running(command, folder / f"{name}.log", _PATH) as process:
        yield process


def result_of(folder: Path, name: str, process: Process) -> dict[str, Any]:
    """Wait for askers and return what they saw."""
    process.wait(600)
    result: dict[str, Any] = json.loads((folder / f"{name}.result").read_text())
    return result
