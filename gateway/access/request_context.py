"""What conditions may ask of a request: the known keys, and their values in one request (pure).

A key is there only in requests where AWS has it (Service Authorization Reference, *Actions,
resources, and condition keys for Amazon S3*): `?prefix=` in a GetObject is no s3:prefix, or a
client could satisfy a condition on listings with a parameter that nobody obeys. What stands twice
with different values is refused: it is not known which of the two the origin obeys.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.requests import copy_source


class Kind(Enum):
    """How the values of a key are compared."""

    TEXT = "a text"
    NUMBER = "a number"
    MOMENT = "a moment"
    SECONDS = "seconds since 1970"
    TRUTH = "true or false"
    ADDRESS = "an IP address"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request beside its policy."""

    head: RequestHead
    username: str | None
    """None: who asks is no user, but plays a role."""
    source_ip: str | None
    now: datetime
    """Aware."""
    userid: str
    """A user's name; of who plays a role, `ROLE:SESSION`."""


Reader = Callable[[Facts], str | None]


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """One key: its kind, the actions in whose requests it is (None: in all), where it stands."""

    name: str
    kind: Kind
    actions: frozenset[str] | None
    read: Reader


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The values of one request, by the key's name in lower case; what is not there is missing."""

    values: Mapping[str, str] = field(default_factory=dict)

    def find(self, key: str) -> str | None:
        """Return the value of a key (lower case), or None where the request has none."""
        return self.values.get(key)

    def elsewhere(self, version_id: str | None = None) -> "RequestContext":
        """Return the context of another object or bucket that the request concerns besides.

        What the request says of its target (a prefix, an ACL) it does not say of the other.
        """
        if not self.values:
            return self
        kept = {name: value for name, value in self.values.items() if KEYS[name].actions is None}
        return RequestContext(kept if version_id is None else kept | {_VERSION_ID: version_id})


NOTHING_KNOWN: Final = RequestContext()
"""For policies that ask nothing of the request, which are most."""

_VERSION_ID: Final = "s3:versionid"
_INTEGER: Final = re.compile(r"[0-9]{1,18}").fullmatch


def request_context(keys: Collection[str], facts: Facts) -> RequestContext:
    """Return the values of `keys` (lower case) in a request.

    Raises InvalidRequest (InvalidArgument) where one of them stands twice or is no value at all.
    """
    if not keys:
        return NOTHING_KNOWN
    found = {key: KEYS[key].read(facts) for key in keys}
    return RequestContext({key: value for key, value in found.items() if value is not None})


def _only(name: str, values: list[str]) -> str | None:
    if len(set(values)) > 1:
        raise InvalidRequest(
            f"{name} stands more than once with different values", code="InvalidArgument"
        )
    return values[0] if values else None


def _parameter(name: str) -> Reader:
    def read(facts: Facts) -> str | None:
        return _only(name, [value for one, value in facts.head.query_pairs() if one == name])

    return read


def _header(name: str) -> Reader:
    """Return the reader of a header; x-amz-* ones may be hoisted into a presigned query."""

    def read(facts: Facts) -> str | None:
        values = list(facts.head.headers.getall(name, ()))
        if name.startswith("x-amz-") and facts.head.query:
            values += [value for one, value in facts.head.query_pairs() if one.lower() == name]
        return _only(name, values)

    return read


def _read_max_keys(facts: Facts) -> str | None:
    value = _parameter("max-keys")(facts)
    if not value:
        return None  # S3 takes an empty one for none
    if not _INTEGER(value):
        # Else a number that only the origin can read would slip past a condition that denies it.
        raise InvalidRequest("Provided max-keys not an integer", code="InvalidArgument")
    return value


def _read_copy_source(facts: Facts) -> str | None:
    """Return `bucket/key`, decoded: the source that is judged and sent, however it is spelt."""
    header = facts.head.headers.get("x-amz-copy-source")
    if header is None:
        return None
    name, _ = copy_source(header)
    return f"{name.bucket}/{name.key}"


_LISTS: Final = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
_OF_VERSION: Final = frozenset(
    {
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectVersionTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionAttributes",
        "s3:GetObjectVersionTagging",
        "s3:GetObjectVersionTorrent",
        "s3:PutObjectVersionAcl",
        "s3:PutObjectVersionTagging",
    }
)
_WITH_ACL: Final = frozenset(
    {
        "s3:CreateBucket",
        "s3:PutBucketAcl",
        "s3:PutObject",
        "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl",
    }
)
_PUTS: Final = frozenset({"s3:PutObject"})


def _iso(facts: Facts) -> str:
    return facts.now.isoformat(timespec="seconds")


def _epoch(facts: Facts) -> str:
    return str(int(facts.now.timestamp()))


_ROWS: Final = (
    ConditionKey("aws:CurrentTime", Kind.MOMENT, None, _iso),
    ConditionKey("aws:EpochTime", Kind.SECONDS, None, _epoch),
    ConditionKey("aws:Referer", Kind.TEXT, None, _header("referer")),
    ConditionKey(
        "aws:SecureTransport", Kind.TRUTH, None, lambda facts: str(facts.head.secure).lower()
    ),
    ConditionKey("aws:SourceIp", Kind.ADDRESS, None, lambda facts: facts.source_ip),
    ConditionKey("aws:UserAgent", Kind.TEXT, None, _header("user-agent")),
    ConditionKey("aws:userid", Kind.TEXT, None, lambda facts: facts.userid),
    ConditionKey("aws:username", Kind.TEXT, None, lambda facts: facts.username),
    ConditionKey("s3:VersionId", Kind.TEXT, _OF_VERSION, _parameter("versionId")),
    ConditionKey("s3:delimiter", Kind.TEXT, _LISTS, _parameter("delimiter")),
    ConditionKey("s3:max-keys", Kind.NUMBER, _LISTS, _read_max_keys),
    ConditionKey("s3:prefix", Kind.TEXT, _LISTS, _parameter("prefix")),
    ConditionKey("s3:x-amz-acl", Kind.TEXT, _WITH_ACL, _header("x-amz-acl")),
    ConditionKey("s3:x-amz-copy-source", Kind.TEXT, _PUTS, _read_copy_source),
)
KEYS: Final[Mapping[str, ConditionKey]] = {row.name.lower(): row for row in _ROWS}
"""Every key that a condition may name; AWS compares their names without case."""
