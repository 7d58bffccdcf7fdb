"""A shaping proxy: makes any HTTP/1.1 origin near by feel like a cloud bucket far away.

Each connection has a thread with blocking sockets, and its bodies go by splice(2): the proxy shares
the machine with what is measured through it, so it must cost little. It rewrites nothing, so a
signature over Host holds if the client signed for the proxy's own address.
"""

import argparse
import json
import resource
import signal
import socket
import sys
import threading

from gateway.demo.shaping_connection import Connection, Shape
from gateway.demo.shaping_control import running_control
from gateway.demo.shaping_faults import FaultPlan, Tally
from gateway.demo.shaping_turns import Turns

_STACK_BYTES = 256 << 10
_CONNECTIONS_WAITING_MAX = 1024


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _read_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.shaping", description=__doc__)
    parser.add_argument("--listen", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT")
    parser.add_argument("--control", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT")
    parser.add_argument("--upstream", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--rtt-ms", type=float, default=0.0, help="round trip")
    parser.add_argument("--mbps", type=float, default=0.0, help="10^6 bytes/s a connection and way")
    parser.add_argument(
        "--list-ms", type=float, default=0.0, help="a LIST page, round trip included"
    )
    parser.add_argument(
        "--requests-per-second", type=float, default=0.0, help="of all connections together"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults' probabilities")
    return parser.parse_args(arguments)


def _accept_for_ever(
    listener: socket.socket,
    upstream: tuple[str, int],
    shape: Shape,
    faults: FaultPlan,
    tally: Tally,
    *,
    turns: Turns,
) -> None:
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tally.count_connection()
        connection = Connection(client, upstream, shape, faults, tally, turns=turns)
        threading.Thread(target=connection.serve, daemon=True).start()


def _stop(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(0)


def main(arguments: list[str] | None = None) -> None:
    """Shape connections until SIGTERM or SIGINT; say the ports as one line of JSON."""
    options = _read_options(arguments)
    shape = Shape(options.rtt_ms / 1000, options.mbps * 1e6, options.list_ms / 1000)
    faults, tally = FaultPlan(options.seed), Tally()
    turns = Turns(options.requests_per_second)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(_STACK_BYTES)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    with (
        socket.create_server(options.listen, backlog=_CONNECTIONS_WAITING_MAX) as listener,
        running_control(options.control, tally, faults, turns) as control_port,
    ):
        ports = {"port": listener.getsockname()[1], "control": control_port}
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        _accept_for_ever(listener, options.upstream, shape, faults, tally, turns=turns)


if __name__ == "__main__":
    main()
