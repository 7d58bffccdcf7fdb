"""The operators of conditions: how their values are read, and what they find in a request (pure).

Each is a row of a table; a negated one is its counterpart turned round. Values are read once, when
the policy is; what is no value of the operator's kind is refused then.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from gateway.access.policy_patterns import Text, compile_texts, parse_text
from gateway.access.policy_refusals import PolicyError
from gateway.access.request_context import NOTHING_KNOWN, Kind, RequestContext

Judge = Callable[[str, RequestContext], bool]
"""Return whether a value of the request is one of those that the policy names."""

_PARSED_MAX: Final = 1024
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?").fullmatch


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


def _text_equals(values: tuple[str, ...]) -> Made:
    return _equals(values, str)


def _text_equals_ignoring_case(values: tuple[str, ...]) -> Made:
    return _equals(values, str.casefold)


def _equals(values: tuple[str, ...], fold: Callable[[str], str]) -> Made:
    parsed = [parse_text(value, has_wildcards=False) for value in values]
    plain = frozenset(
        fold(text.find_literal(NOTHING_KNOWN) or "") for text in parsed if not text.keys
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

    return Made(judge, _keys(varying))


def _text_like(values: tuple[str, ...]) -> Made:
    parsed = [parse_text(value, has_wildcards=True) for value in values]
    plain = [text for text in parsed if not text.keys]
    varying = [text for text in parsed if text.keys]
    expression = compile_texts(plain) if plain else None

    def judge(value: str, context: RequestContext) -> bool:
        if expression is not None and expression.fullmatch(value):
            return True
        return any(text.matches(value, context) for text in varying)

    return Made(judge, _keys(varying))


def _keys(parsed: list[Text]) -> frozenset[str]:
    return frozenset(key for text in parsed for key in text.keys)


def _ip_address(values: tuple[str, ...]) -> Made:
    networks = tuple(_network(value) for value in values)

    def judge(value: str, _context: RequestContext) -> bool:
        found = _address(value)
        if found is None:
            return False
        version, number = found
        for one, base, mask in networks:  # noqa: SIM110 - a generator costs more than the search
            if number & mask == base and one == version:
                return True
        return False

    return Made(judge)


def _network(value: str) -> tuple[int, int, int]:
    """Return (4 or 6, first address, mask); raises PolicyError."""
    try:
        network = ip_network(value)
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
_NUMBERS: Final = frozenset({Kind.NUMBER, Kind.SECONDS})
_MOMENTS: Final = frozenset({Kind.MOMENT, Kind.SECONDS})
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
        f"Numeric{name}": Operator(_NUMBERS, _compared(_number, compare), negated)
        for name, (compare, negated) in _ORDERED.items()
    },
    **{
        f"Date{name}": Operator(_MOMENTS, _compared(_moment, compare), negated)
        for name, (compare, negated) in _ORDERED.items()
    },
}
