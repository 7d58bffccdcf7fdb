"""From a policy as it is written to statements; what cannot be judged is refused (pure).

Written is a document (a table, or the text of IAM's JSON), or its statements alone. Unknown
elements are refused and never ignored: a condition that is silently ignored turns a narrow
permission into a wide one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, NoReturn

from gateway.access.admin_actions import ADMIN_ACTIONS, IDENTITY_PREFIX
from gateway.access.policy_conditions import ANY_ACTION, Condition, compile_conditions
from gateway.access.policy_patterns import EVERYTHING, compile_texts, parse_text
from gateway.access.policy_refusals import PolicyError, nearest, texts
from gateway.access.policy_statements import Actions, Resources, Statement, is_foreign

ARN_PREFIX: Final = "arn:aws:s3:::"
ROLE_PREFIX: Final = "arn:aws:iam::000000000000:role/"
"""What resources of `sts:` actions begin with, whatever account a policy writes: there is one."""
JSON_LETTERS_MAX: Final = 131_072

_VERSION: Final = "2012-10-17"
_OLD_VERSION: Final = "2008-10-17"
_ARN_PREFIXES: Final = (ARN_PREFIX, "arn:aws-cn:s3:::", "arn:aws-us-gov:s3:::")
_ROLE: Final = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:iam::(?:[0-9]{12}|\*):role/(.+)", re.DOTALL
).fullmatch
_FOREBAY: Final = "forebay:"
_SERVICES: Final = ("s3:", "s3express:", "sts:", _FOREBAY)
_ELEMENTS: Final = (
    "Action",
    "Condition",
    "Effect",
    "NotAction",
    "NotResource",
    "Resource",
    "Sid",
)
_DOCUMENT: Final = ("Id", "Statement", "Version")
_FOREIGN: Final = {
    name: f"{name} belongs to a bucket's policy; here who has it is the principal: remove it"
    for name in ("Principal", "NotPrincipal")
}


def parse_json(text: str) -> object:
    """Return what a policy's JSON says; raises PolicyError, also where a name stands twice."""
    if len(text) > JSON_LETTERS_MAX:
        raise PolicyError(f"a policy may have {JSON_LETTERS_MAX} letters")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise PolicyError("the policy's JSON is nested too deeply") from None
    except PolicyError:
        raise
    except ValueError as error:
        # Most are JSONDecodeErrors; a number of 5,000 digits is a plain one.
        raise PolicyError(f"the policy is not JSON: {error}") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; of a name that stands twice one value would be ignored."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        )
        raise PolicyError(f"{twice} stands twice in one object of the policy: join the two")
    return found


def parse_policy(source: object, owner: str = "") -> tuple[Statement, ...]:
    """Return the statements of a document or of a list of statements.

    `owner` begins their labels. Raises PolicyError with one sentence.
    """
    version = _VERSION  # statements alone are written for Forebay, hence in the language of today
    if isinstance(source, Mapping):
        version = _check_document(source)
        source = source["Statement"]
        source = [source] if isinstance(source, Mapping) else source
    if not isinstance(source, list | tuple) or not source:
        raise PolicyError(
            "a policy is a builtin's name, a list of at least one statement, or a document"
        )
    statements = tuple(_statement(one, number, owner) for number, one in enumerate(source, start=1))
    if version != _VERSION and any(_has_variable(one) for one in source):
        raise PolicyError(f'variables ("${{...}}") need Version "{_VERSION}": add it')
    _refuse_twin_sids(source)
    return statements


def _check_document(document: Mapping[str, object]) -> str:
    """Return the version of the language; raises PolicyError."""
    for element in document:
        if element not in _DOCUMENT:
            _refuse_element(element, "a policy", _DOCUMENT)
    if "Statement" not in document:
        raise PolicyError("the policy has no Statement: a document has Version and Statement")
    version = document.get("Version", _OLD_VERSION)
    if version not in (_VERSION, _OLD_VERSION):
        raise PolicyError(f'Version is "{_VERSION}" (or the old "{_OLD_VERSION}"), not {version!r}')
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError("Id must be a string")
    return str(version)


def _refuse_element(element: str, where: str, known: tuple[str, ...]) -> NoReturn:
    raise PolicyError(
        _FOREIGN.get(element)
        or f"{element} is not supported in {where}: the nearest known is {nearest(element, known)}"
    )


def _refuse_twin_sids(
    source: list[Mapping[str, object]] | tuple[Mapping[str, object], ...],
) -> None:
    sids = Counter(one["Sid"] for one in source if one.get("Sid"))
    for sid, count in sids.items():
        if count > 1:
            raise PolicyError(f'the Sid "{sid}" stands twice: a Sid names one statement')


def _has_variable(part: object) -> bool:
    if isinstance(part, str):
        return "${" in part
    if isinstance(part, Mapping):
        return any(_has_variable(one) for one in part.values())
    return isinstance(part, list | tuple) and any(_has_variable(one) for one in part)


def _statement(source: object, number: int, owner: str) -> Statement:
    if not isinstance(source, Mapping):
        raise PolicyError("a statement is a table with Effect, Action and Resource")
    for element in source:
        if element not in _ELEMENTS:
            _refuse_element(element, "a statement", _ELEMENTS)
    sid = source.get("Sid", "")
    if not isinstance(sid, str):
        raise PolicyError("Sid must be a string")
    effect = source.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f'Effect must be "Allow" or "Deny", not {effect!r}')
    actions, is_other_actions = _chosen(source, "Action")
    resources, is_other_resources = _chosen(source, "Resource")
    conditions: tuple[Condition, ...] = ()
    if "Condition" in source:
        conditions = compile_conditions(source["Condition"], is_allow=effect == "Allow")
    return Statement(
        label=f"{owner}statement {number}" + (f' "{sid}"' if sid else ""),
        is_allow=effect == "Allow",
        actions=_actions(actions, is_other_actions),
        resources=_resources(_meant(resources, actions), is_other_resources),
        conditions=conditions,
    )


def _chosen(source: Mapping[str, object], element: str) -> tuple[tuple[str, ...], bool]:
    """Return the texts of `element` or of its negation, and whether it was the negation."""
    negation = f"Not{element}"
    if (element in source) == (negation in source):
        raise PolicyError(f"a statement needs exactly one of {element} and {negation}")
    name = negation if negation in source else element
    return texts(name, source[name]), name == negation


def _actions(patterns: tuple[str, ...], is_negated: bool) -> Actions:
    for pattern in patterns:
        if pattern != "*" and not pattern.lower().startswith(_SERVICES):
            raise PolicyError(
                f'the action "{pattern}" must begin with "s3:", "sts:" or "forebay:" (or be "*")'
            )
        if "${" in pattern:
            raise PolicyError(f'the action "{pattern}" has a variable: actions know none')
        if pattern.lower().startswith(_FOREBAY):
            _require_known(pattern)
    parsed = [parse_text(pattern.lower(), has_wildcards=True) for pattern in patterns]
    everything = (EVERYTHING, parse_text(ANY_ACTION, has_wildcards=True))
    return Actions(
        compile_texts(parsed, re.IGNORECASE | re.ASCII),
        is_negated,
        is_every=not is_negated and any(text in everything for text in parsed),
    )


def _require_known(pattern: str) -> None:
    """Raise PolicyError for a pattern that no action of the admin API matches: all are known."""
    matches = compile_texts([parse_text(pattern, has_wildcards=True)], re.IGNORECASE).fullmatch
    if not any(map(matches, ADMIN_ACTIONS)):
        known = nearest(pattern, ADMIN_ACTIONS)
        raise PolicyError(f'the action "{pattern}" is not known: the nearest is {known}')


def _resources(patterns: tuple[str, ...], is_negated: bool) -> Resources:
    parsed = [parse_text(_short(pattern), has_wildcards=True) for pattern in patterns]
    fixed = [text for text in parsed if not text.keys]
    # No pattern that is meant for buckets covers a role or an identity: as at AWS, only `*` does,
    # and what names their ARN.
    is_all = "*" in patterns
    foreign = [text for text in fixed if is_foreign(text.beginning)] + [EVERYTHING] * is_all
    return Resources(
        compile_texts(fixed) if fixed else None,
        tuple(text for text in parsed if text.keys),
        is_negated,
        frozenset({""} if is_negated else (text.beginning for text in parsed)),
        compile_texts(foreign) if foreign else None,
    )


def _meant(resources: tuple[str, ...], actions: tuple[str, ...]) -> tuple[str, ...]:
    """Return resources in the form that requests are judged by; raises PolicyError.

    `identity/NAME` is an identity beside actions of `forebay:`, and else a key in a bucket.
    """
    ours = [action.lower().startswith(_FOREBAY) for action in actions]
    if not any(ours):
        return resources
    meant = tuple(
        IDENTITY_PREFIX + one.removeprefix("identity/")
        if all(ours) and one.startswith("identity/")
        else one
        for one in resources
    )
    for one in meant:
        if one != "*" and not (one.startswith(IDENTITY_PREFIX) if all(ours) else is_foreign(one)):
            raise PolicyError(
                f'the resource "{one}" is none of a forebay: action, which takes "*" or '
                '"identity/NAME": write a statement of its own'
            )
    return meant


def _short(resource: str) -> str:
    """Return `bucket/key` of a resource that may be an ARN; raises PolicyError."""
    if role := _ROLE(resource):
        return ROLE_PREFIX + role[1]
    if resource.startswith(IDENTITY_PREFIX):
        return resource
    short = resource
    for prefix in _ARN_PREFIXES:
        short = short.removeprefix(prefix)
    if not short or short.startswith(("arn:", "/")):
        raise PolicyError(f'the resource "{resource}" must be written "bucket/key"')
    return short
