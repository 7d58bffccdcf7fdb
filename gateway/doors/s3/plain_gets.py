"""Which GETs ask for nothing but the whole current version of an object (pure)."""

from functools import lru_cache
from typing import Final

from gateway.model.failures import Failure
from gateway.protocol.http.head import RequestHead, parse_query

_NOT_PLAIN: Final = (
    "Range",
    "Cache-Control",
    "Pragma",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Expect",
    "Origin",
    "Transfer-Encoding",
    "x-forebay-explain",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-server-side-encryption-customer-algorithm",
)
"""What makes a GET more than a request for the whole current version."""
_OF_SIGNATURE: Final = frozenset(
    f"X-Amz-{name}"
    for name in (
        "Algorithm",
        "Content-Sha256",
        "Credential",
        "Date",
        "Expires",
        "Security-Token",
        "Signature",
        "SignedHeaders",
    )
)
_QUERIES_MAX: Final = 1024
_QUERY_LETTERS_MAX: Final = 4096


def is_plain(head: RequestHead) -> bool:
    """Return whether a GET asks for nothing but a whole current version."""
    if head.query and not (
        len(head.query) <= _QUERY_LETTERS_MAX and _is_presigned_only(head.query)
    ):
        return False
    headers = head.headers
    return not any([name in headers for name in _NOT_PLAIN])  # noqa: C419 - a generator costs more


@lru_cache(maxsize=_QUERIES_MAX)  # a presigned URL is made to be used often
def _is_presigned_only(query: str) -> bool:
    """Return whether a query holds a signature and nothing else."""
    try:
        return {name for name, _ in parse_query(query)} <= _OF_SIGNATURE
    except Failure:
        return False
