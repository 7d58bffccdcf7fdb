"""Distrust: a moment up to which no confirmation counts, in memory that all workers map.

A write makes what flash says of its object untrue, and every worker must know before the client
does. Usually that is a removal in the index. Where the index takes none (a full or failing disk),
this moment is put forward to now instead, which needs no disk: all rows confirmed before count as
never confirmed, so that they are asked for again, once.
"""

import mmap
import os
from pathlib import Path

_BYTES = 8


class Distrust:
    """The shared moment."""

    def __init__(self, path: Path | None = None) -> None:
        """Map the file, made where it is missing; without one the moment is this process's own."""
        descriptor = -1
        if path is not None:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            os.posix_fallocate(descriptor, 0, _BYTES)
        try:
            self._moment = memoryview(mmap.mmap(descriptor, _BYTES)).cast("q")
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    @property
    def until_ns(self) -> int:
        """Return the moment, in wall-clock ns; an aligned word is never seen half written."""
        return self._moment[0]

    def distrust(self, moment_ns: int) -> None:
        """Let nothing count that was confirmed at `moment_ns` or before."""
        # Two processes may race here; the later look puts the later moment in.
        while self._moment[0] < moment_ns:
            self._moment[0] = moment_ns
