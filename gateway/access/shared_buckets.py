"""Token buckets that the workers of one gateway share: a small file in memory, one double each.

The kernel spreads connections unevenly, so an N-th of a rate in each of N workers would give a
client with one connection an N-th of what it may use. The buckets are shared instead. A bucket is
read and written without a lock: of two workers that take from it in the same microsecond one may
take for nothing, which is below a hundredth of the rate even where both do nothing else. A moment
is CLOCK_MONOTONIC, which is the same for all processes of a machine.
"""

import fcntl
import mmap
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

BUCKETS_MAX: Final = 16_384
"""Beyond it a bucket is this worker's alone."""
_DIGEST_BYTES: Final = 32
_DOUBLE_BYTES: Final = 8
_ENTRY_BYTES: Final = _DIGEST_BYTES + _DOUBLE_BYTES
_FILE_BYTES: Final = _DOUBLE_BYTES + BUCKETS_MAX * _ENTRY_BYTES


class SharedBuckets:
    """When each bucket is full again, by the bucket's name."""

    __slots__ = ("_descriptor", "_known", "_map", "_own", "_seen_count", "_slots", "_values")

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it; None: in this process's memory. Raises OSError."""
        self._descriptor = -1
        if path is not None:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(self._descriptor, _FILE_BYTES)
        self._map = mmap.mmap(self._descriptor, _FILE_BYTES)
        self._values = memoryview(self._map).cast("d")
        self._slots: dict[bytes, int] = {}
        self._seen_count = 0
        self._known: dict[str, int] = {}
        self._own: dict[str, float] = {}

    def close(self) -> None:
        """Let go of the file; the others keep it."""
        self._values.release()
        self._map.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def full_at(self, name: str) -> float:
        """Return when the bucket is full again; 0 for one that nobody took from."""
        slot = self._find_slot(name)
        return self._own.get(name, 0.0) if slot is None else self._values[slot]

    def fill_at(self, name: str, moment: float) -> None:
        """Write when the bucket is full again."""
        slot = self._find_slot(name)
        if slot is None:
            self._own[name] = moment
        else:
            self._values[slot] = moment

    def _find_slot(self, name: str) -> int | None:
        """Return where the bucket's number is, in doubles; None where there is no more room."""
        slot = self._known.get(name)
        if slot is None and name not in self._own:
            slot = self._add(sha256(name.encode()).digest())
            if slot is not None:
                self._known[name] = slot
        return slot

    def _add(self, key: bytes) -> int | None:
        """Return the bucket's place, which another worker may have given it by now."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            count = int(self._values[0])
            for number in range(self._seen_count, count):
                self._slots[self._key_at(number)] = _slot_of(number)
            self._seen_count = count
            if key not in self._slots and count < BUCKETS_MAX:
                at = _slot_of(count) * _DOUBLE_BYTES
                self._map[at - _DIGEST_BYTES : at] = key
                self._slots[key] = _slot_of(count)
                self._values[0] = self._seen_count = count + 1
        finally:
            if self._descriptor >= 0:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return self._slots.get(key)

    def _key_at(self, number: int) -> bytes:
        at = _slot_of(number) * _DOUBLE_BYTES
        return self._map[at - _DIGEST_BYTES : at]


def _slot_of(number: int) -> int:
    """Return where an entry's double is: behind the count, the entries before and its digest."""
    return 1 + (number * _ENTRY_BYTES + _DIGEST_BYTES) // _DOUBLE_BYTES
