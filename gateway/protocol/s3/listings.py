"""Listings as the origin tells them: ListObjectsV2 pages read into rows (pure).

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.model.failures import InvalidRequest, OriginUnreachable
from gateway.protocol.http.dates import format_http_date
from gateway.protocol.http.percent import decode_query, encode
from gateway.protocol.s3.documents import find_document

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PAGE_KEYS_MAX = 1000
LISTING_BYTES_MAX = 16 * 1024 * 1024
"""A thousand keys of 1,024 bytes, each byte percent-encoded, with their owners."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object as a listing shows it; version id and checksums are in no listing."""

    key: str
    etag: str
    """As a HEAD shows it, with its quotes."""
    size: int
    last_modified: str
    """The HTTP date, as a HEAD shows it: fractions of a second are cut off."""
    storage_class: str
    """`STANDARD` where the origin names none."""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Up to a thousand objects and common prefixes, each in the order of their bytes."""

    objects: tuple[ListedObject, ...]
    next_token: str | None
    """Where the next page begins; None at the end."""
    prefixes: tuple[str, ...] = ()
    """What keys begin with up to the delimiter, where one was asked for."""


@dataclass(frozen=True, slots=True)
class ListedBucket:
    """A bucket as ListBuckets shows it."""

    name: str
    created: str
    """ISO 8601; empty where the origin does not say it."""


def listing_query(
    *,
    prefix: str = "",
    delimiter: str = "",
    start_after: str = "",
    token: str | None = None,
    count_max: int,
) -> str:
    """Return the query of one ListObjectsV2; keys come percent-encoded, so that XML holds any."""
    pairs = {
        "continuation-token": token,
        "delimiter": delimiter or None,
        "encoding-type": "url",
        "list-type": "2",
        "max-keys": str(count_max),
        "prefix": prefix or None,
        "start-after": start_after or None,
    }
    return "&".join(f"{name}={encode(value)}" for name, value in pairs.items() if value is not None)


def read_listing(body: bytes) -> ListedPage:
    """Return the page that a ListBucketResult holds.

    Raises OriginUnreachable for what cannot be read: a row that is not understood might be the one
    that matters.
    """
    root = find_document(body, LISTING_BYTES_MAX)
    if root is None or root.tag != "ListBucketResult":
        raise _unreadable()
    is_encoded = root.findtext("EncodingType") == "url"
    try:
        objects = tuple(_object(found, is_encoded=is_encoded) for found in root.iter("Contents"))
        prefixes = tuple(
            _prefix(found, is_encoded=is_encoded) for found in root.iter("CommonPrefixes")
        )
    except (ValueError, InvalidRequest):
        raise _unreadable() from None
    token = root.findtext("NextContinuationToken") or None
    is_truncated = root.findtext("IsTruncated") == "true"
    if is_truncated and token is None:
        raise _unreadable()
    return ListedPage(objects, token if is_truncated else None, prefixes)


def read_buckets(body: bytes) -> tuple[ListedBucket, ...]:
    """Return what a ListAllMyBucketsResult holds, by name; raises OriginUnreachable."""
    root = find_document(body, LISTING_BYTES_MAX)
    if root is None or root.tag != "ListAllMyBucketsResult":
        raise _unreadable()
    found = [
        ListedBucket(bucket.findtext("Name") or "", bucket.findtext("CreationDate") or "")
        for bucket in root.iter("Bucket")
    ]
    return tuple(sorted((one for one in found if one.name), key=lambda one: one.name))


def _prefix(found: "Element", *, is_encoded: bool) -> str:
    text = found.findtext("Prefix")
    if not text:
        raise ValueError("a common prefix without a text")
    return decode_query(text) if is_encoded else text


def _object(found: "Element", *, is_encoded: bool) -> ListedObject:
    return listed_object({child.tag: child.text or "" for child in found}, is_encoded=is_encoded)


def listed_object(texts: Mapping[str, str], *, is_encoded: bool) -> ListedObject:
    """Return what the texts of a row's elements say; raises ValueError and InvalidRequest."""
    key = texts.get("Key", "")
    if not key:
        raise ValueError("a row without a key")
    return ListedObject(
        key=decode_query(key) if is_encoded else key,
        etag=texts.get("ETag", ""),
        size=int(texts["Size"]) if texts.get("Size", "").isdecimal() else _no_size(),
        last_modified=http_date(texts.get("LastModified", "")),
        storage_class=texts.get("StorageClass") or "STANDARD",
    )


def _no_size() -> int:
    raise ValueError("a row without a size")


@lru_cache(maxsize=1024)  # objects written together have one date
def http_date(text: str) -> str:
    """Return the HTTP date of `2013-05-24T00:00:00.000Z`; raises ValueError."""
    try:
        return format_http_date(datetime.fromisoformat(text).replace(microsecond=0))
    except OverflowError:
        raise ValueError(f"{text} is before all time in UTC, or behind it") from None


def _unreadable() -> OriginUnreachable:
    return OriginUnreachable("The origin's listing cannot be read.")
