"""Sketches: what flash remembers of chunks and objects by hash, in a buffer of fixed size (pure).

Three tables without keys, each a bounded guess: how hot a chunk is, which chunks left lately, how
often an object was asked for. Two things may share a place, and two processes may lose each other's
note; both only blur a choice, never an answer. The buffer is shared memory in a gateway, and plain
memory where a trace is replayed.
"""

from hashlib import blake2b
from typing import Final

HEAT_MAX: Final = 3
SIGHTINGS_MAX: Final = 15
_MIX: Final = 0x9E3779B1  # spreads the chunks of one body (Knuth, multiplicative hashing)
_WINDOWS: Final = 16
_GENERATIONS: Final = 16
_FINGERPRINTS: Final = 0xFFF
GENERATIONS_MAX: Final = 3
"""How many generations a ghost outlives its chunk."""


class Heats:
    """How often each chunk was read since it came, one byte each."""

    def __init__(self, table: memoryview) -> None:
        """Keep them in `table`."""
        self._bytes = table
        self._slots = len(table)

    def _slot(self, body: bytes, number: int) -> int:
        return (int.from_bytes(body[:8], "little") + number * _MIX) % self._slots

    def touch(self, body: bytes, number: int) -> None:
        """Make a chunk hotter."""
        slot = self._slot(body, number)
        heat = self._bytes[slot]
        if heat < HEAT_MAX:
            self._bytes[slot] = heat + 1

    def heat(self, body: bytes, number: int) -> int:
        """Return 0 (not touched) to `HEAT_MAX`; a value torn by a power loss is just hot."""
        return min(self._bytes[self._slot(body, number)], HEAT_MAX)

    def put(self, body: bytes, number: int, heat: int) -> None:
        """Say how hot a chunk is from now on."""
        self._bytes[self._slot(body, number)] = heat


class Ghosts:
    """Which chunks left unread lately: a fingerprint and a generation where each hashes to.

    A *generation* is a quarter of the time in which the whole flash is written once, told by the
    numbers of segments. Ghosts of before that are none: what comes back so late proves nothing.
    """

    def __init__(self, table: memoryview) -> None:
        """Keep two bytes each in `table`, whose length is even."""
        self._prints = table.cast("H")
        self._slots = len(self._prints)

    def _place(self, body: bytes, number: int) -> tuple[int, int]:
        mixed = (int.from_bytes(body[:8], "little") + (number + 1) * _MIX) % (1 << 64)
        # 0 is an empty place.
        return mixed % self._slots, 1 + (mixed >> 44) % _FINGERPRINTS

    def note(self, body: bytes, number: int, generation: int) -> None:
        """Remember a chunk that leaves, in place of what was remembered there."""
        slot, fingerprint = self._place(body, number)
        self._prints[slot] = fingerprint << 4 | generation % _GENERATIONS

    def take(self, body: bytes, number: int, generation: int) -> bool:
        """Return whether the chunk left lately, and forget that."""
        slot, fingerprint = self._place(body, number)
        found = self._prints[slot]
        if found >> 4 != fingerprint:
            return False
        self._prints[slot] = 0
        return (generation - found) % _GENERATIONS <= GENERATIONS_MAX

    def release(self) -> None:
        """Let go of the buffer."""
        self._prints.release()


class Sightings:
    """How often each object was asked for in this window of time and the one before."""

    def __init__(self, table: memoryview) -> None:
        """Keep them in `table`: the window's number and a count, four bits each."""
        self._bytes = table
        self._slots = len(table)

    def note(self, name: bytes, window: int) -> None:
        """Count that the object was asked for in window number `window`."""
        slot, count = self._found(name, window)
        self._bytes[slot] = (window % _WINDOWS) << 4 | min(count + 1, SIGHTINGS_MAX)

    def count(self, name: bytes, window: int) -> int:
        """Return how often it was asked for lately, `SIGHTINGS_MAX` at most."""
        return self._found(name, window)[1]

    def _found(self, name: bytes, window: int) -> tuple[int, int]:
        slot = int.from_bytes(blake2b(name, digest_size=8).digest(), "little") % self._slots
        noted = self._bytes[slot]
        is_recent = (window - (noted >> 4)) % _WINDOWS <= 1
        return slot, noted & SIGHTINGS_MAX if is_recent else 0


class Sketches:
    """The three tables in one writable buffer: half of it heats, a quarter each of the others."""

    def __init__(self, buffer: memoryview) -> None:
        """Divide `buffer`, whose length is a multiple of eight."""
        half, quarter = len(buffer) // 2, len(buffer) // 4
        self._views = [
            buffer[:half],
            buffer[half : half + quarter],
            buffer[half + quarter :],
        ]
        self.heats = Heats(self._views[0])
        self.ghosts = Ghosts(self._views[1])
        self.sightings = Sightings(self._views[2])

    def release(self) -> None:
        """Let go of the buffer, so that it can be unmapped."""
        self.ghosts.release()
        for view in self._views:
            view.release()
