"""Roles: what may be done for a while, and whom they trust to do it; replaced whole on reload."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.access.policy import Policy
from gateway.access.policy_parsing import ROLE_PREFIX
from gateway.model.voices import FOREBAY, Voice


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Who an OIDC provider says it is: the proven claims that roles trust by."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    """Those of the token that its provider's may be for."""


@dataclass(frozen=True, slots=True)
class WebTrust:
    """Which subjects of an OIDC provider play a role."""

    issuer: str
    audiences: frozenset[str]
    subjects: re.Pattern[str]

    def admits(self, web: WebIdentity) -> bool:
        """Return whether all three claims are those that are trusted."""
        return (
            web.issuer == self.issuer
            and not self.audiences.isdisjoint(web.audiences)
            and self.subjects.fullmatch(web.subject) is not None
        )


@dataclass(frozen=True, slots=True)
class Role:
    """A name, what it may do, and who may play it for how long."""

    name: str
    policy: Policy
    identities: frozenset[str]
    """The names of those that it trusts."""
    web: WebTrust | None
    session_seconds_max: int
    voice: Voice = FOREBAY
    """Who asks the origin for its sessions, whoever plays it."""
    groups: tuple[str, ...] = ()
    """Those that its sessions are in, by name, for the modes of files."""

    @property
    def arn(self) -> str:
        """Return what `sts:AssumeRole` is judged on."""
        return ROLE_PREFIX + self.name

    def trusts(self, caller: str | WebIdentity) -> bool:
        """Return whether an identity, by its name, or a web identity may play it."""
        if isinstance(caller, WebIdentity):
            return self.web is not None and self.web.admits(caller)
        return caller in self.identities


class Roles:
    """The roles of one reading of the settings."""

    __slots__ = ("_by_name",)

    def __init__(self, roles: Iterable[Role] = ()) -> None:
        """Keep the roles by name; settings refuse twins."""
        self._by_name = {role.name: role for role in roles}

    def find(self, name: str) -> Role | None:
        """Return the role of that name, if there is one."""
        return self._by_name.get(name)
