"""How many requests a second an origin takes: each waits its turn, in the order of coming."""

import threading
from collections.abc import Callable
from time import monotonic, sleep


class Turns:
    """One queue for all connections; who comes too early is held until its turn."""

    def __init__(
        self,
        per_second: float = 0.0,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[float], None] = sleep,
    ) -> None:
        """Let so many through each second; 0 is no bound."""
        self._lock = threading.Lock()
        self._clock = clock
        self._wait = wait
        self._next = 0.0
        self.per_second = per_second

    def take(self) -> None:
        """Return when it is this request's turn."""
        with self._lock:
            if not self.per_second:
                return
            now = self._clock()
            turn = max(self._next, now)
            self._next = turn + 1 / self.per_second
        if turn > now:
            self._wait(turn - now)
