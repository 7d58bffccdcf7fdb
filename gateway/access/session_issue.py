"""Giving temporary credentials: to an identity, in its own name or in that of a role it may play.

A role's trust that names the identity suffices, as it does at AWS within one account; an explicit
Deny of `sts:AssumeRole` on the role, in the identity's own policy, wins all the same. Sessions make
no sessions: what was lent is not lent on.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html
"""

import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.access.authentication import Authentication, Principal
from gateway.access.identities import secret_mark
from gateway.access.policy import Decision
from gateway.access.policy_refusals import PolicyError
from gateway.access.request_context import RequestContext
from gateway.access.roles import Role, WebIdentity
from gateway.access.session_tokens import Session
from gateway.access.sessions import compile_session_policy
from gateway.model.failures import AccessDenied, InvalidRequest

ACCESS_KEY_PREFIX: Final = "FBSK"
"""What the access keys of sessions begin with, so that people and scanners know them."""
ROLE_SECONDS_DEFAULT: Final = 3600
_UNTRUSTED: Final = Decision(is_allowed=False, statement="the role does not trust it")
_KEY_BYTES, _SECRET_BYTES = 15, 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asks for besides the role."""

    name: str
    """The session's name."""
    seconds: int | None
    policy: str


@dataclass(frozen=True, slots=True)
class Issued:
    """Temporary credentials, complete."""

    session: Session
    token: str
    packed_percent: int


class Issuing:
    """Gives sessions; keeps nothing of them."""

    def __init__(self, authentication: Authentication, clock: Callable[[], datetime]) -> None:
        """Take who will open the tokens, and a clock that tells aware moments."""
        self._authentication = authentication
        self._clock = clock

    def session_of(self, caller: Principal, seconds: int) -> Issued:
        """Return credentials that stand for the caller itself; raises AccessDenied to a session."""
        if caller.session is not None:
            raise AccessDenied("Cannot call GetSessionToken with session credentials")
        return self._issue(caller, "", Wanted("", seconds, ""), seconds)

    def role_session(self, caller: Principal | WebIdentity, role: Role, wanted: Wanted) -> Issued:
        """Return credentials of a role that the caller was judged to play.

        Raises InvalidRequest (ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge).
        """
        return self._issue(caller, role.name, wanted, _seconds(role, wanted.seconds))

    def _issue(
        self, caller: Principal | WebIdentity, role: str, wanted: Wanted, seconds: int
    ) -> Issued:
        _check_policy(wanted.policy)
        now = self._clock()
        web = caller if isinstance(caller, WebIdentity) else None
        who = ("", "") if isinstance(caller, WebIdentity) else (caller.name, caller.access_key)
        session = Session(
            access_key=ACCESS_KEY_PREFIX + b32encode(secrets.token_bytes(_KEY_BYTES)).decode(),
            secret_key=secrets.token_urlsafe(_SECRET_BYTES),
            issued_us=int(now.timestamp() * 1_000_000),
            expires=int(now.timestamp()) + seconds,
            identity=who[0],
            identity_key=who[1],
            role=role,
            name=wanted.name,
            web=web,
            policy=wanted.policy,
            secret_mark=self._mark(who[1]),
        )
        token, percent = self._authentication.tokens.seal(session)
        return Issued(session, token, percent)

    def _mark(self, access_key: str) -> str:
        """Return the mark of the caller's secret; '' where nobody signed with one."""
        identity = self._authentication.identities.find(access_key) if access_key else None
        return secret_mark(identity.secret_key) if identity is not None else ""


def judge_role(
    caller: Principal | WebIdentity, role: Role | None, context: RequestContext
) -> Decision:
    """Return whether the caller may play the role, and what decided."""
    if role is None:
        return Decision(is_allowed=False, statement="there is no such role")
    by_trust = Decision(is_allowed=True, statement=f"the role {role.name} trusts it")
    if isinstance(caller, WebIdentity):
        return by_trust if role.trusts(caller) else _UNTRUSTED
    if caller.session is not None:
        return Decision(is_allowed=False, statement="sessions play no roles")
    if not role.trusts(caller.name):
        return _UNTRUSTED
    own = caller.policy.decide("sts:AssumeRole", role.arn, context)
    # That nothing allows it is no matter, the role does; a Deny that speaks of it is one.
    return own if not own.is_allowed and own.statement else by_trust


def _seconds(role: Role, asked: int | None) -> int:
    if asked is None:
        return min(ROLE_SECONDS_DEFAULT, role.session_seconds_max)
    if asked > role.session_seconds_max:
        raise InvalidRequest(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            code="ValidationError",
        )
    return asked


def _check_policy(text: str) -> None:
    """Raise InvalidRequest (MalformedPolicyDocument) for a policy that cannot be judged."""
    try:
        compile_session_policy(text)
    except PolicyError as error:
        raise InvalidRequest(str(error), code="MalformedPolicyDocument") from None
