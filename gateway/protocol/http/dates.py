"""Dates on the wire: HTTP dates and the ISO basic form of x-amz-date (pure, no clock)."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_AMZ_DATE_CHARS = 16


def find_http_date(text: str) -> datetime | None:
    """Return the moment that an HTTP date names (RFC 9110 5.6.7, all three forms), else None."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


@lru_cache(maxsize=8192)  # the dates of objects in use are looked at with each request
def find_http_seconds(text: str) -> int | None:
    """Return the seconds since 1970 of an HTTP date, else None."""
    moment = find_http_date(text)
    return None if moment is None else int(moment.timestamp())


def format_http_date(moment: datetime) -> str:
    """Return the IMF-fixdate of an aware moment, as `Fri, 24 May 2013 00:00:00 GMT`."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


@lru_cache(maxsize=1024)  # many requests of one second, looked at twice each
def find_amz_date(text: str) -> datetime | None:
    """Return the moment of `20130524T000000Z` (ISO 8601 basic, UTC), else None."""
    if len(text) != _AMZ_DATE_CHARS or text[8] != "T" or text[15] != "Z" or not text.isascii():
        return None
    day, clock = text[:8], text[9:15]
    if not (day.isdigit() and clock.isdigit()):
        return None
    try:
        return datetime(
            int(day[:4]),
            int(day[4:6]),
            int(day[6:]),
            int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def format_amz_date(moment: datetime) -> str:
    """Return an aware moment as `20130524T000000Z`."""
    moment = moment.astimezone(UTC)
    return (
        f"{moment.year:04}{moment.month:02}{moment.day:02}"
        f"T{moment.hour:02}{moment.minute:02}{moment.second:02}Z"
    )
