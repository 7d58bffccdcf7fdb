"""STS calls: what the query API asks, taken from its form and judged as AWS documents it (pure).

What a call may carry stands in a table. What Forebay does not model (tags, MFA, managed policies)
is refused by name, never ignored: a session that was meant to be narrower would be too wide.
https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html, Version 2011-06-15
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.failures import InvalidRequest

VERSION: Final = "2011-06-15"
DURATION_SECONDS_MIN: Final = 900
ROLE_SECONDS_MAX: Final = 43_200
IDENTITY_SECONDS_DEFAULT: Final = 43_200
IDENTITY_SECONDS_MAX: Final = 129_600
POLICY_LETTERS_MAX: Final = 2048
WEB_TOKEN_LETTERS_MAX: Final = 20_000

_OF_SIGNATURE: Final = "x-amz-"
_ROLE_ARN: Final = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:iam::[0-9]{12}:role/([\w+=,.@-]{1,64})", re.ASCII
).fullmatch
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII).fullmatch
_NUMBER: Final = re.compile(r"[0-9]{1,9}").fullmatch


@dataclass(frozen=True, slots=True)
class Shape:
    """What one action takes."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    is_signed: bool = True


_SHARED: Final = frozenset({"Policy", "DurationSeconds"})
ACTIONS: Final[Mapping[str, Shape]] = {
    # ExternalId is for trusts that ask for it; as at AWS it changes nothing where none does.
    "AssumeRole": Shape(frozenset({"RoleArn", "RoleSessionName"}), _SHARED | {"ExternalId"}),
    "AssumeRoleWithWebIdentity": Shape(
        frozenset({"RoleArn", "RoleSessionName", "WebIdentityToken"}), _SHARED, is_signed=False
    ),
    "GetCallerIdentity": Shape(),
    "GetSessionToken": Shape(frozenset(), frozenset({"DurationSeconds"})),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its action, and its parameters as sent."""

    action: str
    parameters: Mapping[str, str]

    @property
    def is_signed(self) -> bool:
        """Return whether who asks stands in the signature."""
        return ACTIONS[self.action].is_signed

    @property
    def role_name(self) -> str:
        """Return the role of RoleArn, whatever its account: there is one."""
        found = _ROLE_ARN(self.parameters["RoleArn"])
        if found is None:
            raise _invalid("RoleArn", "Member must be written arn:aws:iam::000000000000:role/NAME")
        return found[1]

    @property
    def session_name(self) -> str:
        """Return RoleSessionName."""
        name = self.parameters["RoleSessionName"]
        if not _SESSION_NAME(name):
            raise _invalid(
                "roleSessionName",
                "Member must satisfy regular expression pattern: [\\w+=,.@-]* and have length "
                "from 2 to 64",
            )
        return name

    @property
    def policy(self) -> str:
        """Return the session policy, '' where there is none."""
        policy = self.parameters.get("Policy", "")
        if len(policy) > POLICY_LETTERS_MAX:
            raise _invalid("policy", f"Member must have length at most {POLICY_LETTERS_MAX}")
        return policy

    def find_seconds(self, seconds_max: int) -> int | None:
        """Return DurationSeconds, or None where it was not sent."""
        text = self.parameters.get("DurationSeconds")
        if text is None:
            return None
        seconds = int(text) if _NUMBER(text) else -1
        if not DURATION_SECONDS_MIN <= seconds <= seconds_max:
            raise _invalid(
                "durationSeconds",
                f"Member must have value from {DURATION_SECONDS_MIN} to {seconds_max}",
            )
        return seconds

    @property
    def web_token(self) -> str:
        """Return WebIdentityToken."""
        token = self.parameters["WebIdentityToken"]
        if len(token) > WEB_TOKEN_LETTERS_MAX:
            raise _invalid(
                "webIdentityToken", f"Member must have length at most {WEB_TOKEN_LETTERS_MAX}"
            )
        return token


def parse_call(pairs: Iterable[tuple[str, str]]) -> Call:
    """Return the call that decoded pairs make; those of a presigned signature are left out.

    Raises InvalidRequest (InvalidAction, MissingAction, ValidationError).
    """
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name.lower().startswith(_OF_SIGNATURE):
            continue
        if name in parameters:
            raise InvalidRequest(f"{name} stands twice", code="ValidationError")
        parameters[name] = value
    action = parameters.pop("Action", "")
    version = parameters.pop("Version", VERSION)
    if not action:
        raise InvalidRequest("The request has no Action", code="MissingAction")
    if action not in ACTIONS or version != VERSION:
        raise InvalidRequest(
            f"Could not find operation {action} for version {version}", code="InvalidAction"
        )
    _check_names(ACTIONS[action], parameters)
    return Call(action, parameters)


def _check_names(shape: Shape, parameters: Mapping[str, str]) -> None:
    for name in sorted(shape.required):
        if not parameters.get(name):
            raise _invalid(name[:1].lower() + name[1:], "Member must not be null")
    unknown = sorted(parameters.keys() - shape.required - shape.optional)
    if unknown:
        raise InvalidRequest(
            f"The parameter {unknown[0]} is not supported here: leave it out",
            code="ValidationError",
        )


def _invalid(name: str, constraint: str) -> InvalidRequest:
    return InvalidRequest(
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
        f"{constraint}",
        code="ValidationError",
    )
