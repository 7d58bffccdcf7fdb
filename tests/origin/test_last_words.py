"""An origin that refuses an upload before it has read it: what it says is heard."""

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from gateway.model.failures import OriginUnreachable
from gateway.model.voices import FOREBAY, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.interface import OriginRequest
from gateway.origin.s3 import OriginParameters, S3Origin
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD

REFUSED = (
    b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 5\r\n\r\nnope!",
    (
        b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nnope!\r\n0\r\n\r\n"
    ),
)
PIECE = bytes(256 * 1024)


def _answer_at_once(listener: socket.socket, answer: bytes) -> None:
    """Answer each request at its head and close, with the body unread: the kernel resets."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the listener was shut down
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1024)
            connection.sendall(answer)


@asynccontextmanager
async def _origin_that_answers_at_once(answer: bytes) -> AsyncIterator[S3Origin]:
    """Serve from a thread, so that the answer comes at any moment of the upload."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_at_once, args=(listener, answer))
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        keys = StaticCredentials(Keys("access", "secret", None))
        try:
            async with S3Origin(
                OriginParameters(endpoint, "us-east-1"), keys, lambda: datetime.now(UTC)
            ) as origin:
                yield origin
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _upload(pieces: int) -> OriginRequest:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield PIECE

    length = pieces * len(PIECE)
    return OriginRequest(
        "PUT", "bucket", "key", "", CIMultiDict(), body(), length, UNSIGNED_PAYLOAD, voice=FOREBAY
    )


@pytest.mark.parametrize("answer", REFUSED, ids=["length", "chunked"])
@pytest.mark.parametrize("pieces", [4, 64])
async def test_an_early_refusal_is_told_and_not_taken_for_silence(
    answer: bytes, pieces: int
) -> None:
    async with _origin_that_answers_at_once(answer) as origin:
        for _ in range(20):
            refused = await origin.ask(_upload(pieces))
            assert refused.status in {403, 404}
            assert await refused.read(100) == b"nope!"


async def test_a_reset_without_a_word_is_an_unreachable_origin() -> None:
    async with _origin_that_answers_at_once(b"") as origin:
        with pytest.raises(OriginUnreachable):
            await origin.ask(_upload(64))
