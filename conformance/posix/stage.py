"""The bucket that is mounted, at an origin of choice, bare or behind the shaping proxy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.support.raw_s3 import Place, RawS3
from conformance.support.servers import running_origin
from gateway.demo.shaped import Shaped, running_shaped

BUCKET = "posix"


@dataclass(frozen=True, slots=True)
class Stage:
    """An origin with the bucket, and how Forebay's rule for it reads."""

    endpoint: str
    """Where mounts ask: the origin itself, or the proxy before it."""
    witness: RawS3
    """Asks the origin itself what is really there."""
    access_key: str
    secret_key: str
    shaped: Shaped | None = None
    freshness: str = "strict"


@contextmanager
def staged(origin: str, *, is_shaped: bool = False, freshness: str = "strict") -> Iterator[Stage]:
    """Run an origin with an empty bucket until the block ends."""
    with running_origin(origin) as server:
        keys = (server.access_key, server.secret_key)
        witness = RawS3(Place(server.endpoint, BUCKET, *keys))
        reply = witness.ask("PUT", witness.path())
        if reply.status >= 300:
            raise RuntimeError(f"the bucket was not made: {reply.status} {reply.body[:300]!r}")
        if not is_shaped:
            yield Stage(server.endpoint, witness, *keys, freshness=freshness)
            return
        with running_shaped(server.port) as shaped:
            yield Stage(shaped.endpoint, witness, *keys, shaped, freshness)
