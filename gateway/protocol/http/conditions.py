"""Conditional requests, judged against a version (RFC 9110 13; pure).

The order is RFC 9110 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
If-Modified-Since. S3 follows it (a true If-Match makes a false If-Unmodified-Since moot) and also
takes ETags without their quotes, which many clients send.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.model.failures import NotModified, PreconditionFailed
from gateway.model.versions import Version
from gateway.protocol.http.dates import find_http_date

CONDITION_HEADERS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")

_ETAGS = re.compile(r'(W/)?"([^"]*)"|([^\s,"]+)')
_ONE_STRONG = re.compile(r'"[^"]*"').fullmatch
_DATE_IS_STRONG_AFTER = timedelta(seconds=1)


def has_conditions(headers: Mapping[str, str]) -> bool:
    """Return whether any of the four conditional headers is there (If-Range is not one)."""
    return any(name in headers for name in CONDITION_HEADERS)


def judge(headers: Mapping[str, str], version: Version, method: str) -> None:
    """Return where the request may go on; `headers` must look names up case-insensitively.

    Raises PreconditionFailed (412), and NotModified (304) for a GET or HEAD whose copy is current.
    """
    if_match = headers.get("If-Match")
    if if_match is not None:
        if not _names(if_match, version.etag, is_weak_enough=False):
            raise PreconditionFailed("If-Match")
    elif _is_modified_after(version, headers.get("If-Unmodified-Since")) is True:
        raise PreconditionFailed("If-Unmodified-Since")

    if_none_match = headers.get("If-None-Match")
    if if_none_match is not None:
        if _names(if_none_match, version.etag, is_weak_enough=True):
            if method in {"GET", "HEAD"}:
                raise NotModified
            raise PreconditionFailed("If-None-Match")
    elif (
        method in {"GET", "HEAD"}
        and _is_modified_after(version, headers.get("If-Modified-Since")) is False
    ):
        raise NotModified


def find_single_etag(if_none_match: str | None) -> str | None:
    """Return the one strong ETag that a header names, else None.

    A 304 that says no ETag (RGW's) is of this one: what else could have matched?
    """
    found = _ONE_STRONG(if_none_match.strip()) if if_none_match is not None else None
    return found[0] if found else None


def range_applies(
    headers: Mapping[str, str], version: Version, confirmed: datetime | None = None
) -> bool:
    """Return whether a Range header may be honoured, as far as If-Range has a say.

    A weak, malformed or stale validator gives False: the whole object (RFC 9110 13.1.5). A date is
    strong only if the version was a second old when it was `confirmed` (8.8.2.2); without that
    moment no date is.
    """
    validator = headers.get("If-Range")
    if validator is None:
        return True
    validator = validator.strip()
    if validator.startswith('"'):
        return validator == version.etag
    asked = find_http_date(validator)
    if asked is None or confirmed is None:
        return False
    modified = find_http_date(version.last_modified)
    return asked == modified and confirmed - asked >= _DATE_IS_STRONG_AFTER


def _names(header: str, etag: str, *, is_weak_enough: bool) -> bool:
    header = header.strip()
    if header in ("*", etag):
        return True
    opaque = etag.removeprefix("W/").strip('"')
    if etag.startswith("W/") and not is_weak_enough:
        return False
    return any(
        opaque == (quoted or bare)
        for weak, quoted, bare in _ETAGS.findall(header)
        if is_weak_enough or not weak
    )


def _is_modified_after(version: Version, date: str | None) -> bool | None:
    """Return whether the version is newer than `date`; None: no date, or none to be read."""
    if date is None:
        return None
    asked, modified = find_http_date(date), find_http_date(version.last_modified)
    if asked is None or modified is None:
        return None
    return modified > asked
