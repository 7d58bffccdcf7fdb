"""When to stop asking an origin that fails, and how to find out that it is back (pure).

Closed: everything is asked. Open: nothing is, but for one probe at a time at growing intervals; the
probe is a real question, and its success closes the breaker. Whoever waits meanwhile costs the
origin nothing (M. Nygard, *Release It!*, Circuit Breaker).
"""

from collections.abc import Callable
from typing import Final

MEMORY: Final = 0.9
"""What each outcome leaves of the past: seven failures in a row open, so does a lasting half."""
OPENS_AT: Final = 0.5
SUSPECTS_AT: Final = 0.25
"""Above this a question that used up its attempts opens the breaker itself (three in a row)."""
PROBE_SECONDS_MIN: Final = 0.1
PROBE_SECONDS_MAX: Final = 0.5


class Breaker:
    """The state of one origin as one worker sees it; the caller tells the time, in seconds."""

    __slots__ = ("_failing", "_interval", "_is_probing", "_jitter", "_next_probe", "opened_at")

    def __init__(self, jitter: Callable[[], float] = lambda: 1.0) -> None:
        """Begin closed; `jitter` gives a factor from 0.5 to 1.5 for each interval."""
        self._jitter = jitter
        self._failing = 0.0
        self._interval = PROBE_SECONDS_MIN
        self._next_probe = 0.0
        self._is_probing = False
        self.opened_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Return whether questions must wait."""
        return self.opened_at is not None

    def pause_seconds(self, now: float) -> float:
        """Return how long to wait before asking; 0 means now, in an open breaker as the probe.

        A probe must be followed by `succeeded`, `failed` or `abandoned`.
        """
        if self.opened_at is None:
            return 0.0
        if not self._is_probing and now >= self._next_probe:
            self._is_probing = True
            return 0.0
        return max(self._next_probe - now, PROBE_SECONDS_MIN)

    def succeeded(self) -> bool:
        """Note an answer, whoever got it; return whether it closed the breaker."""
        if self.opened_at is None:
            self._failing *= MEMORY
            return False
        self.opened_at = None
        self._failing = 0.0
        self._interval = PROBE_SECONDS_MIN
        self._is_probing = False
        return True

    def failed(self, now: float, *, is_probe: bool = False, is_last: bool = False) -> None:
        """Note a failure; `is_last` says that a question ran out of attempts by it."""
        self._failing = self._failing * MEMORY + (1 - MEMORY)
        if is_probe:
            self._is_probing = False
            self._interval = min(2 * self._interval, PROBE_SECONDS_MAX)
            self._next_probe = now + self._interval * self._jitter()
        elif self.opened_at is None and self._failing > (SUSPECTS_AT if is_last else OPENS_AT):
            self.opened_at = now
            self._next_probe = now + self._interval * self._jitter()

    def abandoned(self) -> None:
        """Note that whoever asked the probe gave up: the next one may ask at once."""
        self._is_probing = False
