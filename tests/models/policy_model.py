"""What IAM policies mean, as plainly as can be said: the model that compiled ones must equal.

Written from AWS's pages and docs/CONFIGURATION.md alone, and shares no code with the gateway: no
regular expressions, nothing compiled, nothing remembered. Policies are taken as their JSON, and are
known to be well formed.
"""

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

Context = dict[str, str]
"""Values by the key's name as AWS writes it."""

KEYS_OF_SOME_ACTIONS = {
    "s3:prefix": ["s3:ListBucket", "s3:ListBucketVersions"],
    "s3:delimiter": ["s3:ListBucket", "s3:ListBucketVersions"],
    "s3:max-keys": ["s3:ListBucket", "s3:ListBucketVersions"],
    "s3:VersionId": ["s3:GetObjectVersion", "s3:DeleteObjectVersion"],
    "s3:x-amz-acl": ["s3:PutObject", "s3:PutObjectAcl", "s3:CreateBucket", "s3:PutBucketAcl"],
    "s3:x-amz-copy-source": ["s3:PutObject"],
}
UNKNOWN = "s3:*"
"""What is asked for where nobody knows the action."""


def is_allowed(policies: list[dict], action: str, resource: str, context: Context) -> bool:
    """Judge a request by the union of policies."""
    allowed = False
    for policy in policies:
        for statement in _listed(policy["Statement"]):
            if applies(statement, action, resource, context):
                if statement["Effect"] == "Deny":
                    return False
                allowed = True
    return allowed


def applies(statement: dict, action: str, resource: str, context: Context) -> bool:
    """Return whether a statement speaks of a request."""
    return (
        _speaks_of_action(statement, action)
        and _speaks_of_resource(statement, resource, context)
        and _conditions_hold(statement, action, context)
    )


def _speaks_of_action(statement: dict, action: str) -> bool:
    if action == UNKNOWN:
        if statement["Effect"] == "Deny":
            return True
        return any(one.lower() in ("*", "s3:*") for one in _listed(statement.get("Action", [])))
    if "Action" in statement:
        return any(_glob(one.lower(), action.lower(), {}) for one in _listed(statement["Action"]))
    return not any(
        _glob(one.lower(), action.lower(), {}) for one in _listed(statement["NotAction"])
    )


def _speaks_of_resource(statement: dict, resource: str, context: Context) -> bool:
    prefix = "arn:aws:s3:::"
    if "Resource" in statement:
        written = _listed(statement["Resource"])
    else:
        written = _listed(statement["NotResource"])
    found = False
    for one in written:
        found = found or _glob(one.removeprefix(prefix), resource, context)
    return found if "Resource" in statement else not found


def _conditions_hold(statement: dict, action: str, context: Context) -> bool:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            seen = _seen(statement, key, action, context)
            if not _holds(operator, key, _listed(values), seen):
                return False
    return True


def _seen(statement: dict, key: str, action: str, context: Context) -> Context:
    """Return the context without the key where requests for the action do not have it."""
    for known, actions in KEYS_OF_SOME_ACTIONS.items():
        if known.lower() == key.lower() and action not in actions:
            is_unknown_denied = action == UNKNOWN and statement["Effect"] == "Deny"
            return context if is_unknown_denied else _without(context, known)
    return context


def _holds(operator: str, key: str, wanted: list, context: Context) -> bool:
    value = _value(context, key)
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    if operator.endswith("IfExists"):
        if value is None:
            return True
        operator = operator[: -len("IfExists")]
    if "Not" in operator:
        if value is None:
            return True
        positive = operator.replace("Not", "")
        return not any(_compare(positive, value, one, context) for one in wanted)
    if value is None:
        return False
    return any(_compare(operator, value, one, context) for one in wanted)


def _compare(operator: str, value: str, wanted: str, context: Context) -> bool:
    if operator == "StringLike":
        return _glob(wanted, value, context)
    if operator.startswith("StringEquals"):
        letters = _letters(wanted, context)
        if letters is None:
            return False
        text = "".join(letter for letter, _ in letters)
        if operator == "StringEqualsIgnoreCase":
            return text.casefold() == value.casefold()
        return text == value
    return _compare_typed(operator, value, wanted)


def _compare_typed(operator: str, value: str, wanted: str) -> bool:
    if operator == "IpAddress":
        return ip_address(value) in ip_network(wanted)
    if operator == "Bool":
        return value == wanted
    if operator.startswith("Numeric"):
        return _ordered(operator[len("Numeric") :], float(value), float(wanted))
    return _ordered(operator[len("Date") :], _moment(value), _moment(wanted))


def _ordered(relation: str, value: float, wanted: float) -> bool:
    return {
        "Equals": value == wanted,
        "LessThan": value < wanted,
        "LessThanEquals": value <= wanted,
        "GreaterThan": value > wanted,
        "GreaterThanEquals": value >= wanted,
    }[relation]


def _moment(text: str) -> float:
    if text.isdigit():
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _letters(text: str, context: Context) -> list[tuple[str, bool]] | None:
    """Return each letter with whether it stands for itself; None where a variable has no value."""
    letters: list[tuple[str, bool]] = []
    while text:
        if not text.startswith("${"):
            letters.append((text[0], text[0] not in "*?"))
            text = text[1:]
            continue
        inside, text = text[2:].split("}", 1)
        if inside in ("*", "?", "$"):
            letters.append((inside, True))
            continue
        name, _, default = inside.partition(",")
        value = _value(context, name.strip())
        if value is None and default:
            value = default.strip().strip("'")
        if value is None:
            return None
        letters += [(letter, True) for letter in value]
    return letters


def _glob(pattern: str, text: str, context: Context) -> bool:
    """Match by a table: after each letter of the pattern, which beginnings of the text fit."""
    letters = _letters(pattern, context)
    if letters is None:
        return False
    fitting = {0}
    for letter, is_itself in letters:
        if is_itself:
            fitting = {at + 1 for at in fitting if at < len(text) and text[at] == letter}
        elif letter == "?":
            fitting = {at + 1 for at in fitting if at < len(text)}
        else:
            fitting = {end for at in fitting for end in range(at, len(text) + 1)}
    return len(text) in fitting


def _value(context: Context, key: str) -> str | None:
    for name, value in context.items():
        if name.lower() == key.lower():
            return value
    return None


def _without(context: Context, name: str) -> Context:
    return {one: value for one, value in context.items() if one != name}


def _listed(value: object) -> list:
    return value if isinstance(value, list) else [value]
