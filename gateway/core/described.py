"""What an origin's answer says of an object: its version, or why it cannot be cached (pure)."""

import re
from collections.abc import Mapping

from gateway.model.versions import Version

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]+"|[0-9A-Za-z.+/=_-]+')
_CHECKSUMS = frozenset(
    f"x-amz-checksum-{name}" for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_LENGTH = re.compile(r"[0-9]{1,19}").fullmatch
_NEVER_CACHED = (
    "x-amz-server-side-encryption-customer-algorithm",  # the client's key guards every read
    "x-amz-request-charged",  # requester-pays: each reader pays for itself
    "transfer-encoding",  # no length, no version
)
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def described_version(headers: Mapping[str, str], size: int | None = None) -> Version | None:
    """Return the version that a 200 or 206 describes, or None where it must not be cached.

    `size` is given for a 206, whose Content-Length and checksums are the part's. No ETag or a weak
    one, an unknown length, SSE-C, requester-pays and archived objects give None (semantics: *Same
    body*).
    """
    is_part = size is not None
    etag = headers.get("ETag", "")
    length = headers.get("Content-Length", "")
    if size is None and _LENGTH(length):
        size = int(length)
    if size is None or not _STRONG_ETAG.fullmatch(etag):
        return None
    if any(name in headers for name in _NEVER_CACHED):
        return None
    if headers.get("x-amz-storage-class") in _ARCHIVED:
        return None
    return Version(
        etag=etag,
        size=size,
        last_modified=headers.get("Last-Modified", ""),
        version_id=headers.get("x-amz-version-id"),
        checksums=() if is_part else full_object_checksums(headers),
    )


def full_object_checksums(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the stored checksums of the whole body; composite ones (`...-N`) say nothing of it.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return ()
    found = {name.lower(): value for name, value in headers.items()}
    return tuple(
        (name, found[name]) for name in sorted(_CHECKSUMS & found.keys()) if "-" not in found[name]
    )


def content_range(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Return (start, stop, size) of a 206's Content-Range, half-open; None where it has none."""
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is None:
        return None
    return int(match[1]), int(match[2]) + 1, int(match[3])


def has_same_tuple(
    headers: Mapping[str, str], version: Version, size: int, *, is_by_id: bool = False
) -> bool:
    """Return whether an answer to a pinned read shows exactly `version`.

    What was asked for by its version's id (`is_by_id`) may bear another date: see `is_lasting_id`.
    """
    return (
        headers.get("ETag") == version.etag
        and size == version.size
        and headers.get("x-amz-version-id") == version.version_id
        and (
            headers.get("Last-Modified", "") == version.last_modified
            or (is_by_id and is_lasting_id(version.version_id))
        )
    )


def is_lasting_id(version_id: str | None) -> bool:
    """Return whether an id names one version for ever; `null` is written over.

    Its date may then be another: versitygw dates a version anew when a later one is written.
    """
    return version_id not in (None, "null")
