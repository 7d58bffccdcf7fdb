"""Web identity tokens: proven by a key of their own kind, and judged claim by claim."""

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.web_tokens import KeySetError, parse_key_set, read_identity, read_token
from gateway.model.failures import AuthenticationFailed
from tests.support.oidc import (
    AUDIENCE,
    ISSUER,
    NOW,
    SUBJECT,
    claims,
    jwk,
    key_set,
    private_key,
    token,
)

AUDIENCES = frozenset({AUDIENCE, "sts.amazonaws.com"})
KEYS = parse_key_set(key_set(jwk("RSA")))
ALGORITHMS = [
    *((one, "RSA") for one in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    ("ES256", "P-256"),
    ("ES384", "P-384"),
    ("ES512", "P-521"),
    ("EdDSA", "Ed"),
]


def identified(text, keys=KEYS, now=NOW):
    return read_identity(keys.verified(read_token(text)), ISSUER, AUDIENCES, now)


def code_of(text, keys=KEYS, now=NOW) -> str:
    with pytest.raises(AuthenticationFailed) as refused:
        identified(text, keys, now)
    return refused.value.code


def encoded(part) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS)
def test_every_algorithm_proves_with_its_own_kind_of_key(algorithm, key):
    others = [jwk(one) for one in ("RSA2", "P-256", "P-384", "P-521", "Ed") if one != key]
    keys = parse_key_set(key_set(*others, jwk(key)))
    found = identified(token(claims(), key, algorithm), keys)
    assert (found.issuer, found.subject, found.audiences) == (ISSUER, SUBJECT, (AUDIENCE,))
    assert code_of(token(claims(), key + "2", algorithm, kid=key), keys) == "InvalidIdentityToken"


def signed_by_hmac(secret, header):
    text = f"{encoded(header)}.{encoded(claims())}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), sha256))}"


def public_bytes(encoding, kind):
    return private_key("RSA").public_key().public_bytes(encoding, kind)


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "none", "hs256"])
@pytest.mark.parametrize(
    "secret",
    [
        public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk("RSA")).encode(),
        jwk("RSA")["n"].encode(),
        b"",
    ],
    ids=["pem", "pkcs1", "der", "jwk", "modulus", "nothing"],
)
def test_a_public_key_is_no_secret(algorithm, secret):
    assert code_of(signed_by_hmac(secret, {"alg": algorithm, "kid": "RSA"})) == (
        "InvalidIdentityToken"
    )


def test_a_shared_secret_in_the_set_proves_nothing():
    secret = b"0123456789abcdef0123456789abcdef"
    shared = {"kty": "oct", "k": encoded(secret), "kid": "RSA"}
    keys = parse_key_set(key_set(shared, jwk("RSA2", kid="RSA")))
    for algorithm in ("HS256", "RS256"):
        text = signed_by_hmac(secret, {"alg": algorithm, "kid": "RSA"})
        assert code_of(text, keys) == "InvalidIdentityToken"
    with pytest.raises(KeySetError, match="no key in it"):
        parse_key_set(key_set(shared))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 1, [], "ES256K", "RS1"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_no_signature_is_none(algorithm, signature):
    text = f"{encoded({'alg': algorithm, 'kid': 'RSA'})}.{encoded(claims())}.{signature}"
    assert code_of(text) == "InvalidIdentityToken"


def test_a_key_is_used_for_what_it_says_only():
    text = token(claims())
    for more in ({"alg": "PS256"}, {"use": "enc"}, {"kid": "other"}):
        keys = parse_key_set(key_set(jwk("RSA", **more), jwk("RSA2", kid="x")))
        assert code_of(text, keys) == "InvalidIdentityToken"
    for more in ({"alg": "RS256"}, {"use": "sig"}, {}):
        assert identified(text, parse_key_set(key_set(jwk("RSA", **more)))).subject == SUBJECT


def test_a_token_without_a_name_for_its_key_is_tried_on_those_of_its_kind():
    keys = parse_key_set(key_set(jwk("P-256"), jwk("RSA2"), jwk("RSA")))
    assert identified(token(claims(), kid=None), keys).subject == SUBJECT


def test_a_short_key_proves_nothing():
    keys = parse_key_set(key_set(jwk("RSA1024"), jwk("RSA")))
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        text = token(claims(), "RSA1024")
    assert code_of(text, keys) == "InvalidIdentityToken"


def test_keys_that_the_token_brings_along_are_not_looked_at():
    text = token(claims(), "RSA2", jwk=jwk("RSA2"), jku="https://evil.test", kid="RSA")
    assert code_of(text) == "InvalidIdentityToken"
    critical = token(claims(), crit=["exp"], exp=1)
    assert code_of(critical) == "InvalidIdentityToken"


def test_a_change_of_any_letter_is_seen():
    text = token(claims(), "Ed", "EdDSA")
    keys = parse_key_set(key_set(jwk("Ed")))
    assert identified(text, keys).subject == SUBJECT
    for at, letter in enumerate(text):
        for other in "Ae.":
            if other != letter:
                altered = text[:at] + other + text[at + 1 :]
                assert code_of(altered, keys) == "InvalidIdentityToken", at
        assert code_of(text[:at], keys) == "InvalidIdentityToken"


@given(text=st.text(max_size=60) | st.text("eyJ.01abA-_=", max_size=60))
def test_what_is_no_token_is_refused_in_words(text):
    assert code_of(text) == "InvalidIdentityToken"


@given(payload=st.binary(max_size=40) | st.text('{}[]":,aud01eE.-', max_size=40).map(str.encode))
def test_what_is_no_claims_is_refused_in_words(payload):
    with pytest.raises(AuthenticationFailed) as refused:
        read_identity(payload, ISSUER, AUDIENCES, NOW)
    assert refused.value.code == "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": NOW - 60}, "ExpiredTokenException"),
        ({"exp": NOW - 59}, None),
        ({"nbf": NOW + 60}, None),
        ({"nbf": NOW + 61}, "InvalidIdentityToken"),
        ({"nbf": None}, None),
        ({"iat": NOW + 60}, None),
        ({"iat": NOW + 61}, "InvalidIdentityToken"),
        *[
            ({name: value}, "InvalidIdentityToken")
            for name in ("exp", "iat")
            for value in (None, str(NOW), True, [], {}, -1, float("inf"), float("nan"), 10**400)
        ],
        ({"nbf": "soon"}, "InvalidIdentityToken"),
        ({"iss": ISSUER + "/"}, "InvalidIdentityToken"),
        ({"iss": ISSUER.upper()}, "InvalidIdentityToken"),
        ({"aud": "sts.amazonaws.com"}, None),
        ({"aud": ["other", AUDIENCE]}, None),
        *[
            ({"aud": value}, "InvalidIdentityToken")
            for value in (None, "other", [], [[AUDIENCE]], {AUDIENCE: 1}, AUDIENCE.upper(), 1)
        ],
        *[
            ({"sub": value}, "InvalidIdentityToken")
            for value in (None, "", 1, [], "x" * 256, "a\nb", "\ud800")
        ],
    ],
)
def test_claims_are_judged(change, code):
    text = token(claims(**change))
    if code is None:
        assert identified(text).subject == SUBJECT
    else:
        assert code_of(text) == code


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": [1, null, [], {}]}',
        b'{"keys": [{"kty": []}, {"kty": "RSA"}, {"kty": "RSA", "n": 1, "e": 2}]}',
        b"[" * 100_000,
        b"\xff",
        key_set(jwk("RSA", n="A" * 1401)),
    ],
)
def test_what_is_no_key_set_is_refused_in_words(document):
    with pytest.raises(KeySetError):
        parse_key_set(document)


@pytest.mark.parametrize("change", [{"n": "!"}, {"e": ""}, {"n": "AA", "e": "AA"}])
def test_a_key_that_is_none_proves_nothing(change):
    keys = parse_key_set(key_set(jwk("RSA", **change)))
    assert code_of(token(claims()), keys) == "InvalidIdentityToken"
