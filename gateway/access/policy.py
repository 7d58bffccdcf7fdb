"""What a policy allows: IAM's statements, compiled once, an explicit denial first (pure).

Resources are compared in their short form, `bucket/key`. Most of a judgement depends on nothing but
action and resource, is made once, and is remembered: which statements speak of them at all, and
whether one that asks nothing of the request decides. What remains, conditions and variables, is
judged anew for each request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.access.policy_conditions import ANY_ACTION
from gateway.access.policy_parsing import ARN_PREFIX, parse_json, parse_policy
from gateway.access.policy_refusals import PolicyError
from gateway.access.policy_statements import Statement
from gateway.access.request_context import NOTHING_KNOWN, RequestContext

__all__ = [
    "ANY_ACTION",
    "ARN_PREFIX",
    "Decision",
    "Policy",
    "PolicyError",
    "compile_policy",
    "united",
]

PROSPECTS_MAX: Final = 4096
"""Remembered pairs of action and resource per policy: hot keys are matched once."""
ACTIONS_MAX: Final = 512
"""Remembered actions per policy; S3 has about 150."""

READ_ONLY_ACTIONS: Final = ("s3:Get*", "s3:List*")
_BUILTIN: Final[Mapping[str, tuple[Mapping[str, object], ...]]] = {
    "admin": ({"Effect": "Allow", "Action": "*", "Resource": "*"},),
    "read-only": ({"Effect": "Allow", "Action": list(READ_ONLY_ACTIONS), "Resource": "*"},),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed, and the statement that decided; '' where none speaks of it."""

    is_allowed: bool
    statement: str


_NOBODY_SPEAKS: Final = Decision(is_allowed=False, statement="")


@dataclass(frozen=True, slots=True)
class _Prospect:
    """What action and resource alone tell: who may yet deny and allow, and else the outcome."""

    resource: str
    denials: tuple[Statement, ...]
    permissions: tuple[Statement, ...]
    otherwise: Decision


class _ByBeginning:
    """Statements found by what resources begin with, so that most are never looked at."""

    __slots__ = ("_lengths", "_numbers", "_statements")

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._statements = tuple(statements)
        self._numbers: dict[str, list[int]] = {}
        for number, statement in enumerate(self._statements):
            for beginning in statement.resources.beginnings:
                self._numbers.setdefault(beginning, []).append(number)
        self._lengths = sorted({len(beginning) for beginning in self._numbers})

    def find(self, resource: str) -> list[Statement]:
        """Return those that may speak of `resource`, in the order in which they are written."""
        found: set[int] = set()
        for length in self._lengths:
            found.update(self._numbers.get(resource[:length], ()))
        return [self._statements[number] for number in sorted(found)]


class Policy:
    """Compiled statements with a bounded memory of what they match."""

    __slots__ = ("_prospect", "keys", "statements")

    def __init__(
        self, statements: Iterable[Statement], *, prospects_max: int = PROSPECTS_MAX
    ) -> None:
        """Keep the statements, each label telling whose it is."""
        self.statements = kept = tuple(statements)
        self.keys = frozenset(key for one in self.statements for key in one.keys)
        """The condition keys that it asks a request for, in lower case; most policies ask none."""

        @lru_cache(maxsize=ACTIONS_MAX)
        def speaking(action: str) -> _ByBeginning:
            return _ByBeginning(
                one for one in kept if one.actions.covers(action, is_allow=one.is_allow)
            )

        @lru_cache(maxsize=prospects_max)
        def prospect(action: str, resource: str) -> _Prospect:
            short = resource.removeprefix(ARN_PREFIX)
            return _prospect(speaking(action).find(short), short)

        self._prospect = prospect

    def decide(
        self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN
    ) -> Decision:
        """Return whether `action` on `resource` is allowed in a request, and what decided."""
        prospect = self._prospect(action, resource)
        for denial in prospect.denials:
            if denial.holds(action, prospect.resource, context):
                return Decision(is_allowed=False, statement=denial.label)
        for permission in prospect.permissions:
            if permission.holds(action, prospect.resource, context):
                return Decision(is_allowed=True, statement=permission.label)
        return prospect.otherwise

    def allows(self, action: str, resource: str, context: RequestContext = NOTHING_KNOWN) -> bool:
        """Return whether an Allow speaks of the request and no Deny does."""
        return self.decide(action, resource, context).is_allowed


def _prospect(speaking: list[Statement], resource: str) -> _Prospect:
    """Return what is left to ask; a settled denial leaves nothing, a settled Allow the denials."""
    matching = [one for one in speaking if one.resources.may_cover(resource)]
    denied = _first_settled(matching, is_allow=False)
    if denied is not None:
        return _Prospect(resource, (), (), Decision(is_allowed=False, statement=denied.label))
    denials = tuple(one for one in matching if not one.is_allow)
    allowed = _first_settled(matching, is_allow=True)
    if allowed is not None:
        return _Prospect(resource, denials, (), Decision(is_allowed=True, statement=allowed.label))
    return _Prospect(
        resource, denials, tuple(one for one in matching if one.is_allow), _NOBODY_SPEAKS
    )


def _first_settled(statements: list[Statement], *, is_allow: bool) -> Statement | None:
    settled = (one for one in statements if one.is_allow == is_allow and one.is_settled)
    return next(settled, None)


def compile_policy(
    source: object, owner: str = "", *, prospects_max: int = PROSPECTS_MAX
) -> Policy:
    """Return the policy that is written as a builtin's name, statements, a document or its JSON.

    `owner` begins the labels of its statements. Raises PolicyError with one sentence when it cannot
    be judged as written.
    """
    if isinstance(source, str):
        if source.lstrip().startswith(("{", "[")):
            source = parse_json(source)
        elif source in _BUILTIN:
            source, owner = _BUILTIN[source], f"{owner}{source}: "
        else:
            known = " or ".join(f'"{name}"' for name in _BUILTIN)
            raise PolicyError(f'"{source}" is not a policy: write {known}, or a list of statements')
    return Policy(parse_policy(source, owner), prospects_max=prospects_max)


def united(policies: Iterable[Policy]) -> Policy:
    """Return the policy that has the statements of all: what one of them denies is denied."""
    return Policy(statement for policy in policies for statement in policy.statements)
