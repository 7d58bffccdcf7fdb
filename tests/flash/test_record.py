"""Records: what is written is read, whole or cut anywhere; what is torn or foreign is no record."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.record import (
    SEAL_BYTES,
    Record,
    RecordReader,
    RecordWriter,
    Seal,
    _framed,
    encode_seal,
    find_seal,
)
from gateway.flash.rows import Extent
from gateway.flash.sealing import DataKeys
from gateway.model.names import ObjectName
from gateway.model.versions import Version

GOLDEN = Path(__file__).parents[1] / "golden" / "flash_records.bin"
SEALED_GOLDEN = GOLDEN.with_name("flash_sealed_records.bin")

texts = st.text(st.characters(exclude_characters="\0"), max_size=40)
records = st.builds(
    Record,
    st.builds(ObjectName, texts, st.text(max_size=200)),
    st.builds(
        Version,
        texts,
        st.integers(0, 5 * 1024**4),
        texts,
        st.none() | texts,
        st.lists(st.tuples(texts.filter(bool), texts), max_size=3).map(tuple),
    ),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
    st.builds(
        Extent,
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**63),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
    ),
)


def encode(record):
    return RecordWriter(record, None).encode(record.number, record.extent)


def decode(*pieces):
    reader = RecordReader(None)
    return [entry for piece in pieces for entry in reader.feed(piece)], reader


ONE = Record(
    ObjectName("bucket", "a/key ü \x01"),
    Version('"9b2cf535f27731c974343645a3985328"', 7, "Mon, 01 Jan 2024 00:00:00 GMT", "v1", ()),
    bytes(range(16)),
    3,
    Extent(1, 4096, 7, 0xDEADBEEF),
)
TWO = Record(
    ObjectName("b", "k"),
    Version('"e"', 2**40, "", None, (("x-amz-checksum-crc32", "AAAAAA=="),)),
    bytes(16),
    0,
    Extent(1, 0, 0, 0),
)


def test_the_bytes_on_flash_are_those_of_format_version_1():
    log = encode(ONE) + encode(TWO) + encode_seal(Seal(1, 4103))
    assert log == GOLDEN.read_bytes()


KEYS = DataKeys({1: bytes(range(32))}, b"")
SEALED = [
    replace(record, extent=replace(record.extent, plain_crc32c=0x12345678)) for record in (ONE, TWO)
]


def decode_sealed(log, keys=KEYS):
    reader = RecordReader(keys)
    return list(reader.feed(log)), reader


def test_sealed_records_of_format_version_1_are_read():
    log = SEALED_GOLDEN.read_bytes()
    found, reader = decode_sealed(log)
    assert found == SEALED
    assert reader.position == len(log)


def test_sealed_records_are_as_long_as_they_are_said_to_be():
    for record in SEALED:
        writer = RecordWriter(record, KEYS)
        sealed = writer.encode(record.number, record.extent)
        assert len(sealed) == writer.record_bytes
        assert decode_sealed(sealed)[0] == [record]
        assert record.name.key.encode() not in sealed[16:] or len(record.name.key) < 4


def test_sealed_records_are_stepped_over_without_their_keys():
    log = SEALED_GOLDEN.read_bytes()
    for keys in (None, DataKeys({1: bytes(32)}, b""), DataKeys({2: bytes(range(32))}, b"")):
        found, reader = decode_sealed(log + encode_seal(Seal(1, 7)), keys)
        assert found == [Seal(1, 7)]
        assert reader.position == len(log) + SEAL_BYTES


def test_records_in_plaintext_are_none_where_flash_is_sealed():
    assert decode_sealed(encode(ONE) + encode(TWO))[0] == []


@given(st.lists(records, max_size=5))
def test_whole(entries):
    log = b"".join(map(encode, entries))
    found, reader = decode(log)
    assert found == entries
    assert reader.position == len(log)
    assert not reader.is_stopped


@given(st.lists(records, max_size=3))
def test_byte_by_byte(entries):
    log = b"".join(map(encode, entries))
    found, _ = decode(*(log[at : at + 1] for at in range(len(log))))
    assert found == entries


@given(st.lists(records, max_size=3), st.binary(max_size=300))
def test_trailing_bytes_never_spoil_what_stands_before(entries, trailing):
    found, _ = decode(b"".join(map(encode, entries)) + trailing)
    assert found[: len(entries)] == entries


@given(records, records, st.data())
def test_torn_at_any_byte(first, second, data):
    log = encode(first) + encode(second)
    cut = data.draw(st.integers(len(encode(first)), len(log) - 1))
    found, reader = decode(log[:cut])
    assert found == [first]
    assert reader.position == len(encode(first))


@given(records, records, st.data())
def test_a_flipped_bit_never_yields_another_record(first, second, data):
    log = bytearray(encode(first) + encode(second))
    at = data.draw(st.integers(0, len(log) - 1))
    log[at] ^= 1 << data.draw(st.integers(0, 7))
    found, _ = decode(bytes(log))
    assert all(entry in (first, second) for entry in found)


def test_zeros_end_the_log():
    found, reader = decode(encode(ONE) + bytes(4096))
    assert found == [ONE]
    assert reader.is_stopped
    assert reader.position == len(encode(ONE))


def test_an_unknown_version_is_stepped_over_even_if_its_payload_is_foreign():
    foreign = bytearray(encode(ONE))
    foreign[4] = 2
    found, _ = decode(bytes(foreign) + encode(TWO))
    assert found == [TWO]


def test_a_record_with_bad_bytes_is_stepped_over():
    bad = bytearray(encode(ONE))
    bad[-1] ^= 1
    found, _ = decode(bytes(bad) + encode(TWO))
    assert found == [TWO]


@pytest.mark.parametrize("text", [b"\xff\xff", b"\xed\xa0"])
def test_a_record_whose_texts_are_none_is_stepped_over_though_its_checksum_is_right(text):
    payload = encode(TWO)[16:].replace(b"AAAAAA", text + b"AAAA")
    found, _ = decode(_framed(1, payload) + encode(TWO))
    assert found == [TWO]


def test_a_length_beyond_all_bounds_ends_the_log():
    bad = bytearray(encode(ONE))
    bad[8:12] = (2**31).to_bytes(4, "little")
    found, reader = decode(bytes(bad) + encode(TWO))
    assert found == []
    assert reader.is_stopped


def test_a_seal_is_found_only_at_the_end():
    seal = encode_seal(Seal(7, 1 << 40))
    assert find_seal(seal) == Seal(7, 1 << 40)
    assert find_seal(seal[:-1] + b"\1") is None
    assert find_seal(encode(ONE)[: len(seal)]) is None
    assert find_seal(b"") is None


def test_a_name_beyond_the_bounds_of_a_record_is_refused():

    with pytest.raises(ValueError, match="exceed a record"):
        RecordWriter(
            Record(ObjectName("b", "k" * 20_000), TWO.version, TWO.body, 0, TWO.extent), None
        )
