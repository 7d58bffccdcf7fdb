"""GETDELEGATIONTOKEN, RENEWDELEGATIONTOKEN, CANCELDELEGATIONTOKEN, each in the audit log."""

import asyncio
from functools import partial
from typing import Final

from gateway.access.authentication import Authentication
from gateway.access.authorization import Asked, Authorization
from gateway.access.policy import Decision
from gateway.doors.webhdfs.authentication import Proofs, Who
from gateway.model.failures import AccessDenied
from gateway.protocol.webhdfs.tokens import KIND, KIND_TLS

_GIVE: Final = "sts:GetSessionToken"
"""As whoever asks STS for credentials of their own is told of."""
_RENEW: Final = "forebay:RenewDelegationToken"
_CANCEL: Final = "forebay:CancelDelegationToken"
_ITSELF: Final = Decision(is_allowed=True, statement="everybody may stand for themselves")
_LENT: Final = Decision(
    is_allowed=False,
    statement="A delegation token is given to an identity that shows its own credentials.",
)


class Delegation:
    """Answers the three operations; the state is written in a thread, since it waits for a disk."""

    def __init__(
        self, authentication: Authentication, authorization: Authorization, proofs: Proofs
    ) -> None:
        """Take who knows the identities, who tells the audit log, and what proves somebody."""
        self._authentication = authentication
        self._authorization = authorization
        self._proofs, self._tokens = proofs, proofs.tokens

    async def get(self, who: Who, asked: Asked, *, renewer: str | None, service: str | None) -> str:
        """Return a token that stands for who asks, as Hadoop writes it (`urlString`).

        Raises AccessDenied to a token, a session and nobody; NotSupported without a key.
        """
        _refuse_token(who, "issued")
        identity = self._authentication.identities.find(who.principal.access_key)
        is_own = identity is not None and who.principal.session is None
        self._require(_ITSELF if is_own else _LENT, who, _GIVE, asked)
        renewed_by = who.user if renewer is None else renewer
        kind = KIND_TLS if asked.head.secure else KIND
        give = partial(
            self._tokens.give, trusted_from=who.trusted_from, kind=kind, service=service or ""
        )
        return await asyncio.to_thread(give, who.principal, who.user, renewed_by, identity)

    async def renew(self, who: Who, asked: Asked, token: str) -> int:
        """Return until when the token holds now, in milliseconds since 1970.

        Raises AuthenticationFailed (InvalidToken), AccessDenied to anybody but its renewer.
        """
        _refuse_token(who, "renewed")
        lent = self._proofs.trusted(self._tokens.open(token))
        self._require(lent.may_be_renewed_by(who.user), who, _RENEW, asked)
        return await asyncio.to_thread(self._tokens.renew, lent)

    async def cancel(self, who: Who, asked: Asked, token: str) -> None:
        """Make the token void at every worker; raises as `renew`, to all but owner and renewer."""
        lent = self._tokens.open(token)
        self._require(lent.may_be_cancelled_by(who.user), who, _CANCEL, asked)
        await asyncio.to_thread(self._tokens.cancel, lent)

    def _require(self, decision: Decision, who: Who, action: str, asked: Asked) -> None:
        """Tell the audit log of a judgement; raise AccessDenied where it is a denial."""
        name, key = who.principal.name, who.principal.access_key
        self._authorization.note(decision, f"token/{who.user}", (name, key), action, asked)
        if not decision.is_allowed:
            raise AccessDenied(decision.statement)


def _refuse_token(who: Who, what: str) -> None:
    if who.token is not None:
        raise AccessDenied(
            f"Delegation Token can be {what} only with kerberos or web authentication"
        )
