"""What lies under a prefix, counted as its keys come in order (pure).

Keys under one directory are neighbours, so that the directories of the key before are all there is
to remember.
"""

from gateway.filesystem.status import Summary


class Tally:
    """Counts files, directories and bytes."""

    def __init__(self, prefix: str) -> None:
        """Begin with nothing under `prefix`."""
        self._start = len(prefix)
        self._above: list[str] = []
        self._files = self._directories = self._length = 0
        self.is_empty = True

    def add(self, key: str, size: int) -> None:
        """Count the next object; one without bytes whose key ends in `/` is a marker."""
        self.is_empty = False
        *above, last = key[self._start :].split("/")
        same = 0
        for one, before in zip(above, self._above, strict=False):
            if one != before:
                break
            same += 1
        self._directories += len(above) - same
        self._above = above
        if last or size:
            self._files += 1
            self._length += size

    @property
    def summary(self) -> Summary:
        """Return the counts, the directory itself among them."""
        return Summary(self._files, self._directories + 1, self._length)
