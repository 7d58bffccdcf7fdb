"""What a policy says of one request, and which statement decides: `forebay policy check`."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from gateway.access.admin_actions import ADMIN_ACTIONS, judged_resource
from gateway.access.kept_identities import compile_access
from gateway.access.policy import ARN_PREFIX, Decision, Policy
from gateway.access.policy_refusals import nearest
from gateway.access.request_context import KEYS, RequestContext
from gateway.assembly.state import find_in_state
from gateway.model.failures import Failure
from gateway.protocol.s3.operations import all_actions
from gateway.settings.entries import compiled
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings


def check_policy(
    settings: Settings, name: str, action: str, resource: str, given: Iterable[str]
) -> int:
    """Say whether the identity may, and why; return 0 where it may, else 1.

    `given` are the request's condition keys, each `key=value`. Raises SettingsError.
    """
    policy = _get_policy(settings, name)
    context = _context(name, given)
    known = _known_action(action)
    decision = policy.decide(known, _resource(known, resource), context)
    sys.stdout.write(f"{_sentence(decision)}\n")
    missing = [KEYS[key].name for key in sorted(policy.keys - context.values.keys())]
    if missing:
        sys.stderr.write(f"forebay: judged as not in the request: {', '.join(missing)}\n")
    return 0 if decision.is_allowed else 1


def _sentence(decision: Decision) -> str:
    outcome = "allowed" if decision.is_allowed else "denied"
    return (
        f"{outcome} by {decision.statement}" if decision.statement else "denied: nothing allows it"
    )


def _get_policy(settings: Settings, name: str) -> Policy:
    """Return what an identity of the settings or the state may do; raises SettingsError."""
    found = {one.name: one for one in settings.identities}
    if name in found:
        return found[name].as_identity(settings.groups).policy
    kept = find_in_state(settings, name)
    if kept is None:
        near = f': the nearest is "{nearest(name, found)}"' if found else ""
        raise SettingsError(
            f'there is no identity "{name}" in the settings{near}, and none in the state'
        )
    if not kept.is_enabled:
        sys.stderr.write(f'forebay: the identity "{name}" is disabled: all is refused\n')
    try:
        return compile_access(kept.policy, kept.groups, compiled(settings.groups))
    except Failure as failure:
        raise SettingsError(failure.message) from None


def _resource(action: str, resource: str) -> str:
    if action in ADMIN_ACTIONS:
        return judged_resource(resource)
    return resource.removeprefix(ARN_PREFIX)


def _known_action(action: str) -> str:
    known = {one.lower(): one for one in all_actions() | ADMIN_ACTIONS}
    if action.lower() not in known:
        near = nearest(action, known.values())
        raise SettingsError(f"no request needs the action {action}: the nearest is {near}")
    return known[action.lower()]


def _context(name: str, given: Iterable[str]) -> RequestContext:
    """Return the request's values: what is given, and who and when, which are always there."""
    now = datetime.now(UTC)
    values: Mapping[str, str] = {
        "aws:userid": name,
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
