"""Listings read whole, to be shown again: ListObjectsV2 and ListObjectVersions (pure).

Unlike `listings`, which reads what a job needs, this keeps all that the origin says of an object,
as it says it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.model.failures import InvalidRequest, OriginUnreachable
from gateway.model.snapshots import Recorded
from gateway.protocol.http.percent import decode_query, encode
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.listings import LISTING_BYTES_MAX, PAGE_KEYS_MAX, http_date
from gateway.protocol.s3.markup import escape

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TOLD: Final = frozenset({"ETag", "IsLatest", "Key", "LastModified", "Owner", "Size", "VersionId"})
"""What stands in a row's own fields, or is of versions only; all else is kept as it is written."""
_MARKERS: Final = (("key-marker", "NextKeyMarker"), ("version-id-marker", "NextVersionIdMarker"))


@dataclass(frozen=True, slots=True)
class RecordedPage:
    """Objects in the origin's order, and the query that asks for the next page; '' at the end."""

    rows: tuple[Recorded, ...]
    next_query: str


def first_query(prefix: str, *, by_versions: bool) -> str:
    """Return the query of a pass's first page."""
    kind = {"versions": ""} if by_versions else {"list-type": "2", "fetch-owner": "true"}
    asked = {**kind, "encoding-type": "url", "max-keys": str(PAGE_KEYS_MAX), "prefix": prefix}
    return "&".join(f"{name}={encode(value)}" for name, value in asked.items())


def read_recorded(body: bytes, prefix: str, *, by_versions: bool) -> RecordedPage:
    """Return the page that a body holds: of versions, those that are the latest.

    Raises OriginUnreachable for what cannot be read: the row that is not understood is missing.
    """
    root = find_document(body, LISTING_BYTES_MAX)
    expected = "ListVersionsResult" if by_versions else "ListBucketResult"
    if root is None or root.tag != expected:
        raise _unreadable()
    is_encoded = root.findtext("EncodingType") == "url"
    try:
        found = root.iter("Version" if by_versions else "Contents")
        rows = tuple(
            _row(one, is_encoded=is_encoded)
            for one in found
            if not by_versions or one.findtext("IsLatest") == "true"
        )
        return RecordedPage(
            rows, _next_query(root, prefix, by_versions=by_versions, is_encoded=is_encoded)
        )
    except (ValueError, KeyError, InvalidRequest):
        raise _unreadable() from None


def _next_query(root: "Element", prefix: str, *, by_versions: bool, is_encoded: bool) -> str:
    if root.findtext("IsTruncated") != "true":
        return ""
    asked = first_query(prefix, by_versions=by_versions)
    if not by_versions:
        token = root.findtext("NextContinuationToken")
        if not token:
            raise ValueError("more follows, and nothing says where")
        return f"{asked}&continuation-token={encode(token)}"
    markers = {name: root.findtext(tag) or "" for name, tag in _MARKERS}
    if not markers["key-marker"]:
        raise ValueError("more follows, and nothing says where")
    if is_encoded:
        markers["key-marker"] = decode_query(markers["key-marker"])
    return "&".join([asked, *(f"{name}={encode(one)}" for name, one in markers.items() if one)])


def _row(found: "Element", *, is_encoded: bool) -> Recorded:
    texts = {child.tag: child.text or "" for child in found if child.tag in _TOLD}
    key = decode_query(texts["Key"]) if is_encoded else texts["Key"]
    if not key:
        raise ValueError("a row without a key")
    http_date(texts["LastModified"])  # what is no date is told now, not when it is first read
    return Recorded(
        key,
        texts.get("ETag", ""),
        int(texts["Size"]),
        texts["LastModified"],
        texts.get("VersionId"),
        "".join(_written(child) for child in found if child.tag not in _TOLD),
        "".join(_written(child) for child in found if child.tag == "Owner"),
    )


def _written(found: "Element") -> str:
    inner = "".join(map(_written, found)) or escape(found.text or "")
    return f"<{found.tag}>{inner}</{found.tag}>"


def _unreadable() -> OriginUnreachable:
    return OriginUnreachable("The origin's listing cannot be read.")
