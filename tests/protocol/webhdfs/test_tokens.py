"""Delegation tokens: the bytes of Hadoop's own classes, both ways, and whatever is none."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import AuthenticationFailed
from gateway.protocol.webhdfs.tokens import (
    TOKEN_LETTERS_MAX,
    Identifier,
    Token,
    decode_identifier,
    decode_token,
    encode_number,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "webhdfs_tokens.jsonl"
"""Written by tests/golden/HadoopTokens.java with the classes of Hadoop 3.4.2."""
ROWS = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
NUMBERS = [row for row in ROWS if "vlong" in row]
TOKENS = [row for row in ROWS if "url_string" in row]
PASSWORD = bytes(255 - at for at in range(32))
FIELDS = ("owner", "renewer", "real_user", "issue_ms", "max_ms", "sequence", "key_number")


def test_the_golden_file_is_whole():
    assert (len(NUMBERS), len(TOKENS)) == (17, 8)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: str(row["vlong"]))
def test_numbers_are_those_of_hadoop(row):
    assert encode_number(row["vlong"]).hex() == row["hex"]


@pytest.mark.parametrize("row", TOKENS, ids=lambda row: f"{row['owner'][:9]}-{row['service']}")
def test_tokens_are_those_of_hadoop(row):
    identifier = Identifier(**{name: row[name] for name in FIELDS})
    assert identifier.encoded().hex() == row["identifier"]
    token = Token(identifier.encoded(), PASSWORD, service=row["service"])
    assert token.encoded() == row["url_string"]
    assert decode_token(row["url_string"]) == token
    assert decode_identifier(token.identifier) == identifier


@pytest.mark.parametrize("row", TOKENS[:4], ids=lambda row: f"{row['owner'][:9]}-{row['service']}")
def test_a_token_that_is_cut_or_followed_by_something_is_none(row):
    raw = bytes.fromhex(row["identifier"])
    for part in [*(raw[:end] for end in range(len(raw))), raw + b"\0", b"\1" + raw[1:]]:
        with pytest.raises(AuthenticationFailed) as refused:
            decode_identifier(part)
        assert refused.value.code == "InvalidToken"
    text = row["url_string"]
    for part in [*(text[:end] for end in range(len(text))), text + "AA"]:
        with pytest.raises(AuthenticationFailed):
            decode_token(part)


@pytest.mark.parametrize(
    "text", ["", "=", "!!", "é", "A" * (TOKEN_LETTERS_MAX + 1), "iH__________", "h___", "f_8"]
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(AuthenticationFailed):
        decode_token(text)


INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.builds(Identifier, WORDS, WORDS, WORDS, LONGS, LONGS, INTS, INTS), WORDS, WORDS)
def test_what_was_written_is_read(identifier, kind, service):
    assert decode_identifier(identifier.encoded()) == identifier
    token = Token(identifier.encoded(), PASSWORD, kind, service)
    assert decode_token(token.encoded()) == token
    padded = token.encoded() + "=" * (-len(token.encoded()) % 4)
    assert decode_token(padded) == token
    assert urlsafe_b64decode(padded).startswith(encode_number(len(token.identifier)))


def test_a_token_is_shown_without_its_password():
    shown = repr(Token(b"i", b"hush"))
    assert "hush" not in shown
    assert "delegation" in shown
