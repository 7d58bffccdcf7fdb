"""A delegation token as the state keeps it, and its row (pure).

The row is what makes a token good: without it the finest proof is worth nothing, so that a token
which was cancelled anywhere is void everywhere.
"""

import json
from dataclasses import asdict, dataclass

from gateway.access.policy import Decision
from gateway.protocol.webhdfs.tokens import Identifier


@dataclass(frozen=True, slots=True)
class LentToken:
    """What an identity lent to its jobs, whom they may say they are, and until when."""

    sequence: int
    user: str
    """Whom its bearer is, as owners are written."""
    renewer: str
    """Who may renew it, by the short name of a user; '' is nobody."""
    identity: str
    identity_key: str
    secret_mark: str
    issued_us: int
    max_ms: int
    """Milliseconds since 1970 from which nothing renews it."""
    expires_ms: int
    """From which it is void, unless it is renewed before."""
    trusted_from: str = ""
    """The address of whom a trust believed to be its user; '' where credentials were shown."""

    def identifier(self, key_number: int) -> Identifier:
        """Return what the token says of itself."""
        return Identifier(
            owner=self.user,
            renewer=self.renewer,
            real_user="",
            issue_ms=self.issued_us // 1000,
            max_ms=self.max_ms,
            sequence=self.sequence,
            key_number=key_number,
        )

    def may_be_renewed_by(self, user: str) -> Decision:
        """Return whether a user may renew it: its renewer alone, as in Hadoop."""
        if self.renewer and user == self.renewer:
            return Decision(is_allowed=True, statement="it is the token's renewer")
        named = f"with the renewer {self.renewer}" if self.renewer else "without a renewer"
        return Decision(is_allowed=False, statement=f"{user} tries to renew a token {named}")

    def may_be_cancelled_by(self, user: str) -> Decision:
        """Return whether a user may cancel it: its owner and its renewer."""
        if user in (self.user, self.renewer):
            return Decision(is_allowed=True, statement="it is the token's owner or renewer")
        return Decision(
            is_allowed=False,
            statement=f"{user} is not authorized to cancel the token of {self.user}",
        )

    def row(self) -> bytes:
        """Return it as the state keeps it."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()


def row_key(sequence: int) -> bytes:
    """Return the key of a token's row: in the order in which they were given."""
    return sequence.to_bytes(8, "big")


def decode_lent(row: bytes) -> LentToken:
    """Return the token of a row."""
    return LentToken(**json.loads(row))


def short_name(principal: str) -> str:
    """Return the user of a Kerberos name, `yarn` of `yarn/host@REALM`; of another name itself."""
    return principal.partition("@")[0].partition("/")[0]
