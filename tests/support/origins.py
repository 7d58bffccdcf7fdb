"""The embedded origin for tests that are not asynchronous: served from a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.origin_auth import one_key_pair

ACCESS_KEY = "AKIAFOREBAYTESTS0000"
SECRET_KEY = "tests/only+secret"
REGION = "us-east-1"
_START_SECONDS = 10.0


def new_origin() -> EmbeddedOrigin:
    """Return an origin in memory that takes the tests' key pair only."""
    return EmbeddedOrigin(authenticate=one_key_pair(ACCESS_KEY, SECRET_KEY))


@contextmanager
def threaded_origin(origin: EmbeddedOrigin | None = None) -> Iterator[EmbeddedOrigin]:
    """Serve an origin from another thread; its foreign writes are single steps, hence safe."""
    origin = origin or new_origin()
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with running_origin(origin):
            loops.append(asyncio.get_running_loop())
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(_START_SECONDS)
    try:
        yield origin
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


def s3_client(
    endpoint: str, *, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY, **config: Any
) -> Any:
    """Return a boto3 client that asks once (no retries hide a failure)."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            signature_version="s3v4",  # else boto3 presigns with version 2
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            read_timeout=30,
            **config,
        ),
    )
