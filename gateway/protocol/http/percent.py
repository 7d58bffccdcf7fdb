"""Percent-encoding as S3 means it: byte-exact UTF-8, nothing normalised (pure).

RFC 3986 leaves room (which characters may stay bare, lower-case hex); S3's canonical form does not:
A-Z a-z 0-9 - . _ ~ stay, all else is %XX in upper case. A client may send another spelling of the
same bytes and sign the canonical one, so both directions are needed.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from gateway.model.failures import InvalidRequest

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_IS_CANONICAL = re.compile(r"[A-Za-z0-9/._~-]*").fullmatch
_BARE = re.compile(rb"[\x80-\xff]")
_QUERY_IS_PLAIN = re.compile(r"[A-Za-z0-9._~=&-]*").fullmatch


def decode(text: str) -> str:
    """Return `text` percent-decoded as UTF-8; '+' stays.

    Raises InvalidRequest (InvalidURI) for a broken escape and for bytes that are not UTF-8.
    """
    if "%" not in text:
        if text.isascii():
            return text
        raw = text.encode("utf-8", "surrogateescape")
    elif _BAD_ESCAPE.search(text):
        raise InvalidRequest("Couldn't parse the specified URI.", code="InvalidURI")
    else:
        raw = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("Couldn't parse the specified URI.", code="InvalidURI") from None


def decode_query(text: str) -> str:
    """Return a query name or value decoded: as `decode`, and '+' is a space (as S3 reads it)."""
    return decode(text.replace("+", " "))


def encode(text: str) -> str:
    """Return S3's URI-encoding of `text` in which '/' is encoded too (query names and values)."""
    return quote(text, safe="", errors="surrogateescape")


def encode_path(text: str) -> str:
    """Return S3's URI-encoding of `text` with '/' kept (AWS: canonical URI)."""
    return quote(text, safe="/", errors="surrogateescape")


def escape_bare(raw: bytes) -> bytes:
    """Return bytes of a request line with those beyond ASCII escaped, and nothing else."""
    return _BARE.sub(lambda found: b"%%%02X" % found[0][0], raw)


def canonical_path(raw_path: str) -> str:
    """Return the canonical spelling of a path as it stood on the wire."""
    if _PATH_IS_CANONICAL(raw_path):
        return raw_path
    return quote(unquote_to_bytes(raw_path.encode("utf-8", "surrogateescape")), safe="/")


def canonical_query(raw_query: str) -> str:
    """Return the canonical query string of a raw one: pairs re-encoded and sorted.

    Source: AWS, *Create a signed request*, step 1. A '+' on the wire is a space, hence %20.
    """
    if not raw_query:
        return ""
    if _QUERY_IS_PLAIN(raw_query):
        if "&" not in raw_query:
            return _spelt_plain(raw_query)
        return "&".join(
            f"{name}={value}" for name, value in sorted(map(_split_plain, _pairs(raw_query)))
        )
    return "&".join(f"{name}={value}" for name, value in sorted(map(_recode, _pairs(raw_query))))


def _pairs(raw_query: str) -> list[str]:
    return [pair for pair in raw_query.split("&") if pair]


def _spelt_plain(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={value.replace('=', '%3D')}"


def _split_plain(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value.replace("=", "%3D")


def _recode(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return _recode_part(name), _recode_part(value)


def _recode_part(part: str) -> str:
    raw = part.replace("+", " ").encode("utf-8", "surrogateescape")
    return quote(unquote_to_bytes(raw), safe="")
