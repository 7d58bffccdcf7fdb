"""Which access key a request names, for a log; nothing of it is proven (pure)."""

import re
from typing import Final

from gateway.protocol.http.head import RequestHead

_CREDENTIAL: Final = re.compile(r"Credential=([^/%,&\s]{1,128})(?:/|%2F)", re.IGNORECASE)


def find_claimed_key(head: RequestHead) -> str:
    """Return the access key in the Authorization header, else in the query, else nothing."""
    found = _CREDENTIAL.search(head.headers.get("Authorization", "")) or _CREDENTIAL.search(
        head.query
    )
    return found[1] if found is not None else ""
