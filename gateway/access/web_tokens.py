"""Web identity tokens: a JWT's signature, and what its claims say of whom.

The algorithm is never the token's choice. Only asymmetric ones are known, each bound to one type of
key, so neither `none` nor an HMAC under a public key is a signature here (RFC 8725 3.1, 3.2). Of a
key only its public members are taken. Claims are judged at the caller's moment, by OpenID Connect
Core 3.1.3.7 and RFC 7519 4.1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from gateway.access.roles import WebIdentity
from gateway.model.failures import AuthenticationFailed

LEEWAY_SECONDS: Final = 60
"""How far clocks may be apart."""
SUBJECT_LETTERS_MAX: Final = 255
KEYS_MAX: Final = 64
_TRIED_MAX: Final = 4
"""Keys that are tried on a token: a set may hold several under one name, while it is renewed."""
_MEMBER_LETTERS_MAX: Final = 1400
"""Of a key's numbers in base64url: RSA of 8,192 bits, beyond which a check takes long."""

_RSA, _EC, _OKP = ("kty", "n", "e"), ("kty", "crv", "x", "y"), ("kty", "crv", "x")
_MEMBERS: Final = {"RSA": _RSA, "EC": _EC, "OKP": _OKP}
_ALGORITHMS: Final = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithm -> the key's type, and its curve where it has one (RFC 7518, RFC 8037)."""


class KeySetError(Exception):
    """A JWK set cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str | None
    algorithm: str | None
    """The only one it may be used for, where it says so."""
    members: Mapping[str, str]

    def fits(self, kid: str | None, algorithm: str) -> bool:
        is_named = kid is None or self.kid == kid
        kind = self.members["kty"], self.members.get("crv")
        return is_named and self.algorithm in (None, algorithm) and kind == _ALGORITHMS[algorithm]


class KeySet:
    """The public keys of a provider."""

    __slots__ = ("_keys",)

    def __init__(self, keys: tuple[_Key, ...]) -> None:
        """Take the keys that can verify."""
        self._keys = keys

    def has(self, kid: str | None) -> bool:
        """Return whether a key of that name is in it; every set has a key without a name."""
        return kid is None or any(key.kid == kid for key in self._keys)

    def verified(self, token: "UnprovenToken") -> bytes:
        """Return the payload that one of the keys signed.

        Raises AuthenticationFailed (InvalidIdentityToken).
        """
        fitting = [key for key in self._keys if key.fits(token.kid, token.algorithm)]
        for key in fitting[:_TRIED_MAX]:
            try:
                decoded = _JWS.decode_complete(
                    token.text,
                    PyJWK(dict(key.members), algorithm=token.algorithm),
                    algorithms=[token.algorithm],
                    options={"verify_signature": True, "enforce_minimum_key_length": True},
                )
            except PyJWTError:
                continue
            payload: bytes = decoded["payload"]
            return payload
        raise _invalid("Couldn't retrieve verification key from your identity provider")


@dataclass(frozen=True, slots=True)
class UnprovenToken:
    """What a token says of itself; nothing of it is proven."""

    text: str
    algorithm: str
    kid: str | None
    issuer: str


_JWS: Final = PyJWS()


def parse_key_set(document: bytes) -> KeySet:
    """Return the keys of a JWK set (RFC 7517 5) that can verify; others are passed over.

    Raises KeySetError where it is none, or nothing in it can be used.
    """
    try:
        entries = json.loads(document)["keys"]
        keys = [key for entry in entries[:KEYS_MAX] if (key := _find_key(entry)) is not None]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeySetError("it is no JWK set: an object with a list of keys") from None
    if not keys:
        raise KeySetError("no key in it can verify a signature (RSA, EC or Ed25519)")
    return KeySet(tuple(keys))


def _find_key(entry: Any) -> _Key | None:  # noqa: ANN401 - JSON of others
    """Return a key's public part, or None for what is no key to verify with."""
    kind = entry.get("kty") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in _MEMBERS or entry.get("use", "sig") != "sig":
        return None
    members = {name: entry.get(name) for name in _MEMBERS[kind]}
    if any(not isinstance(one, str) or len(one) > _MEMBER_LETTERS_MAX for one in members.values()):
        return None
    kid, algorithm = entry.get("kid"), entry.get("alg")
    return _Key(
        kid if isinstance(kid, str) else None,
        algorithm if isinstance(algorithm, str) else None,
        members,
    )


def read_token(text: str) -> UnprovenToken:
    """Return what a token says of itself; raises AuthenticationFailed (InvalidIdentityToken)."""
    try:
        unproven = _JWS.decode_complete(text, options={"verify_signature": False})
    except (PyJWTError, ValueError):
        raise _invalid("The ID token provided is not a valid JWT") from None
    header, claims = unproven["header"], _claims(unproven["payload"])
    algorithm, kid, issuer = header.get("alg"), header.get("kid"), claims.get("iss")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise _invalid("The token's signature algorithm is not supported")
    if not isinstance(issuer, str) or not isinstance(kid, str | None):
        raise _invalid("The token names no issuer")
    return UnprovenToken(text, algorithm, kid, issuer)


def read_identity(
    payload: bytes, issuer: str, audiences: frozenset[str], now_seconds: float
) -> WebIdentity:
    """Return whom a proven payload of `issuer` speaks of, at this moment.

    Raises AuthenticationFailed: ExpiredTokenException, else InvalidIdentityToken.
    """
    claims = _claims(payload)
    if claims.get("iss") != issuer:
        raise _invalid("The token is of another issuer")
    _check_time(claims, now_seconds)
    accepted = tuple(sorted(_texts(claims.get("aud")) & audiences))
    if not accepted:
        raise _invalid("Incorrect token audience")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or not subject.isprintable():
        raise _invalid("The token has no sub claim, or one that cannot be shown")
    if len(subject) > SUBJECT_LETTERS_MAX:
        raise _invalid(f"The token's sub claim has more than {SUBJECT_LETTERS_MAX} letters")
    return WebIdentity(issuer, subject, accepted)


def _check_time(claims: Mapping[str, Any], now_seconds: float) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    begins = _moment(claims, "nbf") if "nbf" in claims else issued
    if now_seconds >= expires + LEEWAY_SECONDS:
        raise AuthenticationFailed("Token expired", code="ExpiredTokenException")
    if max(issued, begins) > now_seconds + LEEWAY_SECONDS:
        raise _invalid("The token is not valid yet")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 2)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:  # noqa: PLR2004 - year 33658, and no NaN
        raise _invalid(f"The token's {name} claim is missing or no number")
    return float(value)


def _texts(value: object) -> set[str]:
    listed = value if isinstance(value, list) else [value]
    return {one for one in listed if isinstance(one, str)}


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise _invalid("The token's claims are no JSON object")
    return claims


def _invalid(sentence: str) -> AuthenticationFailed:
    return AuthenticationFailed(sentence, code="InvalidIdentityToken")
