"""Runs: space reserved for contiguous chunks of one body, contiguous also in the segment.

A run that does not fit the rest of a segment goes on in the next one. While a run has pieces in a
segment, that segment is not sealed.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.flash.record import RecordWriter
from gateway.flash.rows import BodyOwner
from gateway.flash.segments import OpenSegment
from gateway.flash.volume import Volume


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a run that lies in one segment: chunk `first` begins at `offsets[0]`.

    `offsets` has one entry more than there are chunks: the end of the last.
    """

    segment: OpenSegment
    first: int
    offsets: tuple[int, ...]

    @property
    def stop(self) -> int:
        """Return the number after the last chunk's."""
        return self.first + len(self.offsets) - 1


@dataclass(slots=True)
class Run:
    """Space for chunks `numbers` of a body; `Flash.finish` must be called, whatever happens."""

    owner: BodyOwner
    first: int
    writer: RecordWriter
    volume: Volume
    pieces: list[Piece] = field(default_factory=list)
    written: set[int] = field(default_factory=set)
    """Chunks whose space was, or may still be, written to."""
    is_finished: bool = False

    @property
    def numbers(self) -> range:
        """Return the chunks that have space: as many of the leading ones as there was room for."""
        return range(self.first, self.pieces[-1].stop if self.pieces else self.first)

    def find_place(self, number: int) -> tuple[OpenSegment, int, int] | None:
        """Return the segment, offset and length of a chunk's space."""
        for piece in self.pieces:
            if piece.first <= number < piece.stop:
                at = number - piece.first
                return piece.segment, piece.offsets[at], piece.offsets[at + 1] - piece.offsets[at]
        return None

    def add(self, segment: OpenSegment, offset: int, lengths: list[int]) -> None:
        """Append the space taken for the next `lengths`."""
        offsets = [offset]
        for length in lengths:
            offsets.append(offsets[-1] + length)
        self.pieces.append(Piece(segment, self.numbers.stop, tuple(offsets)))

    def give_back(self, piece: Piece) -> None:
        """Return the space behind the last chunk of `piece` that was written to."""
        stop = piece.stop
        while stop > piece.first and stop - 1 not in self.written:
            stop -= 1
        unused = piece.stop - stop
        if unused:
            start = piece.offsets[stop - piece.first]
            records = unused * self.writer.record_bytes
            piece.segment.give_back(start, piece.offsets[-1], records)


RUN_PIECES_MAX: Final = 64
"""A run over more segments than this is cut short."""
