"""What is sealed opens whole, as what it was sealed as, and in no other way."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flash.sealing import DataKeys, SpoolSealing, Wrapping, open_units
from gateway.flash.units import (
    HEAD_BYTES,
    STORED_UNIT_BYTES,
    UNIT_BYTES,
    chunk_bound,
    opened_bytes,
    stored_bytes,
    unit_places,
)

KEYS = DataKeys({1: bytes(32)}, b"n" * 32)
BODY = bytes(range(16))
LENGTHS = [1, 100, UNIT_BYTES - 1, UNIT_BYTES, UNIT_BYTES + 1, 3 * UNIT_BYTES, 5 * UNIT_BYTES + 7]


def opened(sealed, *, keys=KEYS, body=BODY, number=3, length=None, first=0):
    cipher = keys.find_cipher(bytes(sealed[:HEAD_BYTES]))
    if cipher is None:
        return None
    bound = chunk_bound(body, number, opened_bytes(len(sealed)) if length is None else length)
    return open_units(cipher, bound, first, memoryview(sealed)[HEAD_BYTES:])


@pytest.mark.parametrize("length", LENGTHS)
def test_a_chunk_opens_as_it_was(length):
    data = os.urandom(length)
    sealed = KEYS.seal_chunk(BODY, 3, data)
    assert len(sealed) == stored_bytes(length)
    assert opened_bytes(len(sealed)) == length
    assert opened(sealed) == data
    assert data[:16] not in sealed or length < 16


@given(st.integers(1, 1 << 40))
def test_lengths_are_told_from_each_other(length):
    assert opened_bytes(stored_bytes(length)) == length


@given(st.data())
def test_a_part_opens_its_units_only(data):
    length = data.draw(st.integers(1, 4 * UNIT_BYTES))
    start = data.draw(st.integers(0, length - 1))
    count = data.draw(st.integers(1, length - start))
    first, at, stop = unit_places(start, count, stored_bytes(length))
    assert first * UNIT_BYTES <= start
    assert at == HEAD_BYTES + first * STORED_UNIT_BYTES
    assert stop <= stored_bytes(length)
    assert opened_bytes(HEAD_BYTES + stop - at) >= start - first * UNIT_BYTES + count


def test_a_unit_opens_by_itself():
    data = os.urandom(3 * UNIT_BYTES)
    sealed = KEYS.seal_chunk(BODY, 3, data)
    first, at, stop = unit_places(UNIT_BYTES + 5, 10, len(sealed))
    cipher = KEYS.find_cipher(bytes(sealed[:HEAD_BYTES]))
    unit = open_units(cipher, chunk_bound(BODY, 3, len(data)), first, memoryview(sealed)[at:stop])
    assert unit == data[UNIT_BYTES : 2 * UNIT_BYTES]


@pytest.mark.parametrize(
    "changes",
    [{"body": bytes(16)}, {"number": 4}, {"length": 5}, {"first": 1}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_chunk_opens_in_no_others_place(changes):
    sealed = KEYS.seal_chunk(BODY, 3, os.urandom(1000))
    assert opened(sealed) is not None
    assert opened(sealed, **changes) is None


def test_units_do_not_change_places():
    sealed = KEYS.seal_chunk(BODY, 3, os.urandom(2 * UNIT_BYTES))
    one = sealed[HEAD_BYTES : HEAD_BYTES + STORED_UNIT_BYTES]
    other = sealed[HEAD_BYTES + STORED_UNIT_BYTES :]
    assert opened(sealed[:HEAD_BYTES] + other + one) is None


@given(st.data())
def test_a_flipped_bit_opens_nothing(data):
    sealed = KEYS.seal_chunk(BODY, 3, b"some bytes of an object")
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    assert opened(sealed) is None


def test_the_same_twice_is_never_sealed_alike():
    one, other = (KEYS.seal_chunk(BODY, 3, bytes(1000)) for _ in range(2))
    assert one[4:20] != other[4:20]
    assert one[20:] != other[20:]
    assert KEYS.seal(b"row", b"k") != KEYS.seal(b"row", b"k")


def test_another_data_key_opens_nothing_and_an_older_one_is_still_read():
    sealed = KEYS.seal(b"row", b"k")
    assert DataKeys({2: bytes(32)}, b"").open(sealed, b"k") is None
    assert DataKeys({1: b"x" * 32}, b"").open(sealed, b"k") is None
    both = DataKeys({1: bytes(32), 2: b"x" * 32}, b"")
    assert both.open(sealed, b"k") == b"row"
    assert KEYS.open(both.seal(b"row", b"k"), b"k") is None


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(36), bytes(100)])
def test_what_was_never_sealed_is_no_error(sealed):
    assert KEYS.open(sealed, b"k") is None


def test_small_things_open_only_for_what_they_are_bound_to():
    sealed = KEYS.seal(b"a row", b"its key")
    assert KEYS.open(sealed, b"its key") == b"a row"
    assert KEYS.open(sealed, b"another") is None


def test_data_keys_open_with_the_key_that_sealed_them():
    one, other = Wrapping(bytes(32)), Wrapping(b"x" * 32)
    sealed = one.seal(b"ring", b"head")
    assert one.open(sealed, b"head") == b"ring"
    assert one.open(sealed, b"other head") is None
    assert other.open(sealed, b"head") is None
    assert one.number != other.number
    assert one.open(b"", b"head") is None


def test_each_spool_has_a_key_of_its_own():
    one, other = SpoolSealing(), SpoolSealing()
    sealed = one.seal(4, b"piece")
    assert one.open(4, sealed) == b"piece"
    assert one.open(5, sealed) is None
    assert other.open(4, sealed) is None
