"""Delegation tokens as Hadoop writes them: an identifier, its proof, and both as one text (pure).

Hadoop's clients read the identifier (to show it, and to know who renews it) and give the text back
as it is, so the form is Hadoop's own: Writables with variable-length numbers
(org.apache.hadoop.io.WritableUtils), a DelegationTokenIdentifier in a Token, as base64 for URLs
without padding (Token.encodeToUrlString). The tests hold what Hadoop's classes wrote.
"""

import binascii
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final

from gateway.model.failures import AuthenticationFailed

KIND: Final = "WEBHDFS delegation"
KIND_TLS: Final = "SWEBHDFS delegation"
"""Of tokens that were asked for over TLS; by it clients find who renews them."""
TOKEN_LETTERS_MAX: Final = 4096
_VERSION: Final = 0
_INT_BITS, _LONG_BITS = 32, 64


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a token says of itself; moments are milliseconds since 1970."""

    owner: str
    renewer: str
    real_user: str
    issue_ms: int
    max_ms: int
    sequence: int
    key_number: int

    def encoded(self) -> bytes:
        """Return the bytes of Hadoop's DelegationTokenIdentifier; they are what is proven."""
        return b"".join(
            (
                bytes([_VERSION]),
                *(_text(one) for one in (self.owner, self.renewer, self.real_user)),
                *(encode_number(one) for one in (self.issue_ms, self.max_ms)),
                *(encode_number(one) for one in (self.sequence, self.key_number)),
            )
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A whole token; the kind and the service are the client's to change."""

    identifier: bytes
    password: bytes = field(repr=False)
    kind: str = KIND
    service: str = ""

    def encoded(self) -> str:
        """Return the text that clients keep: Hadoop's Token.encodeToUrlString."""
        raw = b"".join(map(_block, (self.identifier, self.password)))
        raw += _text(self.kind) + _text(self.service)
        return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_token(text: str) -> Token:
    """Return the token of a text; raises AuthenticationFailed (InvalidToken) where it is none."""
    if len(text) > TOKEN_LETTERS_MAX or not text.isascii():
        raise invalid_token()
    bare = text.rstrip("=")
    try:
        raw = b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid_token() from None
    reader = _Reader(raw)
    token = Token(reader.block(), reader.block(), reader.text(), reader.text())
    reader.end()
    return token


def decode_identifier(raw: bytes) -> Identifier:
    """Return what a token's identifier says; raises AuthenticationFailed (InvalidToken)."""
    reader = _Reader(raw)
    if reader.piece(1)[0] != _VERSION:
        raise invalid_token()
    identifier = Identifier(
        owner=reader.text(),
        renewer=reader.text(),
        real_user=reader.text(),
        issue_ms=reader.number(_LONG_BITS),
        max_ms=reader.number(_LONG_BITS),
        sequence=reader.number(_INT_BITS),
        key_number=reader.number(_INT_BITS),
    )
    reader.end()
    return identifier


def encode_number(number: int) -> bytes:
    """Return a number as WritableUtils.writeVLong does: one byte for the small ones.

    Of others the first byte tells the sign and how many follow.
    """
    if -112 <= number <= 127:  # noqa: PLR2004 - Hadoop's own bounds
        return bytes([number & 0xFF])
    positive = number if number >= 0 else ~number
    width = (positive.bit_length() + 7) // 8
    first = (-112 if number >= 0 else -120) - width
    return bytes([first & 0xFF]) + positive.to_bytes(width, "big")


def invalid_token(sentence: str = "The delegation token cannot be read.") -> AuthenticationFailed:
    """Return the failure of a token that is none, or no more."""
    return AuthenticationFailed(sentence, code="InvalidToken")


def _text(text: str) -> bytes:
    return _block(text.encode())


def _block(raw: bytes) -> bytes:
    return encode_number(len(raw)) + raw


class _Reader:
    """Takes bytes apart; whatever is not there makes the token none."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def piece(self, length: int) -> bytes:
        if not 0 <= length <= len(self._raw) - self._at:
            raise invalid_token()
        self._at += length
        return self._raw[self._at - length : self._at]

    def number(self, bits: int) -> int:
        first = int.from_bytes(self.piece(1), "big", signed=True)
        if first >= -112:  # noqa: PLR2004 - Hadoop's own bounds
            return first
        is_negative = first < -120  # noqa: PLR2004 - likewise
        width = -(first + 120) if is_negative else -(first + 112)
        number = int.from_bytes(self.piece(width), "big")
        if number >= 1 << (bits - 1):
            raise invalid_token()
        return ~number if is_negative else number

    def block(self) -> bytes:
        return self.piece(self.number(_INT_BITS))

    def text(self) -> str:
        try:
            return self.block().decode("utf-8")
        except UnicodeDecodeError:
            raise invalid_token() from None

    def end(self) -> None:
        if self._at != len(self._raw):
            raise invalid_token()
