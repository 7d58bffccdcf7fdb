"""What a policy allows: IAM-style statements, compiled once, an explicit deny first (pure).

A statement has Effect, one of Action and NotAction, and one of Resource and NotResource; patterns
know `*` (any run) and `?` (any one character). Actions are compared without case, resources with.
A resource is written `arn:aws:s3:::bucket/key` or `bucket/key`, and is compared in the short form.
What this cannot judge, above all Condition, is refused when the policy is read: a condition that
is silently ignored turns a narrow permission into a wide one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ARN_PREFIX: Final = "arn:aws:s3:::"
ANY_ACTION: Final = "s3:*"
"""The action of a request that S3 does not document: it could be any, so it must be allowed by a
statement about all actions, and a denial of any action on the resource denies it."""
DECISIONS_MAX: Final = 4096
"""Remembered decisions per policy: hot keys are decided once, and the memory is bounded."""

_ELEMENTS: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"})

READ_ONLY_ACTIONS: Final = ("s3:Get*", "s3:List*")
_BUILTIN: Final[Mapping[str, tuple[Mapping[str, object], ...]]] = {
    "admin": ({"Effect": "Allow", "Action": "*", "Resource": "*"},),
    "read-only": ({"Effect": "Allow", "Action": list(READ_ONLY_ACTIONS), "Resource": "*"},),
}


class PolicyError(ValueError):
    """A policy cannot be judged as it is written; the sentence says what to change."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement; a pattern that is negated speaks of all that it does not match."""

    is_allow: bool
    action: re.Pattern[str]
    is_action_negated: bool
    resource: re.Pattern[str]
    is_resource_negated: bool

    def speaks_of(self, action: str, resource: str) -> bool:
        """Return whether the statement applies to `action` on `resource` (the short form)."""
        if bool(self.resource.fullmatch(resource)) == self.is_resource_negated:
            return False
        if action == ANY_ACTION:
            return not self.is_allow or self._covers_every_action()
        return bool(self.action.fullmatch(action)) != self.is_action_negated

    def _covers_every_action(self) -> bool:
        return not self.is_action_negated and bool(self.action.fullmatch(ANY_ACTION))


class Policy:
    """Compiled statements with a bounded memory of decisions."""

    __slots__ = ("allows",)

    allows: Callable[[str, str], bool]
    """`allows(action, resource)`: an Allow speaks of it and no Deny does."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        """Keep the statements, denials apart from permissions."""
        kept = tuple(statements)
        denials = tuple(one for one in kept if not one.is_allow)
        permissions = tuple(one for one in kept if one.is_allow)

        @lru_cache(maxsize=DECISIONS_MAX)
        def allows(action: str, resource: str) -> bool:
            short = resource.removeprefix(ARN_PREFIX)
            if any(denial.speaks_of(action, short) for denial in denials):
                return False
            return any(permission.speaks_of(action, short) for permission in permissions)

        self.allows = allows


def compile_policy(source: object) -> Policy:
    """Return the policy that a builtin's name or a list of IAM statements describes.

    Raises PolicyError with one sentence when it cannot be judged as written.
    """
    if isinstance(source, str):
        if source not in _BUILTIN:
            known = " or ".join(f'"{name}"' for name in _BUILTIN)
            raise PolicyError(f'"{source}" is not a policy: write {known}, or a list of statements')
        return Policy(_compile_statement(one) for one in _BUILTIN[source])
    if not isinstance(source, list | tuple) or not source:
        raise PolicyError("a policy is a builtin's name or a list of at least one statement")
    return Policy(_compile_statement(one) for one in source)


def _compile_statement(source: object) -> Statement:
    if not isinstance(source, Mapping):
        raise PolicyError("a statement is a table with Effect, Action and Resource")
    for element in source:
        if element not in _ELEMENTS:
            known = ", ".join(sorted(_ELEMENTS))
            raise PolicyError(f"{element} is not supported in a statement, which may have {known}")
    effect = source.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f'Effect must be "Allow" or "Deny", not {effect!r}')
    actions, is_action_negated = _patterns(source, "Action")
    resources, is_resource_negated = _patterns(source, "Resource")
    for action in actions:
        if action != "*" and not action.lower().startswith("s3:"):
            raise PolicyError(f'the action "{action}" must begin with "s3:" (or be "*")')
    short = [resource.removeprefix(ARN_PREFIX) for resource in resources]
    for resource in short:
        if not resource or resource.startswith(("arn:", "/")):
            raise PolicyError(f'the resource "{resource}" must be written "bucket/key"')
    return Statement(
        is_allow=effect == "Allow",
        action=_compile_patterns(actions, re.IGNORECASE | re.ASCII),
        is_action_negated=is_action_negated,
        resource=_compile_patterns(short, re.NOFLAG),
        is_resource_negated=is_resource_negated,
    )


def _patterns(source: Mapping[str, object], element: str) -> tuple[list[str], bool]:
    """Return the patterns of `element` or of its negation, and whether it was the negation."""
    negation = f"Not{element}"
    if (element in source) == (negation in source):
        raise PolicyError(f"a statement needs exactly one of {element} and {negation}")
    name = negation if negation in source else element
    value = source[name]
    patterns = [value] if isinstance(value, str) else value
    if (
        not isinstance(patterns, list | tuple)
        or not patterns
        or not all(isinstance(pattern, str) for pattern in patterns)
    ):
        raise PolicyError(f"{name} must be a string or a list of strings")
    return list(patterns), name == negation


def _compile_patterns(patterns: Iterable[str], flags: re.RegexFlag) -> re.Pattern[str]:
    """Return one expression for all the patterns.

    Atomic groups keep the match linear: after `*` the shortest run that lets the next literal
    match is final, so no pattern of a policy can make a request expensive.
    """
    return re.compile("|".join(_expression(pattern) for pattern in patterns), flags | re.DOTALL)


def _expression(pattern: str) -> str:
    pieces = [_literal(piece) for piece in re.sub(r"\*+", "*", pattern).split("*")]
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"


def _literal(piece: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in piece)
