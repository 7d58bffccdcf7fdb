"""A page of a bucket's listing as an answer about many keys at once.

It confirms, or it leaves the word to a HEAD: that an object is gone, or another, is never concluded
from a listing, nor anything from a page that cannot be read or does not say when it was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.core.listable import is_same_listed, is_shown_lately
from gateway.core.reach import END
from gateway.flash.rows import Row
from gateway.model.failures import OriginRefused, OriginUnreachable
from gateway.model.voices import FOREBAY
from gateway.origin.interface import Origin, OriginRequest
from gateway.protocol.s3.listed_rows import FoundRows, find_rows, is_plain
from gateway.protocol.s3.listings import LISTING_BYTES_MAX, PAGE_KEYS_MAX, listing_query
from gateway.telemetry import metrics

_OK: Final = 200
_HEADERS: Final = {"Accept-Encoding": "identity"}


class Word(Enum):
    """What a page says of a row."""

    CONFIRMED = auto()
    NOTHING = auto()
    """A HEAD must decide."""
    OTHERWISE = auto()
    """It shows another version or none: a HEAD must decide, and tells whether the page was true."""
    BEYOND = auto()
    """The key lies behind the page's end."""


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What was sought on a page."""

    found: FoundRows
    date: str
    """When the origin says that it answered."""
    sent_ns: int

    @property
    def stop(self) -> str:
        """Return the last key that the page would show."""
        return END if self.found.is_last else self.found.last_key

    def word_on(self, row: Row) -> Word:
        """Return what the page says of a row that a listing may confirm (`core/listable`)."""
        key = row.name.key
        listed = self.found.rows.get(key)
        if listed is None:
            if not self.found.covers(key):
                return Word.BEYOND
            return Word.OTHERWISE if is_plain(key) else Word.NOTHING
        if not is_same_listed(row, listed):
            return Word.OTHERWISE
        return Word.CONFIRMED if is_shown_lately(row, self.date) else Word.NOTHING


async def ask_page(
    origin: Origin, bucket: str, start_after: str, keys: Sequence[str], now_ns: Callable[[], int]
) -> PageAnswer:
    """Return what a page that begins behind `start_after` shows of `keys`, which are sorted.

    Forebay asks in its own name. Raises OriginRefused, and OriginUnreachable, also for a page that
    must not be believed.
    """
    sent_ns = now_ns()
    metrics.validation_pages.inc()
    query = listing_query(start_after=start_after, count_max=PAGE_KEYS_MAX)
    answer = await origin.ask(
        OriginRequest("GET", bucket, query=query, headers=_HEADERS, voice=FOREBAY)
    )
    body = await answer.read(LISTING_BYTES_MAX + 1)
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, body)
    found = find_rows(body, keys) if len(body) <= LISTING_BYTES_MAX else None
    if found is None:
        raise OriginUnreachable("The origin's listing cannot be read.")
    return PageAnswer(found, answer.headers.get("Date", ""), sent_ns)
