"""What a session may do now: its token opened, its time judged, its parent looked up again.

A token is proof of what was granted, not of what still holds. So each use asks who the session
stands for as they are today: whoever was removed, renewed or is no longer trusted takes all their
sessions along, from the next request on, on every worker that was told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from gateway.access.identities import Identity, KnownIdentities, secret_mark
from gateway.access.policy import Policy, compile_policy
from gateway.access.policy_refusals import PolicyError
from gateway.access.rights import Intersection, Rights
from gateway.access.roles import Roles
from gateway.access.session_tokens import Session, SessionTokens
from gateway.model.failures import AuthenticationFailed
from gateway.model.rates import UNLIMITED, Allowance
from gateway.model.voices import Voice

OPENED_MAX: Final = 512
"""Sessions whose token and policy are remembered, taken apart; only what was sealed by us is."""
_PROSPECTS_MAX: Final = 256
"""Remembered pairs of action and resource for each session policy: there may be many of them."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session, and its own policy compiled."""

    session: Session
    policy: Policy | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whom a session stands for now."""

    name: str
    """As logs show it: the identity, or `role/session`."""
    rights: Rights
    voice: Voice
    """Who asks the origin: the identity's own voice, or the role's."""
    allowance: Allowance = UNLIMITED
    """How much of what the identity may use; a web identity has no bound."""
    groups: tuple[str, ...] = ()
    """The identity's own, or the role's."""


class Sessions:
    """Opens tokens and judges what they still stand for."""

    def __init__(self, tokens: SessionTokens) -> None:
        """Take what opens tokens."""

        @lru_cache(maxsize=OPENED_MAX)
        def opened(access_key: str, token: str) -> OpenedSession:
            session = tokens.open(access_key, token)
            try:
                return OpenedSession(session, compile_session_policy(session.policy))
            except PolicyError:  # what an older Forebay understood, this one cannot judge
                raise _gone() from None

        self.open: Callable[[str, str], OpenedSession] = opened


def compile_session_policy(text: str) -> Policy | None:
    """Return a session's policy, or None where it has none; raises PolicyError."""
    if not text:
        return None
    if not text.lstrip().startswith("{"):
        raise PolicyError("a session policy is a JSON document")
    return compile_policy(text, "session policy, ", prospects_max=_PROSPECTS_MAX)


def standing_of(
    opened: OpenedSession, identities: KnownIdentities, roles: Roles, now_seconds: float
) -> Standing:
    """Return whom a session stands for at this moment and what it may do.

    Raises AuthenticationFailed: ExpiredToken from the second on that it names, InvalidAccessKeyId
    where its identity, its role or the trust between them is no more.
    """
    session = opened.session
    if now_seconds >= session.expires:
        raise AuthenticationFailed("The provided token has expired.", code="ExpiredToken")
    caller = None if session.web is not None else lender_of(session, identities)
    if not session.role:
        if caller is None:
            raise _gone()
        name, policy, voice, groups = caller.name, caller.policy, caller.voice, caller.groups
    else:
        role = roles.find(session.role)
        if role is None or not role.trusts(session.web or session.identity):
            raise _gone()
        name, policy = f"{role.name}/{session.name}", role.policy
        voice, groups = role.voice, role.groups
    rights = policy if opened.policy is None else Intersection(policy, opened.policy)
    allowance = UNLIMITED if caller is None else caller.allowance
    return Standing(name, rights, voice, allowance, groups)


class Lent(Protocol):
    """Something that an identity was given: a session, a delegation token."""

    @property
    def identity(self) -> str:
        """Return the name of whom it was given to."""
        ...

    @property
    def identity_key(self) -> str:
        """Return the access key that they had."""
        ...

    @property
    def secret_mark(self) -> str:
        """Return the mark of the secret that they had."""
        ...

    @property
    def issued_us(self) -> int:
        """Return when that was, in microseconds since 1970."""
        ...


def lender_of(lent: Lent, identities: KnownIdentities) -> Identity:
    """Return whom it was given to, if the keys that they had still are theirs.

    Raises AuthenticationFailed (InvalidAccessKeyId) where they were removed, disabled or renewed
    since, whatever they are today.
    """
    identity = identities.find(lent.identity_key)
    if identity is None or identity.name != lent.identity:
        raise _gone()
    if lent.secret_mark != secret_mark(identity.secret_key):
        raise _gone()
    void_before = identity.sessions_from
    if void_before is not None and lent.issued_us < void_before.timestamp() * 1_000_000:
        raise _gone()
    return identity


def _gone() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The AWS Access Key Id you provided does not exist in our records.",
        code="InvalidAccessKeyId",
    )
