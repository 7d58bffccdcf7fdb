"""The demo's client: signed requests over kept connections, bodies received into one buffer.

It is the same for direct, cold and warm reads and costs as little as it can, because it shares the
machine with what it measures.
"""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from gateway.demo.shaping_heads import HEAD_END, read_response
from gateway.model.ranges import ByteRange
from gateway.protocol.http.dates import format_amz_date
from gateway.protocol.http.percent import encode_path
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD, sign_headers

REGION = "us-east-1"
_TIMEOUT_SECONDS = 120.0
_HEAD_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and as whom."""

    port: int
    access_key: str
    secret_key: str

    @property
    def url(self) -> str:
        """Return the endpoint URL."""
        return f"http://{self.host}"

    @property
    def host(self) -> str:
        """Return the Host header."""
        return f"127.0.0.1:{self.port}"


class UnexpectedAnswer(Exception):  # noqa: N818 - what came, not what we did
    """The answer was no success; the message holds what it said."""


class LoadConnection:
    """One kept connection; a context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect."""
        self._endpoint = endpoint
        self._socket = socket.create_connection(("127.0.0.1", endpoint.port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self._socket.close()

    def get(self, path: str, span: ByteRange | None = None) -> bytearray:
        """Return the body of an object, or a span of it; `path` is decoded, `/bucket/key`."""
        return self.ask("GET", path, {} if span is None else {"range": span.header()})

    def head(self, path: str) -> None:
        """Ask for an object's headers."""
        self.ask("HEAD", path, {})

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Iterable[bytes] = ()
    ) -> bytearray:
        """Send a signed request and return the answer's body; raises UnexpectedAnswer."""
        self._socket.sendall(self._request(method, encode_path(path), dict(headers)))
        for piece in body:
            self._socket.sendall(piece)
        return self._receive(method)

    def _request(self, method: str, raw_path: str, headers: dict[str, str]) -> bytes:
        signed = sign_headers(
            method,
            self._endpoint.host,
            raw_path,
            "",
            headers,
            access_key=self._endpoint.access_key,
            secret=self._endpoint.secret_key,
            session_token=None,
            region=REGION,
            amz_date=format_amz_date(datetime.now(UTC)),
            payload_hash=UNSIGNED_PAYLOAD,
        )
        fields = {"host": self._endpoint.host, **headers, **signed}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {raw_path} HTTP/1.1\r\n{lines}\r\n".encode()

    def _receive(self, method: str) -> bytearray:
        received = bytearray()
        while (end := received.find(HEAD_END)) < 0:
            piece = self._socket.recv(_HEAD_BYTES_MAX)
            if not piece or len(received) > _HEAD_BYTES_MAX:
                raise UnexpectedAnswer(f"no answer to {method}, the connection ended")
            received += piece
        raw, begun = bytes(received[: end + len(HEAD_END)]), received[end + len(HEAD_END) :]
        answer = read_response(raw, method)
        if answer.framing.is_chunked or answer.framing.length is None:
            raise UnexpectedAnswer(f"the answer to {method} has no length: {raw.decode('latin-1')}")
        body = self._receive_body(begun, answer.framing.length)
        if not answer.is_success:
            raise UnexpectedAnswer(f"{method} was answered {answer.status}: {body[:500].decode()}")
        return body

    def _receive_body(self, begun: bytearray, length: int) -> bytearray:
        body = bytearray(length)
        body[: len(begun)] = begun
        at = len(begun)
        with memoryview(body) as view:
            while at < length:
                count = self._socket.recv_into(view[at:])
                if not count:
                    raise UnexpectedAnswer(f"the body ended after {at} of {length} bytes")
                at += count
        return body


def ask_in_parallel(
    endpoint: Endpoint,
    clients: int,
    asks: Sequence[Callable[[LoadConnection], bytearray]],
    tell_progress: Callable[[int], None],
) -> list[bytearray]:
    """Return the bodies of `asks`, in order, asked over `clients` connections at once.

    Each client takes the next one when it is done; `tell_progress` is told of the bytes of each.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(asks)):
        waiting.put(number)
    bodies: list[bytearray] = [bytearray()] * len(asks)

    def work(connection: LoadConnection) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            bodies[number] = asks[number](connection)
            tell_progress(len(bodies[number]))

    with ExitStack() as stack, ThreadPoolExecutor(clients) as threads:
        connections = [
            stack.enter_context(LoadConnection(each)) for each in repeat(endpoint, clients)
        ]
        list(threads.map(work, connections))
    return bodies
