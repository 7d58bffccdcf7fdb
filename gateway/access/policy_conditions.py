"""What a Condition asks: operators as a table, compiled to tests of one request (pure).

All keys and all operators of a block must hold; of several values one must (none, for a negated
operator). A key that the request does not have makes a condition false and a negated one true, as
at AWS; `...IfExists` makes it true. Every known key has one value, so ForAllValues and ForAnyValue,
which are for keys that have several, are refused, as is whatever else is not known.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.access.policy_operators import OPERATORS, Judge, Operator
from gateway.access.policy_refusals import PolicyError, nearest, texts
from gateway.access.request_context import KEYS, ConditionKey

ANY_ACTION: Final = "s3:*"
"""The action of a request that S3 does not document: it could be any, so it must be allowed by a
statement about all actions, and a denial of any action on the resource denies it."""

_IF_EXISTS: Final = "IfExists"
_COPY_SOURCE: Final = "s3:x-amz-copy-source"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key."""

    key: str
    """In lower case."""
    actions: frozenset[str] | None
    """Those in whose requests the key is; None: in all."""
    judge: Judge
    is_negated: bool
    when_missing: bool
    keys: frozenset[str]
    """All that it asks the request for, variables in its values included."""


def compile_conditions(block: object, *, is_allow: bool) -> tuple[Condition, ...]:
    """Return what a Condition element asks; raises PolicyError for what cannot be judged."""
    if not isinstance(block, Mapping) or not block:
        raise PolicyError('Condition is a table such as { IpAddress = { "aws:SourceIp" = "..." } }')
    return tuple(
        _condition(name, key, value, is_allow=is_allow)
        for name, keys in block.items()
        for key, value in _keys(name, keys)
    )


def _keys(name: str, keys: object) -> list[tuple[str, object]]:
    if not isinstance(keys, Mapping) or not keys:
        raise PolicyError(f"Condition {name} is a table of condition keys and their values")
    return list(keys.items())


def _condition(name: str, key_name: str, value: object, *, is_allow: bool) -> Condition:
    key = _known_key(key_name)
    actions = key.actions
    if actions is not None and not is_allow:
        # What nobody knows might be what the denial is about; a permission stays as narrow as ever.
        actions |= {ANY_ACTION}
    values = _values(f"{name} {key.name}", value)
    lower = key.name.lower()
    if name == "Null":
        wants_missing = _null(values)
        return Condition(
            lower,
            actions,
            lambda *_: not wants_missing,
            is_negated=False,
            when_missing=wants_missing,
            keys=frozenset({lower}),
        )
    chosen = _known_operator(name)
    if key.kind not in chosen.kinds:
        fitting = ", ".join(one for one, row in OPERATORS.items() if key.kind in row.kinds)
        raise PolicyError(
            f"{name} cannot judge {key.name}, which is {key.kind.value}: use {fitting}"
        )
    try:
        made = chosen.make(_source_spelt(values) if lower == _COPY_SOURCE else values)
    except PolicyError:
        raise
    except ValueError as error:
        raise PolicyError(f"{name} {key.name} cannot be judged: {error}") from None
    when_missing = chosen.is_negated or name.endswith(_IF_EXISTS)
    return Condition(
        lower, actions, made.judge, chosen.is_negated, when_missing, made.keys | {lower}
    )


def _source_spelt(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return copy sources as requests' are shown to conditions: without a slash in front."""
    return tuple(value.removeprefix("/") for value in values)


def _known_key(name: str) -> ConditionKey:
    key = KEYS.get(name.lower())
    if key is None:
        known = nearest(name, (one.name for one in KEYS.values()))
        raise PolicyError(f"the condition key {name} is not known: the nearest is {known}")
    return key


def _known_operator(name: str) -> Operator:
    qualifier, mark, _ = name.partition(":")
    if mark and qualifier in {"ForAllValues", "ForAnyValue"}:
        raise PolicyError(
            f"{name} is for keys that have several values, and no known key has: "
            f"write {name.partition(':')[2]}"
        )
    chosen = OPERATORS.get(name.removesuffix(_IF_EXISTS))
    if chosen is None:
        known = nearest(name, (*OPERATORS, "Null"))
        raise PolicyError(f"the condition operator {name} is not known: the nearest is {known}")
    return chosen


def _values(where: str, value: object) -> tuple[str, ...]:
    """Return the values as texts; JSON's own numbers and truths are read as such."""
    listed = list(value) if isinstance(value, list | tuple) else [value]
    return texts(
        where,
        [
            str(one).lower()
            if isinstance(one, bool)
            else str(one)
            if isinstance(one, int | float)
            else one
            for one in listed
        ],
    )


def _null(values: tuple[str, ...]) -> bool:
    if len(values) != 1 or values[0].lower() not in {"true", "false"}:
        raise PolicyError('Null is "true" (the key must be missing) or "false" (it must be there)')
    return values[0].lower() == "true"
