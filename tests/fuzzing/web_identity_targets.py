"""Targets of web identities: tokens of strangers, claims that are signed, sets of keys."""

import json
from base64 import urlsafe_b64encode
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.access.web_tokens import (
    SUBJECT_LETTERS_MAX,
    KeySetError,
    parse_key_set,
    read_identity,
    read_token,
)
from gateway.model.failures import Failure
from tests.fuzzing.target import Target, text_of

ISSUER, AUDIENCES, NOW_SECONDS = "https://issuer", frozenset({"forebay", "b"}), 1_800_000_000.0
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


_PUBLIC = _KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
_ENTRY = {"kty": "OKP", "crv": "Ed25519", "x": _base64(_PUBLIC), "kid": "k", "use": "sig"}
_KEYS = parse_key_set(json.dumps({"keys": [_ENTRY]}).encode())


def token_of(payload: bytes, header: bytes = b'{"alg":"EdDSA","kid":"k"}') -> str:
    signed = f"{_base64(header)}.{_base64(payload)}"
    return f"{signed}.{_base64(_KEY.sign(signed.encode()))}"


def read_stranger(raw: bytes) -> None:
    """Take a token that nobody of ours signed; its parts are taken as they are, and encoded."""
    texts = [text_of(raw), ".".join(_base64(part) for part in raw.split(b"."))]
    for text in texts:
        with suppress(Failure):
            token = read_token(text)
            assert token.algorithm not in {"none", "HS256"}
            _KEYS.verified(token)
            raise AssertionError("a signature of nobody's was taken")


def read_claims(raw: bytes) -> None:
    header, mark, claims = raw.partition(b"\n")
    with suppress(Failure):
        token = read_token(token_of(claims, header) if mark else token_of(raw))
        proven = _KEYS.verified(token)
        assert proven == (claims if mark else raw)
        web = read_identity(proven, ISSUER, AUDIENCES, NOW_SECONDS)
        assert web.issuer == ISSUER
        assert 0 < len(web.subject) <= SUBJECT_LETTERS_MAX


def read_keys(raw: bytes) -> None:
    with suppress(KeySetError, Failure):
        keys = parse_key_set(raw)
        keys.has("k")
        for algorithm in ("EdDSA", "ES256", "RS256", "PS512", "ES512"):
            with suppress(Failure):
                header = json.dumps({"alg": algorithm, "kid": "k"}).encode()
                keys.verified(read_token(token_of(b'{"iss":"a"}', header)))


_CLAIMS = (
    b'{"iss":"https://issuer","aud":["forebay"],"sub":"pod","exp":1800000100,"iat":1799999999,'
    b'"nbf":1799999999}'
)
_SETS = (
    {"keys": [_ENTRY]},
    {"keys": [{"kty": "RSA", "n": _base64(b"\x80" + bytes(127) + b"\1"), "e": "AQAB", "kid": "k"}]},
    {"keys": [{"kty": "EC", "crv": "P-256", "x": _base64(bytes(32)), "y": _base64(bytes(32))}]},
)

TARGETS = (
    Target(
        "web-token",
        read_stranger,
        (
            token_of(_CLAIMS)[:-1].encode() + b"A",
            b'{"alg":"none"}.' + _CLAIMS + b".",
            b'{"alg":"HS256","typ":"JWT","crit":["exp"],"b64":false}.{"iss":"a"}.x',
        ),
        b'{"alg":"|none|HS256|RS256|EdDSA|"kid":|"crit":["b64"]|"b64":false|"jwk":{|"iss":|.|[|{|}|,',
    ),
    Target(
        "web-claims",
        read_claims,
        (_CLAIMS, b'{"alg":"EdDSA","kid":"k"}\n' + _CLAIMS, b'{"alg":"EdDSA"}\n{"aud":"b"}'),
        b'"iss"|"https://issuer"|"aud"|"forebay"|"sub"|"exp"|"iat"|"nbf"|1800000000|1e400|NaN|null|'
        b'true|[|]|{|}|:|,|\\ud800|\n|"alg"',
    ),
    Target(
        "key-set",
        read_keys,
        tuple(json.dumps(one).encode() for one in _SETS),
        b'{"keys":[|{"kty":|"RSA"|"EC"|"OKP"|"crv":|"P-256"|"P-384"|"P-521"|"Ed25519"|"Ed448"|"x":|'
        b'"y":|"n":|"e":|"kid":"k"|"use":"enc"|"alg":|"AQAB"|"AA"|null|[|]|{|}|,',
    ),
)
