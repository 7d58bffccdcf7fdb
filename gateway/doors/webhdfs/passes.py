"""Passes: that somebody was proven, sealed for one use and some seconds.

The second step of a CREATE goes to the URL that the first step's answer names, and Hadoop's client
sends no credentials there but what stands in the URL. So the URL holds a pass: good for that
operation on that path, at every worker, for two minutes. It is no right by itself: whom it names is
looked up as they are now, and a token that it was given for must still be good.
"""

import binascii
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from gateway.model.failures import AuthenticationFailed
from gateway.state.sealing import Sealer, SealError

PURPOSE: Final = "webhdfs passes"
"""What the sealer of passes is made for."""
STEP_SECONDS: Final = 120
"""How long the second step may begin after the first was answered."""
LETTERS_MAX: Final = 16 * 1024
"""A pass may hold a session's token, which has up to 8 KiB."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Whom a pass names; as `access/sessions.Lent` wants it."""

    user: str
    identity: str
    identity_key: str
    """'' is who signs nothing."""
    secret_mark: str
    issued_us: int
    session_token: str | None = None
    token_sequence: int | None = None
    """The delegation token that proved them, where it was one."""


class Passes:
    """Seals passes and opens them; keeps nothing. `sealer` is replaced on reload."""

    def __init__(self, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        """Take what seals, by a key that every worker has, and a clock of aware moments."""
        self.sealer = sealer
        self.now = clock

    def seal(self, passed: Passed, use: str, seconds: int) -> str:
        """Return a pass that is good for one use (an operation and its path) and some seconds."""
        plain = json.dumps([self._now_seconds() + seconds, asdict(passed)], separators=(",", ":"))
        return urlsafe_b64encode(self.sealer.seal(plain.encode(), use)).rstrip(b"=").decode()

    def open(self, text: str, use: str) -> Passed:
        """Return whom a pass names; raises AuthenticationFailed (InvalidToken)."""
        if len(text) > LETTERS_MAX or not text.isascii():
            raise _invalid()
        try:
            sealed = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            expires, passed = json.loads(self.sealer.open(sealed, use))
        except (binascii.Error, ValueError, SealError):
            raise _invalid() from None
        if self._now_seconds() >= expires:
            raise AuthenticationFailed(
                "The URL of the second step has expired: begin anew.", code="InvalidToken"
            )
        return Passed(**passed)

    def _now_seconds(self) -> float:
        return self.now().timestamp()


def step_use(operation: str, path: str) -> str:
    """Return the use of a pass for an operation's second step; `path` is decoded."""
    return f"{operation.upper()} {path}"


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The URL of the second step is not one of this Forebay's, or was changed.",
        code="InvalidToken",
    )
