"""Which of a request's query goes to the origin: all but the client's signature (pure)."""

from typing import Final

from gateway.protocol.http.percent import decode_query

_OF_THE_SIGNATURE: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


def onward_query(raw_query: str) -> str:
    """Return the raw query without presigned parameters; every other byte stays as it was sent."""
    # Almost every request carries its signature in a header: nothing to take out.
    if "mz-" not in raw_query.lower():
        return raw_query
    return "&".join(
        pair
        for pair in raw_query.split("&")
        if decode_query(pair.partition("=")[0]).lower() not in _OF_THE_SIGNATURE
    )
