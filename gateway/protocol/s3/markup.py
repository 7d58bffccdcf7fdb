"""Writing XML: escaping, and flat elements (pure).

S3's answers are shallow, so that they are written as text. Reading goes through defusedxml.
"""

import re
from typing import Final

XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# XML 1.0 cannot carry other control characters, not even escaped: a key with one is shown with a
# replacement character (clients that have such keys ask for encoding-type=url).
_ESCAPES = {
    **{code: "\ufffd" for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)},
    **dict.fromkeys((0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\ufffd"),
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    ord("\r"): "&#13;",
}


# Most of what a listing shows: a search that finds nothing is a tenth of a translation.
_NEEDS_ESCAPING: Final = re.compile(f"[{re.escape(''.join(map(chr, _ESCAPES)))}]").search


def escape(text: str) -> str:
    """Return `text` fit for an element's content or an attribute in double quotes."""
    if _NEEDS_ESCAPING(text) is None:
        return text
    return text.translate(_ESCAPES)


def element(tag: str, text: str) -> str:
    """Return `<tag>text</tag>` with the text escaped."""
    return f"<{tag}>{escape(text)}</{tag}>"
