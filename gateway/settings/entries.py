"""The entries that settings hold lists of: identities, groups and rules."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from gateway.access.identities import Identity
from gateway.access.policy import Policy, compile_policy, united
from gateway.flash.sketches import SIGHTINGS_MAX
from gateway.model.rates import BYTES_MIN, REQUESTS_MAX, Allowance, allowance_of
from gateway.model.rules import STRICT, Keep, Rule
from gateway.model.voices import FOREBAY, UNSIGNED, Keys, Voice, own_voice
from gateway.settings.fields import Section, refuse, refuse_half, setting
from gateway.settings.values import Seconds, Secret, Size, Words, WrittenFreshness, WrittenShare


def _check_match(match: str) -> str:
    if "*" in match[:-1]:
        raise ValueError(f'"{match}" has a * before its end, where it is not understood')
    if not match.endswith("*") and not all(match.partition("/")):
        raise ValueError(f'"{match}" names no object: write "{match.rstrip("/")}/*"')
    return match


def checked_policy(policy: object) -> object:
    """Return a policy as it is written, if it can be judged; raises PolicyError."""
    if policy is not None:
        compile_policy(policy)
    return policy


class GroupSettings(Section):
    """What several identities may do, said once."""

    name: str = setting("The name that identities give in `groups`.", min_length=1, max_length=128)
    policy: Annotated[object, AfterValidator(checked_policy)] = setting(
        "What its members may do, or may not: written like an identity's. A group without one is "
        "for the modes of files alone.",
        None,
    )


def compiled(groups: Iterable[GroupSettings]) -> Mapping[str, Policy]:
    """Return the groups' policies by name."""
    return {
        one.name: united([])
        if one.policy is None
        else compile_policy(one.policy, f'group "{one.name}", ')
        for one in groups
    }


class IdentitySettings(Section):
    """Someone who may use Forebay, and what for."""

    name: str = setting("The name in logs.", min_length=1, max_length=128)
    access_key: str | None = setting(
        "The access key that clients sign with. Every identity has one but the anonymous.",
        None,
        min_length=1,
        max_length=128,
        pattern=r"^[^\s/,=]+$",  # these delimit the Credential of a signature
    )
    secret_key: Secret | None = setting("The secret that clients sign with.", None, min_length=1)
    policy: Annotated[object, AfterValidator(checked_policy)] = setting(
        "`admin`, `read-only`, an IAM policy (a table, or its JSON as a text), or a list of its "
        "statements: tables with Effect, Action (or NotAction), Resource (or NotResource), "
        "Condition and Sid. May be left out by who is in a group.",
        None,
    )
    groups: Words = setting(
        "Groups whose policies apply as well; one or a list. What any of them denies is denied.",
        (),
        unit="groups",
    )
    anonymous: bool = setting(
        "Whether this is who signs nothing: its policy says what unsigned requests may do, and to "
        "the origin they go unsigned too, unless `origin_access_key` is set. At most one identity; "
        "without one, unsigned requests are refused.",
        default=False,
    )
    origin_access_key: str | None = setting(
        "The identity's own access key at the origin, so that the origin's ACLs, owners and "
        "policies hold for it as well. Without one Forebay asks in its own name.",
        None,
        min_length=1,
    )
    origin_secret_key: Secret | None = setting("The secret of `origin_access_key`.", None)
    origin_session_token: Secret | None = setting(
        "The session token, where `origin_access_key` is a temporary one.",
        None,
    )

    requests_per_second_max: float | None = setting(
        "Requests a second on all workers together; more are refused with 503 SlowDown.",
        None,
        unit="requests/s",
        gt=0,
        le=REQUESTS_MAX,
    )
    requests_burst: int | None = setting(
        "Requests that may come at once after a pause. Without it, those of one second.",
        None,
        unit="requests",
        ge=1,
    )
    bytes_per_second_max: Size | None = setting(
        "Body bytes a second on all workers together, up and down; faster bodies are slowed down.",
        None,
        unit="size",
        ge=BYTES_MIN,
    )
    bytes_burst: Size | None = setting(
        "Body bytes that may pass at once after a pause. Without it, those of one second.",
        None,
        unit="size",
        ge=1024,
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        table = f'identities "{self.name}"'
        refuse_half(self, table, "access_key", "secret_key")
        if self.anonymous and self.access_key:
            refuse(f"{table} is anonymous and has an access_key: remove one of the two")
        if not self.anonymous and not self.access_key:
            refuse(f"{table} has no access_key: add access_key and secret_key")
        refuse_half(self, table, "origin_access_key", "origin_secret_key")
        if self.origin_session_token and not self.origin_access_key:
            refuse(
                f"{table}.origin_session_token stands without origin_access_key: "
                "add the key it is for"
            )
        return self

    @model_validator(mode="after")
    def _check_bursts(self) -> Self:
        for rate, burst in (
            ("requests_per_second_max", "requests_burst"),
            ("bytes_per_second_max", "bytes_burst"),
        ):
            if getattr(self, burst) is not None and getattr(self, rate) is None:
                refuse(f'the identity "{self.name}" has {burst} without {rate}: add or remove one')
        return self

    @property
    def _allowance(self) -> Allowance:
        return allowance_of(
            self.requests_per_second_max,
            self.bytes_per_second_max,
            requests_burst=self.requests_burst,
            bytes_burst=self.bytes_burst,
        )

    def as_identity(self, groups: Iterable[GroupSettings] = ()) -> Identity:
        """Return the identity that requests are judged by; `groups` are all that there are."""
        policies = [compile_policy(self.policy)] if self.policy is not None else []
        policies += compiled(group for group in groups if group.name in self.groups).values()
        return Identity(
            self.name,
            self.access_key or "",
            self.secret_key.get_secret_value() if self.secret_key is not None else "",
            united(policies),
            voice=self._voice(),
            allowance=self._allowance,
            groups=tuple(self.groups),
        )

    def _voice(self) -> Voice:
        """Return who asks the origin for this identity."""
        if self.origin_access_key is None or self.origin_secret_key is None:
            return UNSIGNED if self.anonymous else FOREBAY
        token = self.origin_session_token
        return own_voice(
            Keys(
                self.origin_access_key,
                self.origin_secret_key.get_secret_value(),
                token.get_secret_value() if token is not None else None,
            )
        )


class RuleSettings(Section):
    """What is promised for a bucket or prefix; the longest match wins."""

    match: Annotated[str, AfterValidator(_check_match)] = setting(
        "`bucket/prefix*` for everything that begins so, `bucket/key` for one object.",
    )
    freshness: WrittenFreshness = setting(
        "`strict`: the origin confirms each hit. `pinned`: except a GET that names the version "
        "(If-Match, versionId). `bounded(30s)`: a confirmation holds that long. `exclusive`: until "
        "someone writes, since all writers come through this Forebay. `immutable`: for ever. "
        "`bypass`: streamed through, never kept.",
        STRICT,
    )
    stale_if_error: Seconds = setting(
        "How old a confirmation may be that is still served, marked `X-Cache: STALE`, while the "
        "origin cannot be asked. 0: never.",
        0.0,
        unit="duration",
        ge=0,
    )
    admit_on_write: bool = setting(
        "Whether a body written through Forebay is kept on flash at once, for writers that are "
        "soon followed by readers.",
        default=False,
    )
    batch_validation: bool = setting(
        "Whether one LIST page may confirm many objects that wait, in place of a HEAD for each: "
        "where the origin is asked more than it can take, and many keys lie close together. Needs "
        '`origin.list_consistency = "strong"`. What LIST cannot show (tags, locks, the right to '
        "read) is then up to an hour old; a request with `Cache-Control: no-cache` asks by HEAD.",
        default=False,
    )

    hold: Seconds = setting(
        "How long what came to flash is not evicted for other objects of this rule: once there is "
        "no room, what comes is streamed past, so that a data set larger than flash, read in "
        "another order each epoch, hits in proportion. `forebay cache drop` ends it. Others take "
        "its place where they need it, unless `flash_share` reserves it. 0: not at all.",
        0.0,
        unit="duration",
        ge=0,
    )
    pin: bool = setting(
        "Whether what came to flash is never evicted. All that is pinned, here and by `forebay "
        "cache pin`, takes at most half of flash; what comes beyond that is streamed past.",
        default=False,
    )
    ttl: Seconds = setting(
        "How long after it was fetched a chunk leaves flash, whether it is read or not; up to an "
        "eighth earlier, since whole segments leave. 0: no such time.",
        0.0,
        unit="duration",
        ge=0,
    )
    flash_share: WrittenShare | None = setting(
        "How much of flash the rule's objects may take: a part of `flash.size`, `30%`, or a size.",
        None,
        unit="share",
    )
    admit_size_min: Size = setting("Smaller objects are streamed past flash.", 0, unit="size", ge=0)
    admit_size_max: Size | None = setting(
        "Larger objects are streamed past flash.", None, unit="size", ge=0
    )
    admit_hits_min: int = setting(
        "At which request within one to two hours an object is admitted; before that it is "
        "streamed past. 1: at the first.",
        1,
        unit="requests",
        ge=1,
        le=SIGHTINGS_MAX,
    )

    @model_validator(mode="after")
    def _check_keeping(self) -> Self:
        table = f'rules "{self.match}"'
        if self.pin and self.ttl:
            refuse(f"{table} has pin and ttl: what leaves after a time is not pinned, remove one")
        if self.ttl and self.hold > self.ttl:
            refuse(f"{table} has a hold longer than its ttl: make it shorter")
        if self.admit_size_max is not None and self.admit_size_max < self.admit_size_min:
            refuse(f"{table} has an admit_size_max below its admit_size_min: nothing would fit")
        return self

    def as_rule(self) -> Rule:
        """Return the rule that requests are judged by."""
        keep = Keep(
            hold_seconds=self.hold,
            is_pinned=self.pin,
            ttl_seconds=self.ttl,
            share=self.flash_share,
            admit_bytes_min=self.admit_size_min,
            admit_bytes_max=self.admit_size_max,
            admit_hits_min=self.admit_hits_min,
        )
        return Rule(
            self.match,
            self.freshness,
            self.admit_on_write,
            self.stale_if_error,
            keep,
            self.batch_validation,
        )
