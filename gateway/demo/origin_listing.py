"""One page of a bucket listing, as S3 cuts it.

Code point order of `str` equals byte order of UTF-8, so a sorted list of keys is S3's order.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_AFTER_EVERY_KEY = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What is asked: `after` is exclusive; a common prefix equal to it is not repeated."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    keys_max: int = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Keys and common prefixes of one page, each in order; `last` is the highest of both."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...]
    is_truncated: bool
    last: str


def list_page(keys: Sequence[str], is_visible: Callable[[str], bool], asked: ListRequest) -> Page:
    """Return the page of the sorted `keys` that `asked` names; keys and prefixes both count."""
    found: list[str] = []
    prefixes: list[str] = []
    last = ""
    at = max(bisect_left(keys, asked.prefix), bisect_right(keys, asked.after))
    while at < len(keys) and keys[at].startswith(asked.prefix):
        key = keys[at]
        group = _common_prefix(key, asked)
        if not is_visible(key) or (group and group == asked.after):
            at += 1
            continue
        if len(found) + len(prefixes) >= asked.keys_max:
            return Page(tuple(found), tuple(prefixes), is_truncated=asked.keys_max > 0, last=last)
        if group:
            prefixes.append(group)
            at = bisect_left(keys, group + _AFTER_EVERY_KEY, lo=at)
        else:
            found.append(key)
            at += 1
        last = group or key
    return Page(tuple(found), tuple(prefixes), is_truncated=False, last=last)


def _common_prefix(key: str, asked: ListRequest) -> str:
    if not asked.delimiter:
        return ""
    cut = key.find(asked.delimiter, len(asked.prefix))
    return "" if cut < 0 else key[: cut + len(asked.delimiter)]
