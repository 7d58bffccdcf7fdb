"""Large objects that take no memory: bodies made of a pattern, at the origin and for comparison."""

import hashlib
import time

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_store import NULL_VERSION, StoredVersion

_PATTERN_BYTES = (1 << 20) + 7
"""Not a multiple of any chunk, so that no chunk can stand for another."""


class PatternBlob:
    """`size` bytes that repeat a pattern of the seed's own."""

    def __init__(self, seed: int, size: int) -> None:
        self.size = size
        self._pattern = hashlib.shake_128(str(seed).encode()).digest(_PATTERN_BYTES)

    def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size)
        skip = start % _PATTERN_BYTES
        turns = (skip + stop - start) // _PATTERN_BYTES + 1
        return (self._pattern * turns)[skip : skip + max(stop - start, 0)]


def put_pattern(origin: EmbeddedOrigin, bucket: str, key: str, seed: int, size: int) -> PatternBlob:
    """Put such an object, as a stranger would; return its body."""
    blob = PatternBlob(seed, size)
    etag = f'"{hashlib.md5(f"{seed}/{size}".encode()).hexdigest()}"'
    version = StoredVersion(
        body=(blob,), size=size, etag=etag, modified=time.time(), version_id=NULL_VERSION
    )
    origin.store.get_bucket(bucket).add(key, version)
    return blob
