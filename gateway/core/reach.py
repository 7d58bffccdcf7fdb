"""How far pages of a bucket's listing reach, as seen: which page would show a key (pure).

Nothing here is trusted: what a page shows is read from the page. It tells which of the keys that
wait would be on one page, so that no page is asked for that would show but one of them.
"""

from bisect import bisect_left
from typing import Final

END: Final = "\U0010ffff"
"""Behind every key that anybody uses."""
PAGES_MAX: Final = 2048
_PRINTABLE: Final = range(0x21, 0x7F)


class Reach:
    """The pages seen of one bucket: each shows the keys behind its start, up to its stop."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._starts: list[str] = []
        self._stops: dict[str, str] = {}

    def __len__(self) -> int:
        """Return how many pages are known."""
        return len(self._starts)

    def find(self, key: str) -> str | None:
        """Return the start of the page that shows `key`, or None where none is known."""
        at = bisect_left(self._starts, key) - 1
        if at < 0:
            return None
        start = self._starts[at]
        return start if key <= self._stops[start] else None

    def is_known(self, start: str, stop: str) -> bool:
        """Return whether a page that begins behind `start` is known to end with `stop`."""
        return self._stops.get(start) == stop

    def learn(self, start: str, stop: str) -> None:
        """Note that a page that began behind `start` ended with `stop`.

        What is left of pages that it overlaps is on one page still, which begins at `stop`.
        """
        if stop <= start:
            return
        if len(self._starts) >= PAGES_MAX:
            self._starts.clear()
            self._stops.clear()
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, stop)
        left = max((self._stops.pop(passed) for passed in self._starts[first:last]), default="")
        if first and self._stops[earlier := self._starts[first - 1]] > start:
            left = max(left, self._stops[earlier])
            self._stops[earlier] = start
        self._stops[start] = stop
        if left > stop and stop not in self._stops:
            self._stops[stop] = left
            self._starts[first:last] = [start, stop]
        else:
            self._starts[first:last] = [start]


def before(key: str) -> str:
    """Return what to begin a page behind, so that `key` is among its first rows."""
    last = ord(key[-1]) - 1
    return f"{key[:-1]}{chr(last)}~" if last in _PRINTABLE else key[:-1]
