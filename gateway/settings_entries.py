"""The entries that settings hold lists of: identities and rules."""

from typing import Annotated

from pydantic import AfterValidator

from gateway.access.identities import Identity
from gateway.access.policy import compile_policy
from gateway.model.rules import STRICT, Rule
from gateway.settings_fields import Section, setting
from gateway.settings_values import Secret, WrittenFreshness


def _check_match(match: str) -> str:
    if "*" in match[:-1]:
        raise ValueError(f'"{match}" has a * before its end, where it is not understood')
    if not match.endswith("*") and not all(match.partition("/")):
        raise ValueError(f'"{match}" names no object: write "{match.rstrip("/")}/*"')
    return match


def _check_policy(policy: object) -> object:
    compile_policy(policy)
    return policy


class IdentitySettings(Section):
    """Someone who may use Forebay, and what for."""

    name: str = setting("The name in logs.", min_length=1, max_length=128)
    access_key: str = setting(
        "The access key that clients sign with.",
        min_length=1,
        max_length=128,
        pattern=r"^[^\s/,=]+$",  # these delimit the Credential of a signature
    )
    secret_key: Secret = setting("The secret that clients sign with.", min_length=1)
    policy: Annotated[object, AfterValidator(_check_policy)] = setting(
        "`admin`, `read-only`, or IAM-style statements: tables with Effect, Action (or NotAction) "
        "and Resource (or NotResource).",
    )

    def as_identity(self) -> Identity:
        """Return the identity that requests are judged by."""
        return Identity(
            self.name,
            self.access_key,
            self.secret_key.get_secret_value(),
            compile_policy(self.policy),
        )


class RuleSettings(Section):
    """What is promised for a bucket or prefix; the longest match wins."""

    match: Annotated[str, AfterValidator(_check_match)] = setting(
        "`bucket/prefix*` for everything that begins so, `bucket/key` for one object.",
    )
    freshness: WrittenFreshness = setting(
        "`strict`: the origin confirms each hit. `bounded(30s)`: a confirmation holds that long. "
        "`immutable`: for ever. `bypass`: streamed through, never kept.",
        STRICT,
    )
    admit_on_write: bool = setting(
        "Whether a body written through Forebay is kept on flash at once, for writers that are "
        "soon followed by readers.",
        default=False,
    )

    def as_rule(self) -> Rule:
        """Return the rule that requests are judged by."""
        return Rule(self.match, self.freshness, self.admit_on_write)
