"""Who speaks at the origin: Forebay itself, an identity with keys of its own, or nobody (pure).

The origin's ACLs and policies judge whoever signs. What it told one voice (a confirmation, the
headers of an object) is never taken for an answer to another; the bytes of a version are one.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import digest
from typing import Final

_MARK_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key with its secret; the secret is kept out of every repr."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Voice:
    """One who speaks; two voices are the same where their marks are."""

    mark: str
    """What tells it from others, in memory and on flash; '' is Forebay itself. Made of keys by
    HMAC, so that it tells nothing of a secret."""
    keys: Keys | None = field(default=None, repr=False, compare=False)
    """Its own keys; None: the origin's settings have them, or nothing is signed."""
    is_signed: bool = field(default=True, compare=False)
    site: str = field(default="", compare=False)
    """The web site (`Origin`) on whose behalf a browser asks; the answer is for it alone."""

    @property
    def is_forebay(self) -> bool:
        """Return whether Forebay speaks for itself."""
        return not self.mark

    def on_behalf_of(self, site: str, method: str) -> "Voice":
        """Return this voice as it speaks for a web site; '' is none.

        What a bucket allows a site (CORS) depends on the request's method.
        """
        if not site:
            return self
        told = sha256(f"{self.mark}\n{method}\n{site}".encode("utf-8", "surrogateescape"))
        return replace(self, mark=told.hexdigest()[:_MARK_DIGITS], site=site)


FOREBAY: Final = Voice("")
"""Forebay in its own name: who has no keys of their own there."""

UNSIGNED: Final = Voice("unsigned", is_signed=False)
"""Nobody: the origin judges by what it allows everyone."""


def own_voice(keys: Keys) -> Voice:
    """Return the voice of who has these keys at the origin."""
    told = "\n".join((keys.access_key, keys.session_token or ""))
    mark = digest(keys.secret_key.encode(), told.encode(), "sha256").hex()
    return Voice(mark[:_MARK_DIGITS], keys)
