"""A few bytes in a file that every process maps, and that a change replaces by others.

While they stand still, nothing has changed: whoever remembers something asks at the price of
comparing them. They are drawn at random, so that of two changes at once neither goes unseen.
"""

import mmap
import os
import secrets
from pathlib import Path
from typing import Final

_BYTES: Final = 16


class Mark:
    """One process's map of it."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, made where it is absent; raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _BYTES:
                os.ftruncate(descriptor, _BYTES)
            self._map = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)

    @property
    def value(self) -> bytes:
        """Return what it is now."""
        return self._map[:]

    def move_on(self) -> None:
        """Let everybody see that something has changed."""
        self._map[:] = secrets.token_bytes(_BYTES)

    def close(self) -> None:
        """Unmap it."""
        self._map.close()
