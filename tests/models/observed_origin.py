"""An embedded origin whose every commit is told to the reference at the moment it happens."""

import time
from collections.abc import Callable

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_bodies import pieces
from gateway.demo.origin_store import Bucket, StoredVersion
from tests.models.reference_store import Key, Value

META = "x-amz-meta-n"

Told = Callable[[Key, Value | None, float], None]


class ObservedBucket(Bucket):
    """A bucket that tells what became current."""

    told: Told

    def add(self, key: str, version: StoredVersion) -> None:
        super().add(key, version)
        value = None if version.is_delete_marker else value_of(version)
        self.told((self.name, key), value, time.monotonic())

    def remove(self, key: str, version_id: str) -> StoredVersion | None:
        removed = super().remove(key, version_id)
        if removed is not None:
            self.told((self.name, key), None, time.monotonic())
        return removed


def observe(origin: EmbeddedOrigin, name: str, told: Told, *, versioning: str = "") -> None:
    """Make the bucket `name`, observed."""
    bucket = ObservedBucket(name, origin.store.clock(), versioning=versioning)
    bucket.told = told
    origin.store.buckets[name] = bucket


def value_of(version: StoredVersion) -> Value:
    """Return a stored version as a reader sees it."""
    body = b"".join(pieces(version.body, 0, version.size))
    return Value(body, version.headers.get(META, ""), version.etag)
