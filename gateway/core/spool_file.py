"""The file that a spooled body is in: without a name, and sealed where flash is.

Sealed, it holds whole units; what is no whole unit yet stays in memory. The key is made for the
file and goes with it, so that nobody ever opens what a killed process left on the disk.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from gateway.flash.sealing import SpoolSealing
from gateway.flash.units import STORED_UNIT_BYTES, UNIT_BYTES


class SpoolFile:
    """Bytes that are appended, then read at any place; its methods block."""

    def __init__(self, directory: Path, *, is_sealed: bool) -> None:
        """Make the file in `directory`; raises OSError."""
        self._sealing = SpoolSealing() if is_sealed else None
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - see close
        self._waiting = bytearray()
        self._stored_bytes = 0

    def add(self, piece: bytes | bytearray) -> None:
        """Take the next bytes; `flush` writes them."""
        self._waiting += piece

    def flush(self) -> None:
        """Write what was taken; raises OSError, after which it may be done again elsewhere."""
        if self._sealing is None:
            self._put(self._waiting)
            self._waiting.clear()
            return
        while len(self._waiting) >= UNIT_BYTES:
            unit = self._stored_bytes // STORED_UNIT_BYTES
            self._put(self._sealing.seal(unit, bytes(self._waiting[:UNIT_BYTES])))
            del self._waiting[:UNIT_BYTES]

    def _put(self, stored: bytes | bytearray) -> None:
        self._file.seek(self._stored_bytes)
        self._file.write(stored)
        self._file.flush()
        self._stored_bytes += len(stored)

    def move(self, directory: Path) -> None:
        """Go on in another directory, with what this one still gives; raises OSError."""
        failed, self._file = self._file, TemporaryFile(dir=directory)  # noqa: SIM115 - see close
        failed.seek(0)
        shutil.copyfileobj(failed, self._file)
        self._file.truncate(self._stored_bytes)
        failed.close()

    def read(self, position: int, count: int) -> bytes:
        """Return `count` bytes from `position` on, fewer at the end, none where they were lost."""
        if self._sealing is None:
            self._file.seek(position)
            return self._file.read(count)
        first, last = position // UNIT_BYTES, (position + count - 1) // UNIT_BYTES
        found = b"".join(self._unit(self._sealing, unit) for unit in range(first, last + 1))
        skip = position - first * UNIT_BYTES
        return found[skip : skip + count]

    def _unit(self, sealing: SpoolSealing, unit: int) -> bytes:
        stored_units = self._stored_bytes // STORED_UNIT_BYTES
        if unit >= stored_units:
            return bytes(self._waiting) if unit == stored_units else b""
        self._file.seek(unit * STORED_UNIT_BYTES)
        return sealing.open(unit, self._file.read(STORED_UNIT_BYTES)) or b""

    def close(self) -> None:
        """Let the bytes go."""
        self._file.close()
