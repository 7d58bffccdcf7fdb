"""The checksum is HDFS's own, however the bytes come."""

from hashlib import md5
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.webhdfs.checksums import HdfsChecksum


def checksum(pieces: list[bytes], block_bytes: int = 2048) -> tuple[str, bytes]:
    running = HdfsChecksum(block_bytes)
    for piece in pieces:
        running.update(piece)
    return running.finish()


def test_an_empty_file_has_the_checksum_that_every_empty_file_on_hdfs_has() -> None:
    name, written = checksum([])
    assert name == "MD5-of-0MD5-of-0CRC32"
    assert written.hex() == "0" * 24 + "70bc8f4b72a86921468bf8e8441dce51"


def test_the_parts_of_it() -> None:
    # CRC-32C("123456789") is 0xE3069283 (RFC 3720 B.4).
    block = md5(bytes.fromhex("e3069283")).digest()
    name, written = checksum([b"123456789"])
    assert name == "MD5-of-0MD5-of-512CRC32C"
    assert written[:12].hex() == "00000200" + "0" * 16
    assert written[12:] == md5(block + bytes(16)).digest()


def test_a_file_of_several_blocks_says_how_many_crcs_a_block_has() -> None:
    name, written = checksum([bytes(5000)])
    assert name == "MD5-of-4MD5-of-512CRC32C"
    assert written[4:12] == (4).to_bytes(8, "big")
    assert len(written) == 28


@given(st.binary(max_size=9000), st.lists(st.integers(0, 9000), max_size=6))
def test_it_is_the_same_however_the_bytes_are_cut(body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[start:stop] for start, stop in pairwise(edges)]
    assert checksum(pieces) == checksum([body])
