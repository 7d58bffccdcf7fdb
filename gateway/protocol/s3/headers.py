"""Which headers cross the gateway, in tables (pure). Names are in lower case.

Forebay ends one HTTP connection and begins another: what belongs to a connection (RFC 9110 7.6.1),
to the client's signature or to the framing stays behind; everything else crosses unchanged.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import InvalidRequest

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# Said anew toward the origin: by the signer, by the client library, or nowhere.
_OF_REQUEST_HOP: Final = HOP_BY_HOP | {
    "authorization",
    "content-length",
    "date",
    "expect",
    "host",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
}

# What nobody signs, and servers obey all the same: where a client says it comes from (an origin's
# aws:SourceIp), another method than the one that was judged, MinIO's own switches (a DELETE of a
# key that takes all below it).
_SWITCHES: Final = frozenset(
    {"forwarded", "x-http-method", "x-http-method-override", "x-method-override", "x-real-ip"}
)
_SWITCH_PREFIXES: Final = ("x-forebay-", "x-forwarded-", "x-minio-")

# What `Connection` cannot take away: a client could sign a condition, or a policy ask for
# encryption, and an unsigned `Connection: if-none-match` would leave it behind (RFC 9110 7.6.1
# forbids to list what is meant for all recipients).
_END_TO_END_PREFIXES: Final = ("content-", "if-", "x-amz-")

# A hit's own: they describe this answer's body and its making, not the object.
_OF_ANSWER: Final = HOP_BY_HOP | {
    "accept-ranges",
    "age",
    "alt-svc",
    "content-length",
    "content-range",
    "date",
    "server",
    "via",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-cache",
}

# AWS, GetObject: request parameter -> the response header it sets; only for signed requests.
RESPONSE_OVERRIDES: Final = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}

CHECKSUM_HEADERS: Final = frozenset(
    {
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-md5",
        "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
        "x-amz-checksum-sha512",
        "x-amz-checksum-type",
        "x-amz-checksum-xxhash128",
        "x-amz-checksum-xxhash3",
        "x-amz-checksum-xxhash64",
    }
)

# aiohttp writes well-known names its own way. Names have no case, but scripts grep for S3's.
_AS_WRITTEN: Final = {"Etag": "ETag"}

# RFC 9110 5.5: visible characters, spaces and tabs, and octets that ISO-8859-1 can hold.
_IS_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]+").fullmatch

Pairs = list[tuple[str, str]]


def connection_headers(headers: Mapping[str, str]) -> frozenset[str]:
    """Return the names that `Connection` lists: hop-by-hop too (RFC 9110 7.6.1)."""
    listed = headers.get("Connection")
    if not listed:
        return frozenset()
    return frozenset(name.strip().lower() for name in listed.split(","))


def request_headers_onward(headers: Mapping[str, str]) -> Pairs:
    """Return a request's headers as they go to the origin, in the order sent, each name once.

    `headers` is what the client sent (a multidict gives every duplicate, which are joined as RFC
    9110 5.3 and S3's own canonical form join them). A framed body goes out
    unframed, so that `aws-chunked` leaves Content-Encoding; S3 too stores it where nothing was
    framed. Not yet signed.
    """
    listed = connection_headers(headers)
    framed = "x-amz-decoded-content-length" in headers or headers.get(
        "x-amz-content-sha256", ""
    ).startswith("STREAMING-")
    onward: dict[str, tuple[str, str]] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _OF_REQUEST_HOP or lower in _SWITCHES or lower.startswith(_SWITCH_PREFIXES):
            continue
        if lower in listed and not lower.startswith(_END_TO_END_PREFIXES):
            continue
        kept = value
        if framed and lower == "content-encoding":
            kept = without_aws_chunked(value)
            if not kept:
                continue
        before = onward.get(lower)
        onward[lower] = (name, kept) if before is None else (before[0], f"{before[1]},{kept}")
    return list(onward.values())


def response_headers_onward(headers: Mapping[str, str]) -> Pairs:
    """Return the origin's response headers as they go to the client in a pass-through.

    Content-Length stays: the body is the origin's, unchanged.
    """
    listed = connection_headers(headers)
    return [
        (_AS_WRITTEN.get(name, name), value)
        for name, value in headers.items()
        if name.lower() not in HOP_BY_HOP and name.lower() not in listed
    ]


@lru_cache(maxsize=1024)
def shown_headers(
    headers: tuple[tuple[str, str], ...], *, has_checksums: bool
) -> CIMultiDictProxy[str]:
    """Return what a hit's answer shows of a validation's headers."""
    shown = object_headers(headers)
    return CIMultiDictProxy(CIMultiDict(shown if has_checksums else without_checksums(shown)))


def object_headers(headers: Iterable[tuple[str, str]]) -> Pairs:
    """Return those of a validation's headers that describe the object, for a hit's answer."""
    return [
        (_AS_WRITTEN.get(name, name), value)
        for name, value in headers
        if name.lower() not in _OF_ANSWER
    ]


def without_checksums(headers: Iterable[tuple[str, str]]) -> Pairs:
    """Return the headers without checksums of the whole object.

    For an answer to a client that did not send `x-amz-checksum-mode: ENABLED`, and for every range:
    its bytes are not those that the checksum is of.
    """
    return [(name, value) for name, value in headers if name.lower() not in CHECKSUM_HEADERS]


def wants_checksums(headers: Mapping[str, str]) -> bool:
    """Return whether a GET or HEAD asks for the object's checksums (AWS: ChecksumMode)."""
    return headers.get("x-amz-checksum-mode", "").strip().upper() == "ENABLED"


def response_overrides(query_pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the response headers that `response-*` parameters set; the request must be signed.

    Raises InvalidRequest (InvalidArgument) for a value that is no header value: it could split the
    answer's header section.
    """
    overrides = {}
    for name, value in query_pairs:
        header = RESPONSE_OVERRIDES.get(name)
        if header is not None and value:
            if not _IS_HEADER_VALUE(value):
                raise InvalidRequest(
                    "Header value cannot be represented using ISO-8859-1.", code="InvalidArgument"
                )
            overrides[header] = value
    return overrides


def without_aws_chunked(content_encoding: str) -> str:
    """Return a Content-Encoding without `aws-chunked`: `aws-chunked,gzip` is stored as `gzip`."""
    codings = [coding.strip() for coding in content_encoding.split(",")]
    kept = [coding for coding in codings if coding and coding.lower() != "aws-chunked"]
    return content_encoding if len(kept) == len(codings) else ",".join(kept)
