"""A few rows found in a listing page of a thousand, without reading the others (pure).

To read a page whole costs milliseconds, and most of its rows are about keys that nobody asked for.
What is sought is found by its bytes: a listing's `<Key>` cannot stand inside a text, where `<` is
escaped, unless the document has CDATA, comments or instructions; such a page shows nothing here.
What is not found is not said to be absent.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.percent import decode_query, encode_path
from gateway.protocol.s3.listings import ListedObject, listed_object

_ROOT: Final = b"<ListBucketResult"
_END: Final = b"</ListBucketResult>"
_ROOT_WITHIN_BYTES: Final = 256
_OPEN, _CLOSE = b"<Contents>", b"</Contents>"
_KEY_OPEN, _KEY_CLOSE = b"<Key>", b"</Key>"
_TRUNCATED: Final = b"<IsTruncated>true</IsTruncated>"
_ENCODED: Final = b"<EncodingType>url</EncodingType>"
_LEAF = re.compile(r"<([A-Za-z]+)>([^<]*)</\1>")
_QUOTES: Final = {"&quot;": '"', "&#34;": '"', "&apos;": "'", "&#39;": "'"}
_IS_PLAIN = re.compile(r"[A-Za-z0-9/._-]+").fullmatch


@dataclass(frozen=True, slots=True)
class FoundRows:
    """What a page shows of the keys that were sought."""

    rows: dict[str, ListedObject]
    last_key: str
    """The highest key on the page; '' where it shows none, or one that is hard to read."""
    is_last: bool
    """Whether nothing comes after this page."""

    def covers(self, key: str) -> bool:
        """Return whether the page would have a row of `key`, if there were one."""
        return self.is_last or key <= self.last_key


def is_plain(key: str) -> bool:
    """Return whether every server writes the key in one way: what is not found is not there."""
    return _IS_PLAIN(key) is not None


def find_rows(body: bytes, keys: Iterable[str]) -> FoundRows | None:
    """Return the rows of `keys`, which are sorted; None for a page that must not be believed.

    One pass: keys are in order, and each is sought behind the one before. A row that cannot be read
    is as one that is not there.
    """
    if not _is_simple(body):
        return None
    found: dict[str, ListedObject] = {}
    is_encoded = _ENCODED in body
    at = 0
    for key in keys:
        place = _find(body, key, at, is_encoded=is_encoded)
        if place is None:
            continue
        start, stop = place
        at = stop
        row = _read(body[start:stop], is_encoded=is_encoded)
        if row is not None and row.key == key:
            found[key] = row
    last_key = _last_key(body, is_encoded=is_encoded)
    return None if last_key is None else FoundRows(found, last_key, _TRUNCATED not in body)


def _is_simple(body: bytes) -> bool:
    """Return whether the page is whole, and holds nothing that could hide a row in a text."""
    return (
        body.find(_ROOT, 0, _ROOT_WITHIN_BYTES) >= 0
        and body.rstrip().endswith(_END)
        and b"<!" not in body
        and body.find(b"<?", 1) < 0
    )


def _find(body: bytes, key: str, at: int, *, is_encoded: bool) -> tuple[int, int] | None:
    """Return where the row of `key` begins and ends, at `at` or behind it."""
    for spelt in _spellings(key) if is_encoded else (key,):
        middle = body.find(_KEY_OPEN + spelt.encode("utf-8", "surrogateescape") + _KEY_CLOSE, at)
        if middle < 0:
            continue
        start, stop = body.rfind(_OPEN, at, middle), body.find(_CLOSE, middle)
        if start >= 0 and stop >= 0 and body.find(_CLOSE, start, middle) < 0:
            return start, stop
    return None


def _spellings(key: str) -> tuple[str, ...]:
    """Return how servers write a key with `encoding-type=url`."""
    if is_plain(key):
        return (key,)
    return (encode_path(key), quote_plus(key, safe="/*", errors="surrogateescape"))


def _read(piece: bytes, *, is_encoded: bool) -> ListedObject | None:
    """Return the row that a `<Contents>` without its end holds; None where it is not understood."""
    leaves = _LEAF.findall(piece.decode("utf-8", "replace"))
    texts = {name: unescape(text, _QUOTES) for name, text in leaves}
    try:
        return listed_object(texts, is_encoded=is_encoded)
    except (ValueError, InvalidRequest):
        return None


def _last_key(body: bytes, *, is_encoded: bool) -> str | None:
    start = body.rfind(_KEY_OPEN)
    if start < 0:
        return ""
    text = body[start + len(_KEY_OPEN) : body.find(_KEY_CLOSE, start)]
    if b"&#" in text:
        return ""
    try:
        told = unescape(text.decode("utf-8"), _QUOTES)
        return decode_query(told) if is_encoded else told
    except (UnicodeDecodeError, InvalidRequest):
        return None
