"""Byte ranges: half-open inside, inclusive only in headers (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` (included) to `stop` (excluded) of a body."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Return the number of bytes."""
        return self.stop - self.start

    def header(self) -> str:
        """Return the Range header that asks for it (RFC 9110 14.1.2); it must not be empty."""
        return f"bytes={self.start}-{self.stop - 1}"

    def content_range(self, size: int) -> str:
        """Return the Content-Range header of a 206 that carries it (RFC 9110 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"

    def chunks(self, chunk_bytes: int) -> range:
        """Return the numbers of the chunks that it touches."""
        if self.stop <= self.start:
            return range(0)
        return range(self.start // chunk_bytes, (self.stop - 1) // chunk_bytes + 1)


def chunk_range(number: int, chunk_bytes: int, size: int) -> ByteRange:
    """Return the bytes that chunk `number` of a body of `size` bytes covers."""
    start = number * chunk_bytes
    return ByteRange(start, min(start + chunk_bytes, size))


def runs(numbers: list[int], run_chunks_max: int) -> Iterator[range]:
    """Yield the ascending `numbers` as maximal contiguous ranges of at most `run_chunks_max`."""
    start = 0
    while start < len(numbers):
        stop = start + 1
        while (
            stop < len(numbers)
            and numbers[stop] == numbers[stop - 1] + 1
            and stop - start < run_chunks_max
        ):
            stop += 1
        yield range(numbers[start], numbers[start] + (stop - start))
        start = stop
