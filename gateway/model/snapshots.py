"""What a snapshot is: a bucket of its own name over what was under a prefix at one moment (pure).

It holds names and versions and no bytes: those are the source's, on flash or at the origin. What
is kept on flash under a snapshot is named by its mark as well, so that a later snapshot of the same
name finds nothing of it.
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from gateway.model.names import ObjectName

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]").fullmatch
_BAD_PARTS: Final = ("..", ".-", "-.")
_RESERVED: Final = ("xn--", "sthree-", "amzn-s3-demo-")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
NAME_RULE: Final = "3 to 63 of a-z, 0-9, '.' and '-', as for a bucket"


class Recorded(NamedTuple):
    """One object as the listing showed it."""

    key: str
    etag: str
    """With its quotes."""
    size: int
    modified: str
    """As listed: `2026-11-28T15:50:23.000Z`."""
    version_id: str | None = None
    """None: the source was listed without versions."""
    more: str = ""
    """What else the listing said of it (StorageClass, ChecksumAlgorithm), as XML."""
    owner: str = ""
    """Its `<Owner>`, which listings show to who asks for it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a snapshot beside its objects."""

    name: str
    mark: str
    """Tells it from every other of the same name."""
    bucket: str
    prefix: str
    created: str
    """ISO 8601, UTC: when the listing began."""
    expires_at: float | None
    """Seconds since 1970; None: never."""
    objects: int
    bytes: int
    has_versions: bool
    """Whether version ids were recorded, which bring back what was overwritten since."""
    by: str

    def source_of(self, key: str) -> ObjectName:
        """Return the object that `key` was recorded from."""
        return ObjectName(self.bucket, key)

    def kept_name(self, key: str) -> ObjectName:
        """Return the name of the object's row on flash; '@' is in no bucket's name."""
        return ObjectName(f"{self.name}@{self.mark}", key)

    def is_over(self, now_seconds: float) -> bool:
        """Return whether it has expired."""
        return self.expires_at is not None and now_seconds >= self.expires_at

    def shown(self) -> dict[str, Any]:
        """Return it for people and programs, as JSON's types."""
        shown = asdict(self)
        del shown["mark"]
        expires_at = shown.pop("expires_at")
        moment = None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)
        return shown | {"expires": None if moment is None else written_moment(moment)}


def is_snapshot_name(name: str) -> bool:
    """Return whether a snapshot may be called so: as a bucket may today."""
    if not _NAME(name) or any(part in name for part in _BAD_PARTS) or name.startswith(_RESERVED):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False


def written_moment(moment: datetime) -> str:
    """Return a moment as people and JSON read it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
