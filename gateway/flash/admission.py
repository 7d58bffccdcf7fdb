"""How the flash's bytes are divided, and whether a new segment may come in (pure).

    size = fixed + index allowance + segments + one segment kept free

The *allowance* is how far the index file may grow before someone makes room for more; it rises in
steps up to `index_bytes_max`. The one segment kept free is where eviction carries hot chunks to
before it removes their old segment, so that the sum never exceeds the size, not even meanwhile.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.flash.units import stored_bytes

MIB: Final = 1 << 20
RETURNS_BYTES: Final = 256 * 1024
# Half of it are heats of chunks: a byte for each 8 KiB of flash.
_TOUCH_SHARE: Final = 4096
# Reader table of the index, boot mark, locks, directories and the rounding of their blocks.
_OTHERS_BYTES: Final = RETURNS_BYTES + 256 * 1024
_SEGMENTS_WANTED: Final = 64
_SEGMENTS_MIN: Final = 8
_GENERATIONS_A_TURN: Final = 4
_BLOCK_BYTES: Final = 4096
SIZE_BYTES_MIN: Final = 8 * MIB
# What one change may add: a few pages, each written anew, and a row of the largest size.
_CHANGE_BYTES_MAX: Final = 32 * 1024
_GROUP_CHANGES_MAX: Final = 512
INDEX_BYTES_MIN: Final = MIB // 2
"""What an empty index may occupy, before anything is written to it."""


@dataclass(frozen=True, slots=True)
class Division:
    """The parts of a flash of `size_bytes`; see the file's head."""

    size_bytes: int
    chunk_bytes: int
    segment_bytes: int
    record_bytes: int
    """Length of an open segment's records log; chunks so small that it fills close it early."""
    index_bytes_max: int
    allowance_step_bytes: int

    @property
    def new_segment_bytes(self) -> int:
        """Return what a new segment occupies: data and records are allocated in full."""
        return rounded_up(self.segment_bytes) + rounded_up(self.record_bytes)

    @property
    def touch_bytes(self) -> int:
        """Return the length of the map of sketches (`sketches.py`), whole MiB."""
        return _touch_bytes(self.size_bytes)

    def within(self, share_bytes: int | None) -> "Division":
        """Return the same with segments of which several fit a share, where there is one."""
        if share_bytes is None:
            return self
        fitting = share_bytes // _SEGMENTS_MIN // MIB * MIB
        chunk_bytes = rounded_up(stored_bytes(self.chunk_bytes))  # sealed or not, it has to fit
        segment_bytes = min(self.segment_bytes, max(fitting, MIB, chunk_bytes))
        record_bytes = _record_bytes(segment_bytes)
        return replace(self, segment_bytes=segment_bytes, record_bytes=record_bytes)

    def generation_of(self, segment: int) -> int:
        """Return the number of the quarter of the flash that segment number `segment` begins."""
        return segment * _GENERATIONS_A_TURN // max(self.size_bytes // self.segment_bytes, 1)

    @property
    def group_bytes_max(self) -> int:
        """Return how far one transaction may grow the index file."""
        return self.allowance_step_bytes // 8

    @property
    def group_changes_max(self) -> int:
        """Return how many changes one transaction may have, so that it keeps that bound."""
        return min(max(self.group_bytes_max // _CHANGE_BYTES_MAX, 1), _GROUP_CHANGES_MAX)

    @property
    def index_used_bytes_max(self) -> int:
        """Return from where on rows are taken out of the index: LMDB needs free pages to delete."""
        return self.index_bytes_max * 6 // 10

    def can_index_grow(self, index_bytes: int, allowance_bytes: int) -> bool:
        """Return whether a transaction may add to the index.

        Room is left for those that remove: LMDB writes a new page for each that it changes.
        """
        return index_bytes + 4 * self.group_bytes_max <= allowance_bytes

    def is_growth_near(self, index_bytes: int, allowance_bytes: int) -> bool:
        """Return whether the allowance should be raised soon."""
        return index_bytes + 6 * self.group_bytes_max > allowance_bytes

    def segments_bytes_max(self, allowance_bytes: int) -> int:
        """Return what all segments together may occupy under that allowance."""
        return self.size_bytes - _fixed_bytes(self.size_bytes) - allowance_bytes

    @property
    def bodies_bytes_max(self) -> int:
        """Return what the chunks of a flash with few rows may come to before one is put out."""
        room = self.segments_bytes_max(self.allowance_for(INDEX_BYTES_MIN))
        return (room // self.new_segment_bytes - 1) * self.segment_bytes

    def allowance_for(self, index_bytes: int) -> int:
        """Return the allowance that an index file of `index_bytes` should have next."""
        return min(self.index_bytes_max, index_bytes + self.allowance_step_bytes)


def divide(size_bytes: int, chunk_bytes: int, segment_bytes: int | None = None) -> Division:
    """Return the division of `size_bytes`; raises ValueError where chunks do not fit.

    Segments are a 64th of the flash within 8 and 256 MiB, but of a small flash at most an eighth:
    each worker has one open, which nobody can evict.
    """
    if segment_bytes is None:
        wanted = min(max(size_bytes // _SEGMENTS_WANTED, 8 * MIB), 256 * MIB)
        fitting = (size_bytes - _fixed_bytes(size_bytes)) // (_SEGMENTS_MIN + 1)
        segment_bytes = max(min(wanted, fitting) // MIB * MIB, MIB, chunk_bytes)
    record_bytes = _record_bytes(segment_bytes)
    step = min(max(segment_bytes // 2, MIB), 64 * MIB)
    division = Division(
        size_bytes=size_bytes,
        chunk_bytes=chunk_bytes,
        segment_bytes=segment_bytes,
        record_bytes=record_bytes,
        index_bytes_max=rounded_up(max(size_bytes // 4, INDEX_BYTES_MIN + step)),
        allowance_step_bytes=step,
    )
    room = division.segments_bytes_max(division.allowance_for(INDEX_BYTES_MIN))
    if segment_bytes < chunk_bytes or room < 2 * division.new_segment_bytes:
        raise ValueError(
            f"a flash of {size_bytes} bytes is too small for chunks of {chunk_bytes} bytes"
        )
    return division


def _record_bytes(segment_bytes: int) -> int:
    return rounded_up(max(segment_bytes // 8, 16 * _BLOCK_BYTES))


def _fixed_bytes(size_bytes: int) -> int:
    return _touch_bytes(size_bytes) + _OTHERS_BYTES


def _touch_bytes(size_bytes: int) -> int:
    return max(-(-size_bytes // _TOUCH_SHARE // MIB) * MIB, MIB)


def rounded_up(length: int) -> int:
    """Return what a file of `length` bytes occupies: whole blocks."""
    return -(-length // _BLOCK_BYTES) * _BLOCK_BYTES
