"""What a policy says of one request, and which statement decides: `forebay policy check`."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from gateway.access.identities import Identity
from gateway.access.policy import ARN_PREFIX, Decision
from gateway.access.policy_refusals import nearest
from gateway.access.request_context import KEYS, RequestContext
from gateway.protocol.s3.operations import all_actions
from gateway.settings import Settings
from gateway.settings_reading import SettingsError


def check_policy(
    settings: Settings, name: str, action: str, resource: str, given: Iterable[str]
) -> int:
    """Say whether the identity may, and why; return 0 where it may, else 1.

    `given` are the request's condition keys, each `key=value`. Raises SettingsError.
    """
    identity = _get_identity(settings, name)
    context = _context(name, given)
    decision = identity.policy.decide(
        _known_action(action), resource.removeprefix(ARN_PREFIX), context
    )
    sys.stdout.write(f"{_sentence(decision)}\n")
    missing = [KEYS[key].name for key in sorted(identity.policy.keys - context.values.keys())]
    if missing:
        sys.stderr.write(f"forebay: judged as not in the request: {', '.join(missing)}\n")
    return 0 if decision.is_allowed else 1


def _sentence(decision: Decision) -> str:
    outcome = "allowed" if decision.is_allowed else "denied"
    return (
        f"{outcome} by {decision.statement}" if decision.statement else "denied: nothing allows it"
    )


def _get_identity(settings: Settings, name: str) -> Identity:
    found = {one.name: one for one in settings.identities}
    if name not in found:
        near = f': the nearest is "{nearest(name, found)}"' if found else ""
        raise SettingsError(f'there is no identity "{name}" in the settings{near}')
    return found[name].as_identity(settings.groups)


def _known_action(action: str) -> str:
    known = {one.lower(): one for one in all_actions()}
    if action.lower() not in known:
        near = nearest(action, known.values())
        raise SettingsError(f"no request needs the action {action}: the nearest is {near}")
    return known[action.lower()]


def _context(name: str, given: Iterable[str]) -> RequestContext:
    """Return the request's values: what is given, and who and when, which are always there."""
    now = datetime.now(UTC)
    values: Mapping[str, str] = {
        "aws:username": name,
        "aws:currenttime": now.isoformat(timespec="seconds"),
        "aws:epochtime": str(int(now.timestamp())),
    }
    for pair in given:
        key, mark, value = pair.partition("=")
        if not mark:
            raise SettingsError(f'--context is written key=value, not "{pair}"')
        if key.lower() not in KEYS:
            near = nearest(key, (one.name for one in KEYS.values()))
            raise SettingsError(f"the condition key {key} is not known: the nearest is {near}")
        values = {**values, key.lower(): value}
    return RequestContext(values)
