"""Which access key a request names, for a log; nothing of it is proven (pure)."""

import re
from contextlib import suppress
from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.basic import read_basic
from gateway.protocol.http.head import RequestHead

_IS_KEY: Final = re.compile(r"[!-~]{1,128}").fullmatch
_CREDENTIAL: Final = re.compile(r"Credential=([^/%,&\s]{1,128})(?:/|%2F)", re.IGNORECASE)


def find_claimed_key(head: RequestHead) -> str:
    """Return the access key in the Authorization header, else in the query, else nothing."""
    with suppress(InvalidRequest):
        pair = read_basic(head)
        if pair is not None:
            return pair.name if _IS_KEY(pair.name) else ""
    found = _CREDENTIAL.search(head.headers.get("Authorization", "")) or _CREDENTIAL.search(
        head.query
    )
    return found[1] if found is not None else ""
