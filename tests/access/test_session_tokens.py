"""Session tokens: what was sealed opens, whole and unaltered, for its own access key only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.roles import WebIdentity
from gateway.access.session_tokens import (
    PACKED_BYTES_MAX,
    PURPOSE,
    TOKEN_LETTERS_MAX,
    Session,
    SessionTokens,
)
from gateway.model.failures import AuthenticationFailed, InvalidRequest, NotSupported
from gateway.state.sealing import Sealer

KEY, NEW_KEY = bytes(range(32)), bytes(range(1, 33))
TOKENS = SessionTokens(Sealer([KEY], PURPOSE))
SESSION = Session(
    access_key="FBSKA",
    secret_key="the secret",
    issued_us=1_800_000_000_123_456,
    expires=1_800_003_600,
    identity="ann",
    identity_key="ann-key",
    role="training",
    name="run-1",
    web=None,
    policy="",
)
words = st.text(max_size=30)


def is_refused(token, access_key="FBSKA", tokens=TOKENS) -> bool:
    try:
        tokens.open(access_key, token)
    except AuthenticationFailed as failure:
        return failure.code == "InvalidToken"
    return False


@given(
    session=st.builds(
        Session,
        access_key=st.text("ABC234567", min_size=1, max_size=28),
        secret_key=words,
        issued_us=st.integers(0, 1 << 53),
        expires=st.integers(0, 1 << 40),
        identity=words,
        identity_key=words,
        role=words,
        name=words,
        web=st.none() | st.builds(WebIdentity, words, words, st.tuples(words)),
        policy=st.text(max_size=200) | st.just('{"Statement": []} ' * 100),
    )
)
def test_a_token_holds_all_of_its_session(session):
    token, percent = TOKENS.seal(session)
    assert TOKENS.open(session.access_key, token) == session
    assert 0 < percent <= 100
    assert len(token) <= TOKEN_LETTERS_MAX


def test_a_token_opens_for_no_other_access_key():
    token, _ = TOKENS.seal(SESSION)
    assert is_refused(token, "FBSKB")
    assert is_refused(token, "")


def test_a_change_of_any_letter_is_seen():
    token, _ = TOKENS.seal(SESSION)
    for at, letter in enumerate(token):
        for other in ("A", "B", "_", "=", "é"):
            if other != letter:
                assert is_refused(token[:at] + other + token[at + 1 :]), at
        assert is_refused(token[:at])
        assert is_refused(token[:at] + token[at + 1 :])
    for spelt in (token + "=", token + "A", token + "\n", " " + token, token * 2):
        assert is_refused(spelt)


def test_a_change_of_any_bit_is_seen():
    token, _ = TOKENS.seal(SESSION)
    sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[at // 8] ^= 1 << at % 8
        assert is_refused(urlsafe_b64encode(altered).rstrip(b"=").decode())


@given(token=st.text(max_size=200) | st.text("abcdefgAB-_", max_size=200))
def test_nothing_else_is_a_token(token):
    assert is_refused(token)


def test_what_another_key_or_purpose_sealed_is_no_token():
    for sealer in (Sealer([NEW_KEY], PURPOSE), Sealer([KEY], "identity secrets")):
        token, _ = SessionTokens(sealer).seal(SESSION)
        assert is_refused(token)
    assert is_refused(TOKENS.seal(SESSION)[0], tokens=SessionTokens(None))


def test_a_replaced_key_still_opens_what_it_sealed():
    token, _ = TOKENS.seal(SESSION)
    both = SessionTokens(Sealer([NEW_KEY, KEY], PURPOSE))
    assert both.open("FBSKA", token) == SESSION
    assert is_refused(both.seal(SESSION)[0])


def test_a_policy_that_does_not_pack_is_refused_with_its_size():
    noise = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(1000))
    with pytest.raises(InvalidRequest, match=r"consumes 1\d\d%") as refused:
        TOKENS.seal(replace(SESSION, policy=noise))
    assert refused.value.code == "PackedPolicyTooLarge"
    assert 2 * len(noise.encode()) > PACKED_BYTES_MAX


def test_without_a_key_the_setting_is_named():
    with pytest.raises(NotSupported, match=r"state\.key_file"):
        SessionTokens(None).seal(SESSION)


def test_the_secret_is_in_no_representation():
    assert "the secret" not in repr(SESSION)
