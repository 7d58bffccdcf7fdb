"""Sealed secrets: bound to purpose and owner, opened by every key, sealed by the first."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.sealing import Prover, Sealer, SealError, parse_keys

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


@given(plain=st.binary(max_size=4096), owner=st.text(max_size=64))
def test_what_was_sealed_opens_for_its_owner_only(plain: bytes, owner: str) -> None:
    sealer = Sealer([OLD], "secrets")
    sealed = sealer.seal(plain, owner)
    assert sealer.open(sealed, owner) == plain
    assert len(sealed) == len(plain) + 33
    with pytest.raises(SealError, match="another owner"):
        sealer.open(sealed, owner + "x")


def test_another_purpose_does_not_open_it() -> None:
    sealed = Sealer([OLD], "secrets").seal(b"s3cret", "ann")
    with pytest.raises(SealError, match="changed"):
        Sealer([OLD], "sessions").open(sealed, "ann")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before = Sealer([OLD], "secrets").seal(b"s3cret", "ann")
    both = Sealer([NEW, OLD], "secrets")
    assert both.open(before, "ann") == b"s3cret"
    assert not both.is_current(before)
    assert both.is_current(both.seal(b"s3cret", "ann"))
    with pytest.raises(SealError, match=r"another key.*state\.key_file"):
        Sealer([NEW], "secrets").open(before, "ann")


@given(at=st.integers(min_value=0, max_value=38), change=st.integers(min_value=1, max_value=255))
def test_no_changed_byte_opens(at: int, change: int) -> None:
    sealer = Sealer([OLD], "secrets")
    sealed = bytearray(sealer.seal(b"s3cret", "ann"))
    sealed[at] ^= change
    with pytest.raises(SealError):
        sealer.open(bytes(sealed), "ann")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(15), b"\x02" + bytes(40)])
def test_what_is_no_sealed_text_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        Sealer([OLD], "secrets").open(sealed, "ann")


def test_keys_are_read_one_a_line() -> None:
    written = f"\n{base64.b64encode(NEW).decode()}\n  {base64.b64encode(OLD).decode()}  \n"
    assert parse_keys(written) == (NEW, OLD)


@pytest.mark.parametrize("text", ["", " \n", "c2hvcnQ=", "not base64!", "AAAA\n"])
def test_what_is_no_key_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(SealError, match="openssl rand -base64 32"):
        parse_keys(text)


def test_a_proof_is_one_text_of_one_purpose_by_a_key_that_is_known():
    old, new = bytes(32), bytes(range(32))
    before, after = Prover([old], "tokens"), Prover([new, old], "tokens")
    proof = before.proof(b"text")
    assert len(proof) == 32
    assert after.is_proof(proof, b"text", before.number)
    assert not after.is_proof(proof, b"text", after.number)
    assert not after.is_proof(proof, b"texts", before.number)
    assert not after.is_proof(proof[:-1], b"text", before.number)
    assert not Prover([old], "other").is_proof(proof, b"text", before.number)
    assert not Prover([new], "tokens").is_proof(proof, b"text", before.number)
    assert -(2**31) <= before.number != after.number < 2**31
