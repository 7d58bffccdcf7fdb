"""An identity as the state keeps it, and its rows: one by name, one by access key.

The secret is sealed for its access key, so a secret moved to another identity's row does not open.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from gateway.access.identities import Identity
from gateway.access.policy import Policy, PolicyError, compile_policy, united
from gateway.access.policy_refusals import nearest
from gateway.model.failures import InvalidRequest
from gateway.model.rates import BYTES_MIN, REQUESTS_MAX, allowance_of
from gateway.state.sealing import Sealer
from gateway.state.store import Reading, Writing

PURPOSE: Final = "identity secrets"
"""What the sealer of identities' secrets is made for."""
ROWS: Final = "identities"
ACCESS_KEYS: Final = "access_keys"

_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}").fullmatch
_ACCESS_KEY: Final = re.compile(r"[!-+\--.0-<>-~]{3,128}").fullmatch
"""Printable ASCII without `,` `/` and `=`, which delimit the Credential of a signature."""
_SECRET: Final = re.compile(r"[!-~]{8,128}").fullmatch
_GROUPS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What a client signs with."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """One identity of the state."""

    name: str
    access_key: str
    sealed_secret: bytes = field(repr=False)
    policy: object
    """As written: a builtin's name, a document or a list of statements; None: its groups' only."""
    groups: tuple[str, ...]
    is_enabled: bool
    created: datetime
    rotated: datetime | None
    sessions_from: datetime
    """Temporary credentials issued before it are void; rotate, disable and remove move it on."""
    requests_per_second_max: float | None = None
    bytes_per_second_max: int | None = None
    """How much it may use of all workers together; None is without bound."""

    def shown(self) -> dict[str, Any]:
        """Return it for people and programs, as JSON's types, without the secret."""
        return {
            "name": self.name,
            "access_key": self.access_key,
            "policy": self.policy,
            "groups": list(self.groups),
            "enabled": self.is_enabled,
            "created": _text(self.created),
            "rotated": None if self.rotated is None else _text(self.rotated),
            "requests_per_second_max": self.requests_per_second_max,
            "bytes_per_second_max": self.bytes_per_second_max,
        }


def is_name(name: str) -> bool:
    """Return whether an identity of the state may be called so: by IAM's rules for user names."""
    return _NAME(name) is not None


def check_name(name: str) -> None:
    """Raise InvalidRequest for a name that is none."""
    if not is_name(name):
        raise InvalidRequest(
            f"{name!r} is no name: use 1 to 128 letters, digits and _+=,.@-", code="ValidationError"
        )


def check_keys(keys: KeyPair) -> None:
    """Raise InvalidRequest for a key pair that no client could sign with."""
    if not _ACCESS_KEY(keys.access_key):
        raise InvalidRequest(
            "an access key has 3 to 128 printable ASCII characters, none of them , / or =",
            code="ValidationError",
        )
    if not _SECRET(keys.secret_key):
        raise InvalidRequest(
            "a secret key has 8 to 128 printable ASCII characters", code="ValidationError"
        )


def compile_access(policy: object, groups: tuple[str, ...], known: Mapping[str, Policy]) -> Policy:
    """Return what an identity may do; `known` are the settings' groups.

    Raises InvalidRequest for a group that is not there, since to leave it out could lose a denial,
    and for a policy that cannot be judged.
    """
    for name in groups:
        if name not in known:
            near = f': the nearest is "{nearest(name, known)}"' if known else ""
            raise InvalidRequest(
                f'there is no group "{name}" in [[groups]]{near}', code="NoSuchGroup"
            )
    if policy is None and not groups:
        raise InvalidRequest("neither policy nor groups: give one", code="ValidationError")
    if len(groups) > _GROUPS_MAX:
        raise InvalidRequest(f"at most {_GROUPS_MAX} groups", code="ValidationError")
    try:
        own = [compile_policy(policy)] if policy is not None else []
    except PolicyError as error:
        raise InvalidRequest(str(error), code="MalformedPolicyDocument") from None
    members = [known[name] for name in groups]
    return own[0] if own and not members else united([*own, *members])


def check_rates(requests_per_second: float | None, bytes_per_second: int | None) -> None:
    """Raise InvalidRequest for rates out of bounds, which are those of the settings."""
    if requests_per_second is not None and not 0 < requests_per_second <= REQUESTS_MAX:
        raise InvalidRequest(
            f"requests_per_second_max is a number above 0, up to {REQUESTS_MAX:.0f}",
            code="ValidationError",
        )
    if bytes_per_second is not None and bytes_per_second < BYTES_MIN:
        raise InvalidRequest(
            f"bytes_per_second_max is at least {BYTES_MIN}", code="ValidationError"
        )


def opened(kept: KeptIdentity, policy: Policy, sealer: Sealer) -> Identity:
    """Return the identity that requests are judged by; raises SealError."""
    secret = sealer.open(kept.sealed_secret, kept.access_key).decode()
    return Identity(
        kept.name,
        kept.access_key,
        secret,
        policy,
        kept.sessions_from,
        allowance=allowance_of(kept.requests_per_second_max, kept.bytes_per_second_max),
        groups=kept.groups,
    )


def find_kept(reading: Reading, name: str) -> KeptIdentity | None:
    """Return the identity of that name in a snapshot."""
    row = reading.find(ROWS, name.encode())
    return None if row is None else decode_kept(row)


def put_kept(writing: Writing, kept: KeptIdentity, before: KeptIdentity | None = None) -> None:
    """Write both rows of an identity, in place of those of `before`."""
    if before is not None:
        delete_kept(writing, before)
    writing.put(ROWS, kept.name.encode(), encode_kept(kept))
    writing.put(ACCESS_KEYS, kept.access_key.encode(), kept.name.encode())


def delete_kept(writing: Writing, kept: KeptIdentity) -> None:
    """Remove both rows of an identity."""
    writing.delete(ROWS, kept.name.encode())
    writing.delete(ACCESS_KEYS, kept.access_key.encode())


def encode_kept(kept: KeptIdentity) -> bytes:
    """Return the row of an identity."""
    fields = kept.shown() | {
        "secret": b64encode(kept.sealed_secret).decode(),
        "sessions_from": _text(kept.sessions_from),
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def decode_kept(row: bytes) -> KeptIdentity:
    """Return the identity of a row."""
    fields = json.loads(row)
    rotated = fields["rotated"]
    return KeptIdentity(
        name=fields["name"],
        access_key=fields["access_key"],
        sealed_secret=b64decode(fields["secret"]),
        policy=fields["policy"],
        groups=tuple(fields["groups"]),
        is_enabled=fields["enabled"],
        created=datetime.fromisoformat(fields["created"]),
        rotated=None if rotated is None else datetime.fromisoformat(rotated),
        sessions_from=datetime.fromisoformat(fields["sessions_from"]),
        requests_per_second_max=fields.get("requests_per_second_max"),
        bytes_per_second_max=fields.get("bytes_per_second_max"),
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
