"""The policy of a form upload: what the signer allows the form's fields to be (pure).

Source: AWS, *Browser-Based Uploads Using POST: POST Policy*. The policy is JSON with `expiration`
and `conditions`; every field must be named by a condition, and every condition must hold on the
fields as they are after `${filename}` was put in.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.model.failures import AccessDenied, InvalidRequest

_UNNAMED: Final = frozenset({"x-amz-signature", "policy", "file", "signature"})
# A checksum allows nothing: it only says what the file must be (s3-tests too sends it unnamed).
_UNNAMED_PREFIXES: Final = ("x-ignore-", "x-amz-checksum-")
_LIST_FIELDS: Final = frozenset({"content-type"})
_TRIPLE: Final = 3
_DIGITS_MAX: Final = 19
# AWS's policies know two escapes more than JSON does.
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_MORE_ESCAPES: Final = {"$": "$", "v": r"\u000b"}


@dataclass(frozen=True, slots=True)
class Condition:
    """`eq` or `starts-with` on one field (lower case)."""

    operator: str
    field: str
    value: str

    def holds(self, given: str | None) -> bool:
        """Return whether the field's value is as the signer wants it; a missing field never is."""
        if given is None:
            return False
        if self.operator == "eq":
            return given == self.value
        if self.field in _LIST_FIELDS:
            # AWS: each of a list of types must begin so.
            return all(value.strip().startswith(self.value) for value in given.split(","))
        return given.startswith(self.value)

    @property
    def words(self) -> str:
        """Return it as AWS's errors show it."""
        return json.dumps([self.operator, f"${self.field}", self.value])


@dataclass(frozen=True, slots=True)
class FormPolicy:
    """A policy that was read."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    length_min: int = 0
    length_max: int | None = None
    """The last length allowed, in bytes; None: the policy does not say."""

    def require(self, fields: Mapping[str, str], now: datetime) -> None:
        """Return where the fields are as the policy wants them; raises AccessDenied."""
        if self is NO_POLICY:
            return
        if now >= self.expiration:
            raise _denied("Policy expired.")
        for condition in self.conditions:
            if not condition.holds(fields.get(condition.field)):
                raise _denied(f"Policy Condition failed: {condition.words}")
        named = {condition.field for condition in self.conditions}
        for field in fields:
            if (
                field not in named
                and field not in _UNNAMED
                and not field.startswith(_UNNAMED_PREFIXES)
            ):
                raise _denied(f"Extra input fields: {field}")


NO_POLICY: Final = FormPolicy(datetime.max.replace(tzinfo=UTC), ())
"""Of a form that nobody signed: it promises nothing and limits nothing."""


def read_policy(encoded: str) -> FormPolicy:
    """Return the policy in a form's base64 field; raises InvalidRequest (InvalidPolicyDocument)."""
    try:
        text = b64decode("".join(encoded.split()), validate=True).decode("utf-8")
        document = json.loads(_ESCAPE.sub(_json_escape, text))
    except (binascii.Error, ValueError, RecursionError):
        raise _refused("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _refused("Invalid JSON.")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise _refused(f"Policy is missing: {name}.")
    for name in document:
        if name not in {"expiration", "conditions"}:
            raise _refused(f"Unexpected: '{name}'.")
    conditions, bounds = _conditions(document["conditions"])
    length_min, length_max = bounds or (0, None)
    return FormPolicy(_moment(document["expiration"]), conditions, length_min, length_max)


def _conditions(source: object) -> tuple[tuple[Condition, ...], tuple[int, int] | None]:
    if not isinstance(source, list) or not source:
        raise _refused("Invalid 'conditions': they are a list of at least one.")
    conditions: list[Condition] = []
    bounds: tuple[int, int] | None = None
    for one in source:
        if isinstance(one, dict):
            conditions.append(_simple(one))
        elif not isinstance(one, list) or len(one) != _TRIPLE or not isinstance(one[0], str):
            raise _refused("Invalid Condition: it has an operator and two arguments.")
        elif one[0].lower() == "content-length-range":
            if bounds is not None:
                raise _refused("Invalid Condition: content-length-range stands twice.")
            bounds = _bounds(one[1], one[2])
        else:
            conditions.append(_triple(*one))
    return tuple(conditions), bounds


def _simple(source: dict[str, object]) -> Condition:
    if len(source) != 1:
        raise _refused(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        )
    ((name, value),) = source.items()
    return _triple("eq", f"${name}", value)


def _triple(operator: str, field: object, value: object) -> Condition:
    operator = operator.lower()
    if operator not in {"eq", "starts-with"}:
        raise _refused(f"Invalid Condition: unknown operation '{operator}'.")
    if not isinstance(field, str) or not field.startswith("$") or not isinstance(value, str):
        raise _refused("Invalid Condition: it needs a '$field' and a string.")
    return Condition(operator, field[1:].lower(), value)


def _bounds(first: object, last: object) -> tuple[int, int]:
    numbers = [_length(first), _length(last)]
    if numbers[0] > numbers[1]:
        raise _refused("Invalid content-length-range: its end is before its start.")
    return numbers[0], numbers[1]


def _length(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _refused("Invalid content-length-range: it needs two lengths.")


def _moment(value: object) -> datetime:
    """Return the UTC moment of `2030-12-30T12:00:00.000Z`."""
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _refused(f"Invalid 'expiration' value: '{value}'")


def _json_escape(found: re.Match[str]) -> str:
    return _MORE_ESCAPES.get(found[1], found[0])


def _refused(words: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid Policy: {words}", code="InvalidPolicyDocument")


def _denied(words: str) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: {words}")
