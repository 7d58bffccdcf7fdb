"""A shaping proxy as a value: spawned, asked for its counters, told its faults."""

import http.client
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from gateway.demo.child import running_module
from gateway.demo.shaping_faults import FaultRule


@dataclass(frozen=True, slots=True)
class Shaped:
    """A running proxy; its answers are plain JSON as gateway/demo/shaping_control.py writes it."""

    port: int
    control_port: int

    @property
    def endpoint(self) -> str:
        """Return the URL to point a client at; a signature must name this host and port."""
        return f"http://127.0.0.1:{self.port}"

    def counters(self) -> dict[str, Any]:
        """Return what passed since the last reset."""
        return self._ask("GET", "/counters")

    def reset(self) -> None:
        """Set the counters to zero."""
        self._ask("POST", "/reset")

    def spoil(self, rules: Iterable[FaultRule] = ()) -> None:
        """Put these faults in force in place of the old ones; none ends them all."""
        self._ask("POST", "/faults", json.dumps([asdict(rule) for rule in rules]))

    def bound(self, requests_per_second: float) -> None:
        """Let so many requests a second through from now on; 0 is no bound."""
        self._ask("POST", "/turns", json.dumps(requests_per_second))

    def _ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=10)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ValueError(said["error"])
        return said


@contextmanager
def running_shaped(
    upstream_port: int,
    *,
    rtt_ms: float = 30.0,
    mbps: float = 33.0,
    list_ms: float = 50.0,
    listen_port: int = 0,
    seed: int = 0,
) -> Iterator[Shaped]:
    """Run a proxy before 127.0.0.1:`upstream_port` until the block ends."""
    arguments = {
        "--listen": f"127.0.0.1:{listen_port}",
        "--upstream": f"127.0.0.1:{upstream_port}",
        "--rtt-ms": str(rtt_ms),
        "--mbps": str(mbps),
        "--list-ms": str(list_ms),
        "--seed": str(seed),
    }
    flat = [word for pair in arguments.items() for word in pair]
    with running_module("gateway.demo.shaping", flat) as child:
        yield Shaped(child.said["port"], child.said["control"])
