"""Bodies that the kernel sends: what the socket takes at once, and what has to wait."""

import asyncio
import os
import select
import socket
import threading
from pathlib import Path

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.doors import bodies
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.raw_connection import request_bytes

BODY = b"".join(number.to_bytes(4, "big") for number in range(4 * 1024 * 1024))
"""16 MiB, no two words alike: several stretches."""


def taken_greedily(gateway: Gateway) -> bytes:
    """Return the answer's body as a client of its own thread takes it, as fast as it comes."""
    host, port = gateway.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(request_bytes(gateway.client, "GET", "/bucket/large"))
        answer = bytearray()
        while len(answer.partition(b"\r\n\r\n")[2]) < len(BODY):
            piece = client.recv(4 * 1024 * 1024)
            assert piece, "the answer was cut"
            answer += piece
    return bytes(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("takes_all", [True, False], ids=["at once", "as it comes"])
async def test_a_fast_client_gets_every_byte_and_has_no_worker_for_itself(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, takes_all: bool
) -> None:
    origin.put("bucket", "large", BODY)
    turn, turns = 0, list[int]()
    loop = asyncio.get_running_loop()
    is_over = threading.Event()

    def others() -> None:
        """Be whoever else has a turn in the worker."""
        nonlocal turn
        turn += 1
        if not is_over.is_set():
            loop.call_soon(others)

    def whole(end: int, source: int, offset: int, count: int) -> int:
        """Send all of it, as to a client that takes faster than the worker gives."""
        turns.append(turn)
        sent = 0
        while sent < count:
            select.select([], [end], [], 30)
            sent += sendfile(end, source, offset + sent, count - sent)
        return sent

    sendfile = os.sendfile
    settings = gateway_settings(origin.endpoint, tmp_path / "flash")
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", "large")
        if takes_all:
            monkeypatch.setattr(bodies.os, "sendfile", whole)
        loop.call_soon(others)
        try:
            assert await asyncio.to_thread(taken_greedily, gateway) == BODY
        finally:
            is_over.set()
    assert len(set(turns)) == len(turns)
    assert bool(turns) == takes_all
