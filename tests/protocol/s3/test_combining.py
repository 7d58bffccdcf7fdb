"""Combined CRCs are those of the whole, at known values and at any cut."""

import zlib

import pytest
from awscrt.checksums import crc32c
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.s3.combining import COMBINED, combined, crc64nvme

COMPUTE = {
    "x-amz-checksum-crc32": zlib.crc32,
    "x-amz-checksum-crc32c": crc32c,
    "x-amz-checksum-crc64nvme": crc64nvme,
}
# The check values of the CRC catalogue: the CRC of the nine ASCII digits "123456789".
KNOWN = {
    "x-amz-checksum-crc32": 0xCBF43926,
    "x-amz-checksum-crc32c": 0xE3069283,
    "x-amz-checksum-crc64nvme": 0xAE8B14860A799888,
}


@pytest.mark.parametrize("header", list(COMBINED))
@pytest.mark.parametrize("cut", range(10))
def test_the_known_value_comes_out_wherever_it_is_cut(header, cut):
    parts = [b"123456789"[:cut], b"123456789"[cut:]]
    digest = combined(header, [COMPUTE[header](part) for part in parts], [cut, 9 - cut])
    assert int.from_bytes(digest, "big") == KNOWN[header]


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_parts_of_any_lengths(parts):
    for header, compute in COMPUTE.items():
        digest = combined(header, [compute(part) for part in parts], [len(part) for part in parts])
        assert int.from_bytes(digest, "big") == compute(b"".join(parts))


def test_the_order_counts():
    header = "x-amz-checksum-crc32c"
    one, other = crc32c(b"one"), crc32c(b"two")
    assert combined(header, [one, other], [3, 3]) != combined(header, [other, one], [3, 3])


def test_lists_of_unlike_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        combined("x-amz-checksum-crc32", [1, 2], [3])
