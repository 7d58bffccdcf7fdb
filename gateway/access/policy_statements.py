"""One statement of a policy, and whether it speaks of a request (pure)."""

import re
from dataclasses import dataclass

from gateway.access.policy_conditions import ANY_ACTION, Condition
from gateway.access.policy_patterns import Text
from gateway.access.request_context import RequestContext


@dataclass(frozen=True, slots=True)
class Actions:
    """Which actions a statement is about: those that match, or all others."""

    pattern: re.Pattern[str]
    is_negated: bool
    is_every: bool
    """Whether every action is meant, whatever it will be called."""

    def covers(self, action: str, *, is_allow: bool) -> bool:
        """Return whether a statement of this effect is about `action`, or may be (ANY_ACTION)."""
        if action == ANY_ACTION:
            return self.is_every or not is_allow
        return bool(self.pattern.fullmatch(action)) != self.is_negated


@dataclass(frozen=True, slots=True)
class Resources:
    """Which resources a statement is about, in their short form."""

    fixed: re.Pattern[str] | None
    varying: tuple[Text, ...]
    """Those with variables, which only a request can fill in."""
    is_negated: bool
    beginnings: frozenset[str]
    """One of these begins every resource that is meant."""
    foreign: re.Pattern[str] | None = None
    """Of `fixed`, those that cover what is no bucket's: roles and identities."""

    def may_cover(self, resource: str) -> bool:
        """Return whether a request for `resource` can be meant: exact where nothing varies."""
        if self.varying:
            return True
        return self._is_fixed(resource) != self.is_negated

    def covers(self, resource: str, context: RequestContext) -> bool:
        """Return whether `resource` is meant in a request."""
        is_named = self._is_fixed(resource) or any(
            is_foreign(text.beginning) == is_foreign(resource) and text.matches(resource, context)
            for text in self.varying
        )
        return is_named != self.is_negated

    def _is_fixed(self, resource: str) -> bool:
        pattern = self.foreign if is_foreign(resource) else self.fixed
        return pattern is not None and pattern.fullmatch(resource) is not None


def is_foreign(resource: str) -> bool:
    """Return whether a resource in its short form is no bucket's: it keeps its ARN."""
    return resource.startswith("arn:")


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement."""

    label: str
    """How people find it: whose it is, its number, and its Sid where it has one."""
    is_allow: bool
    actions: Actions
    resources: Resources
    conditions: tuple[Condition, ...]

    @property
    def is_settled(self) -> bool:
        """Return whether action and resource alone decide if it applies."""
        return not self.conditions and not self.resources.varying

    @property
    def keys(self) -> frozenset[str]:
        """Return the condition keys that it asks the request for, in lower case."""
        asked = [condition.keys for condition in self.conditions]
        asked += [text.keys for text in self.resources.varying]
        return frozenset(key for keys in asked for key in keys)

    def holds(self, action: str, resource: str, context: RequestContext) -> bool:
        """Return whether a statement that may speak of a request does so in its context.

        Each condition is judged in place: a call of its own would cost as much as most judgements.
        """
        values = context.values
        for one in self.conditions:
            is_there = one.actions is None or action in one.actions
            value = values.get(one.key) if is_there else None
            if value is None:
                if not one.when_missing:
                    return False
            elif one.judge(value, context) == one.is_negated:
                return False
        return not self.resources.varying or self.resources.covers(resource, context)
