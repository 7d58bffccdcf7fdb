"""What a request may do, whoever grants it: one policy, or several that must each allow (pure).

IAM judges temporary credentials by the policies of who they stand for *and* by the session's own:
an explicit Deny in either wins, and what one of them does not allow is denied.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from typing import Final, Protocol

from gateway.access.policy import Decision
from gateway.access.request_context import NOTHING_KNOWN, RequestContext


class Rights(Protocol):
    """What judges a request."""

    @property
    def keys(self) -> frozenset[str]:
        """Return the condition keys that it asks a request for, in lower case."""

    def decide(
        self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN
    ) -> Decision:
        """Return whether `action` on `resource` is allowed in a request, and what decided."""

    def allows(self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN) -> bool:
        """Return whether `action` on `resource` is allowed in a request."""


_NOBODY: Final = Decision(is_allowed=False, statement="")


class Intersection:
    """Rights of which each must allow."""

    __slots__ = ("keys", "parts")

    def __init__(self, *parts: Rights) -> None:
        """Take the parts; none at all allow nothing."""
        self.parts = parts
        self.keys = frozenset[str]().union(*(part.keys for part in parts))

    def decide(
        self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN
    ) -> Decision:
        """Return the outcome; of several denials one that a statement makes is told."""
        decisions = [part.decide(action, resource, context) for part in self.parts]
        denials = [one for one in decisions if not one.is_allowed]
        if denials:
            return next((one for one in denials if one.statement), denials[0])
        return decisions[0] if decisions else _NOBODY

    def allows(self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN) -> bool:
        """Return whether every part allows."""
        return bool(self.parts) and all(
            part.allows(action, resource, context) for part in self.parts
        )
