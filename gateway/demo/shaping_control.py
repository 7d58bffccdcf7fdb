"""The shaping proxy's second port: GET /counters, POST /reset, POST /faults and /turns (JSON)."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.demo.shaping_faults import FaultPlan, FaultRule, Tally
from gateway.demo.shaping_turns import Turns


class _ControlServer(ThreadingHTTPServer):
    """An HTTP server that knows what it controls."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], tally: Tally, faults: FaultPlan, turns: Turns
    ) -> None:
        """Listen at `address`."""
        super().__init__(address, _Control)
        self.tally = tally
        self.faults = faults
        self.turns = turns


class _Control(BaseHTTPRequestHandler):
    """One request to the control port."""

    server: _ControlServer

    def do_GET(self) -> None:
        """Answer the counters."""
        if self.path == "/counters":
            self._answer(200, self.server.tally.snapshot())
        else:
            self._answer(404, {"error": "GET /counters, POST /reset, POST /faults"})

    def do_POST(self) -> None:
        """Reset the counters or replace the faults."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            if self.path == "/faults":
                self.server.faults.replace([FaultRule(**rule) for rule in json.loads(body)])
            elif self.path == "/turns":
                self.server.turns.per_second = float(json.loads(body))
            elif self.path == "/reset":
                self.server.tally.reset()
            else:
                self._answer(404, {"error": "GET /counters, POST /reset, /faults, /turns"})
                return
        except (ValueError, TypeError) as error:
            self._answer(400, {"error": str(error)})
            return
        self._answer(200, {})

    def log_message(self, *_: object) -> None:
        """Stay silent: stderr belongs to whoever started the proxy."""

    def _answer(self, status: int, said: dict[str, object]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def running_control(
    address: tuple[str, int], tally: Tally, faults: FaultPlan, turns: Turns
) -> Iterator[int]:
    """Serve the control port from a thread until the block ends; yield its number."""
    with _ControlServer(address, tally, faults, turns) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
