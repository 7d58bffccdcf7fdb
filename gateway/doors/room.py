"""How many requests a worker answers at a time, whoever answers them."""

from gateway.model.failures import Overloaded
from gateway.telemetry import metrics


class Room:
    """Counts requests in and out."""

    __slots__ = ("_requests_max", "count")

    def __init__(self, requests_max: int) -> None:
        """Have room for `requests_max`."""
        self._requests_max = requests_max
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Return whether one more would be too many."""
        return self.count >= self._requests_max

    def require(self) -> None:
        """Raise Overloaded where more are in than there is room for."""
        if self.count > self._requests_max:
            metrics.requests_slowed.labels(bound="requests_max").inc()
            raise Overloaded("Please reduce your request rate.")

    def enter(self) -> None:
        """Count a request that is being answered from now on."""
        self.count += 1
        metrics.requests_in_flight.inc()

    def leave(self) -> None:
        """Count it out."""
        self.count -= 1
        metrics.requests_in_flight.dec()
