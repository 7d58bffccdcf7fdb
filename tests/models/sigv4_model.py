"""What Signature Version 4 signs, as plainly as AWS's pages say it: the model of verifying.

Written from *Create a signed AWS API request* and *Signature calculations ... S3* alone, letter by
letter; shares no code with the gateway. Texts are what stood on the wire, their bytes as UTF-8 with
surrogate escapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
SPACES = " \t\n\v\f\r"
HEX = "0123456789ABCDEF"


@dataclass(frozen=True)
class Wire:
    """A request as it was sent, and what its claim says of it."""

    method: str
    path: str
    query: str
    """Without the signature itself."""
    headers: Sequence[tuple[str, str]]
    signed: Sequence[str]
    payload_hash: str


def canonical(wire: Wire) -> str:
    """Return the canonical request."""
    return _request(wire, encoded(wire.path, "/"), _query(wire.query, encoded))


def as_sent(wire: Wire) -> str:
    """Return what signers sign that take path and query as they are, and only sort the pairs."""
    return _request(wire, wire.path, _query(wire.query, lambda text: text))


def _request(wire: Wire, path: str, query: str) -> str:
    lines = [wire.method, path, query]
    for name in wire.signed:
        values = [squeezed(value) for one, value in wire.headers if one.lower() == name]
        lines.append(f"{name}:{','.join(values)}")
    return "\n".join([*lines, "", ";".join(wire.signed), wire.payload_hash])


def encoded(text: str, kept: str = "") -> str:
    """Return text decoded once and encoded as S3 wants it."""
    out = ""
    for byte in decoded(text):
        letter = chr(byte)
        out += letter if letter in UNRESERVED + kept else f"%{HEX[byte >> 4]}{HEX[byte & 15]}"
    return out


def decoded(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    out = bytearray()
    at = 0
    while at < len(raw):
        digits = raw[at + 1 : at + 3].decode("latin-1").upper()
        if raw[at : at + 1] == b"%" and len(digits) == 2 and all(one in HEX for one in digits):
            out.append(HEX.index(digits[0]) * 16 + HEX.index(digits[1]))
            at += 3
        else:
            out.append(raw[at])
            at += 1
    return bytes(out)


def _query(query: str, spelt) -> str:
    pairs = []
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if spelt is encoded:
                name, value = name.replace("+", " "), value.replace("+", " ")
            pairs.append((spelt(name), spelt(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def squeezed(value: str) -> str:
    """Return a header's value without spaces around it, and one space for each run of them."""
    out = ""
    for letter in value:
        if letter not in SPACES:
            out += letter
        elif not out.endswith(" "):
            out += " "
    return out.strip(" ")


def signature(secret: str, amz_date: str, region: str, text: str) -> str:
    """Return the signature of a canonical request for S3."""
    hashed = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    scope = f"{amz_date[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{hashed}"
    return digest(signing_key(secret, amz_date, region), to_sign.encode(), "sha256").hex()


def signing_key(secret: str, amz_date: str, region: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (amz_date[:8], region, "s3", "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


def chunk_signature(key: bytes, previous: str, amz_date: str, region: str, chunk: bytes) -> str:
    """Return the signature of one chunk of a signed aws-chunked body."""
    scope = f"{amz_date[:8]}/{region}/s3/aws4_request"
    empty, hashed = sha256(b"").hexdigest(), sha256(chunk).hexdigest()
    lines = ["AWS4-HMAC-SHA256-PAYLOAD", amz_date, scope, previous, empty, hashed]
    return digest(key, "\n".join(lines).encode(), "sha256").hex()


def trailer_signature(key: bytes, previous: str, amz_date: str, region: str, lines: str) -> str:
    """Return the signature of trailers, `name:value` and LF each."""
    scope = f"{amz_date[:8]}/{region}/s3/aws4_request"
    hashed = sha256(lines.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{amz_date}\n{scope}\n{previous}\n{hashed}"
    return digest(key, text.encode(), "sha256").hex()
