"""Whether a listing may confirm a row in place of a HEAD (pure).

A listing shows ETag, size and Last-Modified, which has a granularity of a second. It tells a
version from every later one only where Last-Modified lay well before the moment at which the
version was read: what comes later has a later date then (a strong validator, RFC 9110 8.8.2.2).
Both moments are the origin's own, by the Date of the answer that was read; a Date is
set early by as long as the answer took, since the origin may have looked that much sooner.

Some origins (S3) date an upload in parts by when it began: a later version may bear an earlier
date. Such ETags (`...-N`) are never left to a listing.
"""

from collections.abc import Iterable
from datetime import timedelta
from math import ceil
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.flash.rows import Row
from gateway.protocol.http.dates import find_http_date, find_http_seconds, format_http_date
from gateway.protocol.s3.headers import object_headers
from gateway.protocol.s3.listings import ListedObject

STRONG_SECONDS: Final = 2
"""How much older than its reading a version must be: one second of granularity, one of delay."""
SHOWN_SECONDS_MAX: Final = 3600
"""How old headers may be that only a HEAD can show (tags, locks, the right to read)."""
_NOTED_SECONDS: Final = SHOWN_SECONDS_MAX // 4
_STANDARD: Final = "STANDARD"


def is_listable(row: Row) -> bool:
    """Return whether a listing could confirm the row: strong, whole, and Forebay's own."""
    if not is_strong(row):
        return False
    return not any(name.lower() == "content-range" for name, _ in row.headers)


def is_strong(row: Row) -> bool:
    """Return whether what a listing shows tells the row's version from every later one."""
    if row.confirmed_to or row.confirmed_ns <= 0 or "-" in row.version.etag:
        return False
    read_at = _read_at(row)
    modified = find_http_seconds(row.version.last_modified)
    return read_at is not None and modified is not None and read_at - modified >= STRONG_SECONDS


def is_shown_lately(row: Row, date: str) -> bool:
    """Return whether the row's headers are young enough at the moment of an answer's `Date`."""
    read_at, now = _read_at(row), find_http_seconds(date)
    return read_at is not None and now is not None and now - read_at <= SHOWN_SECONDS_MAX


def is_same_listed(row: Row, listed: ListedObject) -> bool:
    """Return whether a listing's row shows the very version: ETag, size, date, storage class."""
    return (
        listed.etag.strip('"') == row.version.etag.strip('"')
        and listed.size == row.version.size
        and listed.last_modified == row.version.last_modified
        and listed.storage_class == _class_of(row.headers)
    )


def has_same_class(row: Row, headers: CIMultiDictProxy[str]) -> bool:
    """Return whether a HEAD's answer shows the row's storage class."""
    return _class_of(row.headers) == headers.get("x-amz-storage-class", _STANDARD)


def is_worth_showing(row: Row, fresh: Row) -> bool:
    """Return whether `fresh`, the same version, should replace what listings are to confirm."""
    if not is_listable(fresh):
        return False
    if not is_listable(row) or object_headers(row.headers) != object_headers(fresh.headers):
        return True
    before, now = _read_at(row), _read_at(fresh)
    return before is not None and now is not None and now - before > _NOTED_SECONDS


def dated_early(headers: CIMultiDictProxy[str], took_seconds: float) -> CIMultiDictProxy[str]:
    """Return the headers of an answer with the earliest moment that the origin can have looked."""
    if took_seconds < 1:
        return headers
    early = CIMultiDict(headers)
    moment = find_http_date(early.popall("Date", [""])[-1])
    if moment is not None:
        early["Date"] = format_http_date(moment - timedelta(seconds=ceil(took_seconds)))
    return CIMultiDictProxy(early)


def _class_of(headers: Iterable[tuple[str, str]]) -> str:
    return _find(headers, "x-amz-storage-class") or _STANDARD


def _read_at(row: Row) -> int | None:
    date = _find(row.headers, "date")
    return find_http_seconds(date) if date else None


def _find(headers: Iterable[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")
