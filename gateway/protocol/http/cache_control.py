"""What a request's Cache-Control asks of a cache (RFC 9111 5.2.1; pure).

Only what makes an answer stricter is read: `max-stale` would make it laxer than the rule that was
set for the object, and `min-fresh` speaks of a lifetime that S3's answers do not have.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Nothing optional stands before the name, and no run is given back: the time is the text's length.
_DIRECTIVE: Final = re.compile(
    r'([!#$%&\'*+.^_`|~0-9A-Za-z-]++)\s*+(?:=\s*+("[^"]*"|[^\s,"]*+))?', re.ASCII
)
_AGE_DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """What one request asks."""

    age_seconds_max: int | None = None
    """How old a confirmation may be; 0 is `no-cache`, None leaves it to the rule."""
    is_only_if_cached: bool = False
    is_no_store: bool = False


NOTHING_ASKED: Final = CacheRequest()


def parse_cache_control(headers: Mapping[str, str]) -> CacheRequest:
    """Return what the headers ask; `headers` must look names up case-insensitively.

    `Pragma: no-cache` counts where there is no Cache-Control (RFC 9111 5.4). A max-age that is no
    number asks for age 0, the strict reading of what was not understood.
    """
    text = headers.get("Cache-Control")
    if text is None:
        pragma = headers.get("Pragma")
        if pragma is None or "no-cache" not in pragma.lower():
            return NOTHING_ASKED
        return CacheRequest(age_seconds_max=0)
    named = {name.lower(): value.strip('"') for name, value in _DIRECTIVE.findall(text)}
    age = _age(named["max-age"]) if "max-age" in named else None
    if "no-cache" in named:
        age = 0
    return CacheRequest(age, "only-if-cached" in named, "no-store" in named)


def _age(text: str) -> int:
    is_number = text.isascii() and text.isdigit()
    if is_number and len(text) > _AGE_DIGITS_MAX:
        return 10**_AGE_DIGITS_MAX
    return int(text) if is_number else 0
