"""The checksum that HDFS itself has of a file, so that both compare: MD5-of-MD5-of-CRC32C (pure).

Of each block the CRC32C of every 512 bytes, of these the MD5; of the blocks' MD5s the MD5, with
the zeros behind them that HDFS's buffer has there and every HDFS client has seen ever since
(org.apache.hadoop.hdfs.FileChecksumHelper digests `DataOutputBuffer.getData`, the whole buffer).
"""

from hashlib import md5
from typing import Final

from awscrt.checksums import crc32c

BYTES_PER_CRC: Final = 512
_BUFFER_BYTES: Final = 32
"""What java.io.ByteArrayOutputStream begins with, to double it where it is full."""
_HEADER_BYTES: Final = (4, 8)


class HdfsChecksum:
    """Takes a file's bytes in order."""

    def __init__(self, block_bytes: int) -> None:
        """Cut the file into blocks of `block_bytes`, a multiple of 512 as HDFS demands."""
        self._block_bytes = block_bytes
        self._taken = 0
        self._rest = b""
        self._block = md5(usedforsecurity=False)
        self._blocks: list[bytes] = []

    def update(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(self._rest + bytes(piece)) if self._rest else memoryview(piece)
        whole = len(view) // BYTES_PER_CRC * BYTES_PER_CRC
        for start in range(0, whole, BYTES_PER_CRC):
            self._take(view[start : start + BYTES_PER_CRC])
        self._rest = bytes(view[whole:])

    def _take(self, stretch: memoryview) -> None:
        self._block.update(crc32c(bytes(stretch)).to_bytes(4, "big"))
        self._taken += len(stretch)
        if self._taken % self._block_bytes == 0:
            self._close_block()

    def _close_block(self) -> None:
        self._blocks.append(self._block.digest())
        self._block = md5(usedforsecurity=False)

    def finish(self) -> tuple[str, bytes]:
        """Return the algorithm's name and the checksum, as Hadoop's client reads them."""
        if self._rest:
            self._take(memoryview(self._rest))
        if self._taken % self._block_bytes:
            self._close_block()
        if not self._blocks:
            return "MD5-of-0MD5-of-0CRC32", _written(0, 0, _padded(b""))
        per_block = self._block_bytes // BYTES_PER_CRC if len(self._blocks) > 1 else 0
        name = f"MD5-of-{per_block}MD5-of-{BYTES_PER_CRC}CRC32C"
        return name, _written(BYTES_PER_CRC, per_block, _padded(b"".join(self._blocks)))


def _padded(digests: bytes) -> bytes:
    """Return the bytes of the buffer that holds the digests."""
    size = _BUFFER_BYTES
    while size < len(digests):
        size *= 2
    return digests.ljust(size, b"\0")


def _written(bytes_per_crc: int, crcs_per_block: int, digests: bytes) -> bytes:
    """Return MD5MD5CRC32FileChecksum as its `write` does: int, long, MD5."""
    numbers = zip((bytes_per_crc, crcs_per_block), _HEADER_BYTES, strict=True)
    header = b"".join(number.to_bytes(size, "big") for number, size in numbers)
    return header + md5(digests, usedforsecurity=False).digest()
