"""What the bodies of the admin API say: JSON objects of known fields, bounded and typed."""

from collections.abc import Mapping
from typing import Final

from gateway.access.identity_ledger import Changes, Wanted
from gateway.access.kept_identities import KeyPair, check_name
from gateway.access.policy import PolicyError
from gateway.access.policy_parsing import parse_json
from gateway.access.policy_refusals import nearest
from gateway.model.failures import InvalidRequest

_RATES: Final = ("bytes_per_second_max", "requests_per_second_max")
CHANGE: Final = ("groups", "policy", *_RATES)
CREATION: Final = ("access_key", "groups", "name", "policy", "secret_key", *_RATES)
ROTATION: Final = ("access_key", "secret_key")

Call = Mapping[str, object]


def read_call(body: bytes, known: tuple[str, ...]) -> Call:
    """Return the fields of a body; an empty one has none.

    Raises InvalidRequest (ValidationError) for what is no JSON object, for a field that is not
    known and for one that stands twice, since one of the two would be ignored.
    """
    if not body:
        return {}
    try:
        found = parse_json(body.decode())
    except (UnicodeDecodeError, PolicyError) as error:
        raise _invalid(str(error).replace("the policy", "the body")) from None
    if not isinstance(found, dict):
        raise _invalid("the body is a JSON object")
    for field in found:
        if field not in known:
            raise _invalid(f"{field!r} is no field here: the nearest is {nearest(field, known)}")
    return found


def read_wanted(call: Call) -> Wanted:
    """Return the identity that is to be created; raises InvalidRequest (ValidationError)."""
    name = call.get("name")
    if not isinstance(name, str):
        raise _invalid("name is a string")
    check_name(name)
    return Wanted(
        name,
        call.get("policy"),
        _groups(call.get("groups", [])),
        read_keys(call),
        _number(call, "requests_per_second_max"),
        _whole(call, "bytes_per_second_max"),
    )


def read_changes(call: Call) -> Changes:
    """Return what an identity is to have otherwise; raises InvalidRequest (ValidationError)."""
    if not call:
        raise _invalid(f"there is nothing to change: give one of {', '.join(CHANGE)}")
    changes: dict[str, object] = {}
    if "policy" in call:
        changes["policy"] = call["policy"]
    if "groups" in call:
        changes["groups"] = _groups(call["groups"])
    if "requests_per_second_max" in call:
        changes["requests_per_second_max"] = _number(call, "requests_per_second_max")
    if "bytes_per_second_max" in call:
        changes["bytes_per_second_max"] = _whole(call, "bytes_per_second_max")
    return changes


def read_keys(call: Call) -> KeyPair | None:
    """Return the keys that the caller brings, None where it brings none; raises as above."""
    access_key, secret_key = call.get("access_key"), call.get("secret_key")
    if access_key is None and secret_key is None:
        return None
    if not isinstance(access_key, str) or not isinstance(secret_key, str):
        raise _invalid("access_key and secret_key are strings: give both or neither")
    return KeyPair(access_key, secret_key)


def _groups(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _invalid("groups is a list of strings")
    return tuple(dict.fromkeys(found))


def _number(call: Call, name: str) -> float | None:
    """Return a number, None where there is none; not a truth, which is one to Python."""
    found = call.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _invalid(f"{name} is a number")
    return float(found)


def _whole(call: Call, name: str) -> int | None:
    found = call.get(name)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
        raise _invalid(f"{name} is a whole number")
    return found


def _invalid(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, code="ValidationError")
