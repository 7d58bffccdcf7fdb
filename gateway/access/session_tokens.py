"""Session tokens: all that temporary credentials are, sealed, so that nothing need be kept.

Every worker holds the key (`state.key_file`), so that a token one of them made is good at all of
them at once, and after a restart. A token is bound to its access key: with another it does not
open. What it stands for is looked up anew at each use (sessions.py); the token alone is no right.
"""

import binascii
import json
import zlib
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final

from gateway.access.roles import WebIdentity
from gateway.model.failures import AuthenticationFailed, InvalidRequest, NotSupported
from gateway.state.sealing import Sealer, SealError

PURPOSE: Final = "sessions"
"""What the sealer of tokens is made for."""
TOKEN_LETTERS_MAX: Final = 8192
PACKED_BYTES_MAX: Final = 2048
"""Of a document, packed: what a header and a presigned URL carry without trouble."""

_FORM: Final = 2
_PLAIN, _DEFLATED = b"p", b"z"
_PLAIN_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials, and whom they stand for."""

    access_key: str
    secret_key: str = field(repr=False)
    issued_us: int
    """Microseconds since 1970."""
    expires: int
    """Seconds since 1970: from this one on it is void."""
    identity: str
    """The name of who asked for it; '' for a web identity."""
    identity_key: str
    """The access key that it was asked for with."""
    role: str
    """The role that is played; '' where the identity remains itself."""
    name: str
    """The session's own name; '' likewise."""
    web: WebIdentity | None
    policy: str
    """The session policy, as it was sent; '' where there is none."""
    secret_mark: str = ""
    """The mark of the secret that it was asked for with (identities.secret_mark)."""


class SessionTokens:
    """Makes tokens and opens them; keeps nothing."""

    def __init__(self, sealer: Sealer | None) -> None:
        """Take the sealer; without one no token can be made, and none is good."""
        self._sealer = sealer

    def seal(self, session: Session) -> tuple[str, int]:
        """Return the token, and how much of its bound the document takes, in percent.

        Raises NotSupported without a key, InvalidRequest (PackedPolicyTooLarge) beyond the bound.
        """
        if self._sealer is None:
            raise NotSupported(
                "Temporary credentials are sealed with a key, and this Forebay has none: its "
                "operator should set state.key_file (or state.key)."
            )
        packed = _pack(session)
        percent = -(-100 * len(packed) // PACKED_BYTES_MAX)
        if len(packed) > PACKED_BYTES_MAX:
            raise InvalidRequest(
                f"Packed size of session policy consumes {percent}% of allotted space.",
                code="PackedPolicyTooLarge",
            )
        sealed = self._sealer.seal(packed, session.access_key)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode(), percent

    def open(self, access_key: str, token: str) -> Session:
        """Return the session of a token; raises AuthenticationFailed (InvalidToken)."""
        try:
            if self._sealer is None:
                raise _invalid()
            return _unpack(access_key, self._sealer.open(_decoded(token), access_key))
        except SealError:
            raise _invalid() from None


def _decoded(token: str) -> bytes:
    """Return the bytes of a token that is spelt as it was made, and no other way."""
    if len(token) > TOKEN_LETTERS_MAX or not token.isascii():
        raise _invalid()
    try:
        sealed = b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:
        raise _invalid()
    return sealed


def _pack(session: Session) -> bytes:
    web = session.web
    document = [
        _FORM,
        session.secret_key,
        session.issued_us,
        session.expires,
        session.identity,
        session.identity_key,
        session.role,
        session.name,
        None if web is None else [web.issuer, web.subject, list(web.audiences)],
        session.policy,
        session.secret_mark,
    ]
    plain = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    deflated = zlib.compress(plain, 9)
    if len(deflated) < len(plain):
        return _DEFLATED + deflated
    return _PLAIN + plain


def _unpack(access_key: str, packed: bytes) -> Session:
    """Return what `_pack` wrote, in this form or none: an older Forebay's is asked for anew."""
    plain = packed[1:]
    if packed.startswith(_DEFLATED):
        plain = zlib.decompressobj().decompress(plain, _PLAIN_BYTES_MAX)
    form, *fields = json.loads(plain)
    if form != _FORM:
        raise _invalid()
    secret, issued_us, expires, identity, identity_key, role, name, web, policy, mark = fields
    return Session(
        access_key=access_key,
        secret_key=secret,
        issued_us=issued_us,
        expires=expires,
        identity=identity,
        identity_key=identity_key,
        role=role,
        name=name,
        web=None if web is None else WebIdentity(web[0], web[1], tuple(web[2])),
        policy=policy,
        secret_mark=mark,
    )


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The provided token is malformed or otherwise invalid.", code="InvalidToken"
    )
