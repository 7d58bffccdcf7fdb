"""How much of something is allowed in a time: a token bucket as one number (pure).

A bucket of `burst` tokens that fills at `per_second` is known by the moment at which it will be
full again, if nobody takes from it: the missing tokens are what flows in until then. Taking moves
the moment into the future, and the bucket is empty when it lies as far ahead as filling takes. This
is the generic cell rate algorithm (ITU-T I.371), and one number is what processes can share.
"""

from dataclasses import dataclass
from typing import Final

REQUESTS_MAX: Final = 1e6
BYTES_MIN: Final = 64 * 1024
"""Bounds of what a rate may be."""
_NOISE_SECONDS: Final = 1e-6
"""Below it a difference of moments is that of floating point."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, and how many may be taken at once after a pause."""

    per_second: float
    burst: float

    def taken(self, full_at: float, now: float, tokens: float) -> float:
        """Return when the bucket is full again, if `tokens` are taken `now`."""
        return max(full_at, now) + tokens / self.per_second

    def wait_seconds(self, full_at: float, now: float) -> float:
        """Return how long until the bucket owes nothing; 0 where it does not."""
        seconds = full_at - now - self.burst / self.per_second
        return seconds if seconds > _NOISE_SECONDS else 0.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one identity may use of all workers together; None is without bound."""

    requests: Rate | None = None
    bytes: Rate | None = None
    """Body bytes, those that come and those that go together."""

    @property
    def is_unlimited(self) -> bool:
        """Return whether nothing is bounded."""
        return self.requests is None and self.bytes is None


UNLIMITED = Allowance()


def allowance_of(
    requests_per_second: float | None,
    bytes_per_second: float | None,
    *,
    requests_burst: float | None = None,
    bytes_burst: float | None = None,
) -> Allowance:
    """Return what these rates allow, None being any; a burst is by default that of one second."""
    requests = requests_per_second and Rate(
        requests_per_second, requests_burst or max(1.0, requests_per_second)
    )
    passing = bytes_per_second and Rate(bytes_per_second, bytes_burst or bytes_per_second)
    return Allowance(requests or None, passing or None)
