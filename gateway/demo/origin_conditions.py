"""Conditions and ranges as S3 judges them (RFC 9110 13 and 14; S3 API reference, GetObject)."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_store import StoredVersion
from gateway.model.ranges import ByteRange

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def http_date(seconds: float) -> str:
    """Return an HTTP date, whole seconds (RFC 9110 5.6.7)."""
    return formatdate(int(seconds), usegmt=True)


def judge_read(headers: Mapping[str, str], version: StoredVersion, prefix: str = "") -> None:
    """Raise PreconditionFailed or NotModified (RFC 9110 13.2.2).

    `prefix` is `x-amz-copy-source-` for a copy, where both outcomes are a 412.
    """
    match, none_match = headers.get(prefix + "if-match"), headers.get(prefix + "if-none-match")
    since = headers.get(prefix + "if-modified-since")
    unmodified_since = headers.get(prefix + "if-unmodified-since")
    if match is not None:
        failed = not names_etag(match, version.etag)
    else:
        failed = _is_later(version.modified, unmodified_since) is True
    if failed:
        raise S3Error("PreconditionFailed", "At least one of the preconditions did not hold")
    if none_match is not None:
        same = names_etag(none_match, version.etag)
    else:
        same = _is_later(version.modified, since) is False
    if same:
        raise S3Error("PreconditionFailed" if prefix else "NotModified", "The object is unchanged")


def judge_write(headers: Mapping[str, str], current: StoredVersion | None) -> None:
    """Raise PreconditionFailed or NoSuchKey for a PUT or DELETE that must not happen."""
    exists = current is not None and not current.is_delete_marker
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and not exists:
        raise S3Error("NoSuchKey", "The specified key does not exist.")
    if match is not None and current is not None and not names_etag(match, current.etag):
        raise S3Error("PreconditionFailed", "At least one of the preconditions did not hold")
    if none_match is not None and none_match.strip() != "*":
        raise S3Error("NotImplemented", "If-None-Match on a write takes only *")
    if none_match is not None and exists:
        raise S3Error("PreconditionFailed", "At least one of the preconditions did not hold")


def find_range(header: str, size: int) -> ByteRange | None:
    """Return the range asked of a body of `size` bytes; None where S3 answers with the whole.

    Raises InvalidRange where no byte of it exists. Several ranges, and what cannot be read, are
    ignored (RFC 9110 14.2).
    """
    found = _RANGE.match(header.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        asked = ByteRange(max(0, size - int(last)), size)
    else:
        asked = ByteRange(int(first), min(size, int(last) + 1) if last else size)
        if last and int(last) < int(first):
            return None
    if asked.start >= size or asked.length <= 0:
        raise S3Error(
            "InvalidRange",
            "The requested range is not satisfiable",
            headers={"content-range": f"bytes */{size}"},
        )
    return asked


def names_etag(header: str, etag: str) -> bool:
    """Return whether a list of entity tags names this one; S3 takes them unquoted too."""
    named = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return "*" in named or etag.strip('"') in named


def _is_later(modified: float, header: str | None) -> bool | None:
    """Compare in whole seconds, as HTTP dates are; None where there is no readable date."""
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return int(modified) > moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
