"""HTTP Basic: a name and a secret in a header (RFC 7617; pure)."""

import binascii
from base64 import b64decode
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.head import RequestHead

CHALLENGE: Final = 'Basic realm="Forebay", charset="UTF-8"'
"""What a 401 says that would take it."""
_LETTERS_MAX: Final = 4096
_SCHEME: Final = "basic"


class Pair(NamedTuple):
    """What the header holds; nothing of it is proven."""

    name: str
    secret: str

    def __repr__(self) -> str:
        """Return it without the secret."""
        return f"Pair(name={self.name!r})"


def has_basic(head: RequestHead) -> bool:
    """Return whether the request has the header, whatever is in it."""
    return _split(head)[0] == _SCHEME


def read_basic(head: RequestHead) -> Pair | None:
    """Return the pair of a request, or None where it has no such header.

    Raises InvalidRequest where the header cannot be read.
    """
    scheme, text = _split(head)
    if scheme != _SCHEME:
        return None
    name, colon, secret = "", "", ""
    with suppress(binascii.Error, ValueError):  # UnicodeDecodeError is one
        text = text if len(text) <= _LETTERS_MAX else ""
        name, colon, secret = b64decode(text, validate=True).decode("utf-8").partition(":")
    if not colon:
        raise InvalidRequest(
            "The Authorization header is no HTTP Basic: base64 of ACCESS_KEY:SECRET_KEY.",
            code="AuthorizationHeaderMalformed",
        )
    return Pair(name, secret)


def _split(head: RequestHead) -> tuple[str, str]:
    scheme, _, text = head.headers.get("Authorization", "").strip().partition(" ")
    return scheme.lower(), text.strip()
