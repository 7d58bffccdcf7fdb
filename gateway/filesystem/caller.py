"""Who asks something of a tree: for policies, modes, the audit log and the origin."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.access.authentication import Principal
from gateway.access.authorization import Asked
from gateway.core.receipt import Receipt
from gateway.model.voices import Voice


@dataclass(frozen=True, slots=True)
class Caller:
    """One who asks, for the time of one request (or, in a mount, one call of the kernel)."""

    principal: Principal
    asked: Asked
    """The request, as the audit log and conditions of policies see it."""
    now: datetime
    """The moment that policies are judged at; aware."""
    user: str
    """The user's name, as owners are written; the identity's, unless the door maps another."""
    groups: tuple[str, ...] = ()
    receipt: Receipt = field(default_factory=Receipt)

    @property
    def voice(self) -> Voice:
        """Return who speaks at the origin for it."""
        return self.principal.voice
