"""How much an identity may use: requests beyond it are refused, bodies are slowed down."""

import asyncio
from time import monotonic
from typing import Final

from gateway.access.shared_buckets import SharedBuckets
from gateway.model.failures import Overloaded
from gateway.model.rates import Allowance, Rate
from gateway.telemetry import metrics

PIECES_PER_SECOND: Final = 10
PIECE_BYTES_MIN: Final = 4 * 1024
PIECE_BYTES_MAX: Final = 256 * 1024


class Pace:
    """The rate at which the bodies of one identity may pass, in both directions together."""

    __slots__ = ("_bucket", "_buckets", "_rate", "piece_bytes")

    def __init__(self, buckets: SharedBuckets, bucket: str, rate: Rate) -> None:
        """Take from `bucket`."""
        self._buckets = buckets
        self._bucket = bucket
        self._rate = rate
        each = int(rate.per_second / PIECES_PER_SECOND)
        self.piece_bytes = max(PIECE_BYTES_MIN, min(each, PIECE_BYTES_MAX))
        """What to send at once, so that it goes evenly, and several bodies in turns."""

    async def spend(self, count_bytes: int) -> None:
        """Return when so many bytes may pass."""
        now = monotonic()
        full_at = self._rate.taken(self._buckets.full_at(self._bucket), now, count_bytes)
        self._buckets.fill_at(self._bucket, full_at)
        seconds = self._rate.wait_seconds(full_at, now)
        if seconds > 0:
            metrics.bodies_paced_seconds.inc(seconds)
            await asyncio.sleep(seconds)


class Metering:
    """Counts what identities use, in buckets that all workers share."""

    def __init__(self, buckets: SharedBuckets) -> None:
        """Count in `buckets`."""
        self._buckets = buckets

    def admit(self, name: str, allowance: Allowance) -> Pace | None:
        """Count a request of an identity, and return the pace of its bodies; None: any.

        Raises Overloaded (SlowDown) where it asks more often than it may.
        """
        if allowance.requests is not None:
            self._take_request(f"requests {name}", allowance.requests)
        if allowance.bytes is None:
            return None
        return Pace(self._buckets, f"bytes {name}", allowance.bytes)

    def _take_request(self, bucket: str, rate: Rate) -> None:
        now = monotonic()
        full_at = rate.taken(self._buckets.full_at(bucket), now, 1)
        seconds = rate.wait_seconds(full_at, now)
        if seconds > 0:
            metrics.requests_slowed.labels(bound="requests_per_second_max").inc()
            raise Overloaded("Please reduce your request rate.", retry_seconds=seconds)
        self._buckets.fill_at(bucket, full_at)
