"""What a Condition asks: operators as a table, compiled to tests of one request (pure).

All keys and all operators of a block must hold; of several values one must (none, for a negated
operator). A key that the request does not have makes a condition false and a negated one true, as
at AWS; `...IfExists` makes it true. Every known key has one value, so ForAllValues and ForAnyValue,
which are for keys that have several, are refused, as is whatever else is not known.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from gateway.access.policy_patterns import compile_texts, parse_text
from gateway.access.policy_refusals import PolicyError, nearest, texts
from gateway.access.request_context import KEYS, ConditionKey, Kind, RequestContext

ANY_ACTION: Final = "s3:*"
"""The action of a request that S3 does not document: it could be any, so it must be allowed by a
statement about all actions, and a denial of any action on the resource denies it."""

Judge = Callable[[str, RequestContext], bool]
"""Return whether a value of the request is one of those that the policy names."""

_PARSED_MAX: Final = 1024
_IF_EXISTS: Final = "IfExists"
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?").fullmatch


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

    def holds(self, action: str, context: RequestContext) -> bool:
        """Return whether a request for `action` fulfils the condition."""
        is_there = self.actions is None or action in self.actions
        value = context.find(self.key) if is_there else None
        if value is None:
            return self.when_missing
        return self.judge(value, context) != self.is_negated


@dataclass(frozen=True, slots=True)
class Made:
    """The judge of an operator's values, and the keys that stand in them as variables."""

    judge: Judge
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Operator:
    """How an operator's values are read, and of which kinds the key may be."""

    kinds: frozenset[Kind]
    make: Callable[[tuple[str, ...]], Made]
    is_negated: bool = False


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
            lower, actions, lambda *_: not wants_missing, False, wants_missing, frozenset({lower})
        )
    chosen = _known_operator(name)
    if key.kind not in chosen.kinds:
        fitting = ", ".join(one for one, row in OPERATORS.items() if key.kind in row.kinds)
        raise PolicyError(f"{name} cannot judge {key.name}, which is {key.kind.value}: use {fitting}")
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


_COPY_SOURCE: Final = "s3:x-amz-copy-source"


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
            str(one).lower() if isinstance(one, bool) else str(one)
            if isinstance(one, int | float) else one
            for one in listed
        ],
    )


def _null(values: tuple[str, ...]) -> bool:
    if len(values) != 1 or values[0].lower() not in {"true", "false"}:
        raise PolicyError('Null is "true" (the key must be missing) or "false" (it must be there)')
    return values[0].lower() == "true"


def _text_equals(values: tuple[str, ...]) -> Made:
    return _equals(values, str)


def _text_equals_ignoring_case(values: tuple[str, ...]) -> Made:
    return _equals(values, str.casefold)


def _equals(values: tuple[str, ...], fold: Callable[[str], str]) -> Made:
    parsed = [parse_text(value, has_wildcards=False) for value in values]
    plain = frozenset(
        fold(text.find_literal(RequestContext()) or "") for text in parsed if not text.keys
    )
    varying = [text for text in parsed if text.keys]

    def judge(value: str, context: RequestContext) -> bool:
        folded = fold(value)
        if folded in plain:
            return True
        for text in varying:
            literal = text.find_literal(context)
            if literal is not None and fold(literal) == folded:
                return True
        return False

    return Made(judge, frozenset[str]().union(*(text.keys for text in varying)))


def _text_like(values: tuple[str, ...]) -> Made:
    parsed = [parse_text(value, has_wildcards=True) for value in values]
    plain = [text for text in parsed if not text.keys]
    varying = [text for text in parsed if text.keys]
    expression = compile_texts(plain) if plain else None

    def judge(value: str, context: RequestContext) -> bool:
        if expression is not None and expression.fullmatch(value):
            return True
        return any(text.matches(value, context) for text in varying)

    return Made(judge, frozenset[str]().union(*(text.keys for text in varying)))


def _ip_address(values: tuple[str, ...]) -> Made:
    networks = tuple(_network(value) for value in values)

    def judge(value: str, _context: RequestContext) -> bool:
        found = _address(value)
        if found is None:
            return False
        version, number = found
        return any(one == version and number & mask == base for one, base, mask in networks)

    return Made(judge)


def _network(value: str) -> tuple[int, int, int]:
    """Return (4 or 6, first address, mask); raises PolicyError."""
    try:
        network: IPv4Network | IPv6Network = ip_network(value)
    except ValueError as error:
        raise PolicyError(f"{error}: write it like 10.0.0.0/8 or 2001:db8::/32") from None
    return network.version, int(network.network_address), int(network.netmask)


@lru_cache(maxsize=_PARSED_MAX)
def _address(value: str) -> tuple[int, int] | None:
    try:
        address = ip_address(value.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # how a socket for both families tells an IPv4 client
    return address.version, int(address)


def _truth(values: tuple[str, ...]) -> Made:
    wanted = frozenset(value.lower() for value in values)
    if not wanted <= {"true", "false"}:
        raise PolicyError(f'Bool is "true" or "false", not {", ".join(values)}')
    return Made(lambda value, _context: value.lower() in wanted)


@lru_cache(maxsize=_PARSED_MAX)
def _number(value: str) -> float:
    """Return a number; raises ValueError."""
    if not _NUMBER(value):
        raise ValueError(f'"{value}" is not a number')
    return float(value) if "." in value else int(value)


@lru_cache(maxsize=_PARSED_MAX)
def _moment(value: str) -> float:
    """Return seconds since 1970 of an ISO 8601 moment or of such seconds; raises ValueError."""
    if _NUMBER(value):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f'"{value}" is not a moment: write "2026-01-31T12:00:00Z" or seconds since 1970'
        ) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _compared(
    parse: Callable[[str], float], compare: Callable[[float, float], bool]
) -> Callable[[tuple[str, ...]], Made]:
    def make(values: tuple[str, ...]) -> Made:
        wanted = tuple(parse(value) for value in values)

        def judge(value: str, _context: RequestContext) -> bool:
            try:
                number = parse(value)
            except ValueError:
                return False
            return any(compare(number, one) for one in wanted)

        return Made(judge)

    return make


_TEXTS: Final = frozenset({Kind.TEXT})
_ADDRESSES: Final = frozenset({Kind.ADDRESS})
_ORDERED: Final = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}
OPERATORS: Final[Mapping[str, Operator]] = {
    "StringEquals": Operator(_TEXTS, _text_equals),
    "StringNotEquals": Operator(_TEXTS, _text_equals, is_negated=True),
    "StringEqualsIgnoreCase": Operator(_TEXTS, _text_equals_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_TEXTS, _text_equals_ignoring_case, is_negated=True),
    "StringLike": Operator(_TEXTS, _text_like),
    "StringNotLike": Operator(_TEXTS, _text_like, is_negated=True),
    "IpAddress": Operator(_ADDRESSES, _ip_address),
    "NotIpAddress": Operator(_ADDRESSES, _ip_address, is_negated=True),
    "Bool": Operator(frozenset({Kind.TRUTH}), _truth),
    **{
        f"Numeric{name}": Operator(frozenset({Kind.NUMBER}), _compared(_number, compare), negated)
        for name, (compare, negated) in _ORDERED.items()
    },
    **{
        f"Date{name}": Operator(frozenset({Kind.MOMENT}), _compared(_moment, compare), negated)
        for name, (compare, negated) in _ORDERED.items()
    },
}
