"""What stands while the demo runs: an origin, its shaping, a gateway before it; all on loopback."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.child import running_module, stopping
from gateway.demo.load import REGION, Endpoint
from gateway.demo.samples import BUCKET
from gateway.demo.shaped import Shaped, running_shaped

RTT_MS = 30.0
MBPS = 33.0
_LIST_MS = 50.0
_GATEWAY_PORT = 9000
_ADMIN_PORT = 9090
_PORT_MAX = 65535
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LAST_WORDS_CHARS = 2000
_ORIGIN_KEYS = ("origin", "origin-demo-secret")
_GATEWAY_KEYS = ("demo", "forebay-demo-secret")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """The endpoints: `bare` is the origin itself, `direct` the same through the shaping."""

    bare: Endpoint
    direct: Endpoint
    gateway: Endpoint
    admin_port: int
    shaped: Shaped
    config: Path
    """The gateway's settings."""


@contextmanager
def running_stage(folder: Path, port: int | None, say: Say) -> Iterator[Stage]:
    """Run everything until the block ends, with all data in `folder`.

    Raises RuntimeError with a child's last words if one does not start.
    """
    bodies = folder / "origin"
    bodies.mkdir()
    access_key, secret_key = _ORIGIN_KEYS
    arguments = ["--dir", str(bodies), "--bucket", BUCKET]
    arguments += ["--access-key", access_key, "--secret-key", secret_key]
    with ExitStack() as stack:
        origin = stack.enter_context(running_module("gateway.demo.origin", arguments))
        bare = Endpoint(origin.said["port"], *_ORIGIN_KEYS)
        shaped = stack.enter_context(
            running_shaped(bare.port, rtt_ms=RTT_MS, mbps=MBPS, list_ms=_LIST_MS)
        )
        direct = Endpoint(shaped.port, *_ORIGIN_KEYS)
        s3_port = stepped_port(_GATEWAY_PORT if port is None else port, say)
        admin_port = stepped_port(_ADMIN_PORT if s3_port else 0, say, but=s3_port)
        config = folder / "forebay.toml"
        config.write_text(_config(folder / "flash", direct, s3_port, admin_port))
        told = stack.enter_context(_running_gateway(config))
        gateway = Endpoint(_port_of(told["s3"]), *_GATEWAY_KEYS)
        yield Stage(bare, direct, gateway, _port_of(told["admin"]), shaped, config)


def stepped_port(wanted: int, say: Say, *, but: int = 0) -> int:
    """Return the first free port from `wanted` on, and say so if it is another; 0 stays 0."""
    if wanted == 0:
        return 0
    for port in range(wanted, _PORT_MAX + 1):
        if port != but and _is_free(port):
            if port != wanted:
                say(f"port {wanted} is taken, so this uses {port}")
            return port
    raise RuntimeError(f"no port from {wanted} on is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def _running_gateway(config: Path) -> Iterator[dict[str, str]]:
    """Run `forebay serve` until the block ends; yield the URLs that it says it serves."""
    ready, log = config.with_name("ready.json"), config.with_name("gateway.log")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--ready-file", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the demo alone: it stops its children itself, in order.
            start_new_session=True,
        )
    with stopping(process):
        deadline = time.monotonic() + _READY_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                last_words = log.read_text(errors="replace")[-_LAST_WORDS_CHARS:]
                raise RuntimeError(f"the gateway did not start: {last_words}")
            time.sleep(_POLL_SECONDS)
        told: dict[str, str] = json.loads(ready.read_text())
        yield told


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def _config(flash: Path, origin: Endpoint, port: int, admin_port: int) -> str:
    access_key, secret_key = _GATEWAY_KEYS
    return f"""\
[s3]
listen = "127.0.0.1:{port}"
drain_seconds = 2

[admin]
listen = "127.0.0.1:{admin_port}"

[origin]
endpoint = "{origin.url}"
region = "{REGION}"
access_key = "{origin.access_key}"
secret_key = "{origin.secret_key}"

[flash]
path = {json.dumps(str(flash))}
size = "2GiB"

[log]
access = "off"
level = "warning"

[[identities]]
name = "demo"
access_key = "{access_key}"
secret_key = "{secret_key}"
policy = "admin"

[[rules]]
match = "{BUCKET}/photos/*"
freshness = "immutable"

[[rules]]
match = "{BUCKET}/tables/*"
freshness = "bounded(60s)"
"""
