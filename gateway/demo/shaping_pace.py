"""Bytes a second, by an absolute schedule: sleeping too long is made good at once, so no drift."""

from collections.abc import Callable
from time import monotonic, sleep

_SLACK_SECONDS = 0.001
"""Below this it is not worth waking a thread; the schedule keeps the debt."""
_CREDIT_SECONDS_MAX = 0.05
"""How far a body that was held up may hurry afterwards."""


class Pacer:
    """One direction of one connection."""

    def __init__(
        self,
        bytes_per_second: float,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[float], None] = sleep,
    ) -> None:
        """Let that many bytes a second pass; 0 is no bound."""
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._wait = wait
        self._due = 0.0

    def begin(self) -> None:
        """Begin a body now, with neither credit nor debt."""
        self._due = self._clock()

    def wait_for(self, count: int) -> None:
        """Wait until the last of `count` more bytes may arrive."""
        if not self._bytes_per_second:
            return
        now = self._clock()
        self._due = max(self._due, now - _CREDIT_SECONDS_MAX) + count / self._bytes_per_second
        if self._due - now > _SLACK_SECONDS:
            self._wait(self._due - now)
