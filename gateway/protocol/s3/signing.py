"""The arithmetic of Signature Version 4, and signing with it toward the origin (pure).

Source: AWS, *Create a signed AWS API request* and *Signature calculations: transferring payload
in a single chunk*. S3 differs from other services: the path is encoded once and never normalised.
Every request passes here twice (verified, then signed anew), so the code is flat and builds no
values it does not return.
"""

from functools import lru_cache
from hashlib import sha256
from hmac import digest

from gateway.protocol.http.percent import canonical_path, canonical_query, encode

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = sha256(b"").hexdigest()

_SIGNED_BESIDES_AMZ = frozenset({"content-type", "content-md5"})


@lru_cache(maxsize=1024)
def signing_key(secret: str, day: str, region: str, service: str = "s3") -> bytes:
    """Return the 32-byte key of one secret for one day (`20130524`), region and service."""
    key = digest(b"AWS4" + secret.encode(), day.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


def canonical_request(
    method: str, path: str, query: str, signed: tuple[str, str], payload_hash: str
) -> bytes:
    """Return the canonical request; path and query are canonical.

    `signed` is (header lines, each ended by LF; signed names joined by ';').
    """
    text = f"{method}\n{path}\n{query}\n{signed[0]}\n{signed[1]}\n{payload_hash}"
    # Header bytes that were no UTF-8 came in as surrogates; the client signed the bytes.
    return text.encode("utf-8", "surrogateescape")


def signature(key: bytes, amz_date: str, scope: str, canonical: bytes) -> str:
    """Return the signature in hex of a canonical request under `date/region/service/...`."""
    to_sign = f"{ALGORITHM}\n{amz_date}\n{scope}\n{sha256(canonical).hexdigest()}"
    return digest(key, to_sign.encode(), "sha256").hex()


def squeezed(value: str) -> str:
    """Return a header's value as it is signed: without spaces around it, one for a run of them.

    Spaces are those of ASCII. A no-break space is a letter to AWS's signers, and were it a space
    here, one might be put in place of the other in a signed header.
    """
    if value.isascii():
        return " ".join(value.split())
    raw = value.encode("utf-8", "surrogateescape")
    return b" ".join(raw.split()).decode("utf-8", "surrogateescape")


def raw_query(query: str | list[tuple[str, str]]) -> str:
    """Return a query as it goes on the wire: pairs are encoded, a string is taken as it is."""
    if isinstance(query, str):
        return query
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in query)


def sign_headers(
    method: str,
    host: str,
    raw_path: str,
    query: str | list[tuple[str, str]],
    headers: dict[str, str],
    *,
    access_key: str,
    secret: str,
    session_token: str | None,
    region: str,
    amz_date: str,
    payload_hash: str,
) -> dict[str, str]:
    """Return the headers to add to a request so that the origin accepts it.

    Signed are host, every x-amz-* and content-type/-md5 in `headers`, whose values must go out as
    they are. `host` is the Host header with its port, if it has one; `query` raw or decoded pairs.
    """
    added = {"x-amz-date": amz_date, "x-amz-content-sha256": payload_hash}
    if session_token:
        added["x-amz-security-token"] = session_token
    signed = _signed_lines(host, headers, added)
    day = amz_date[:8]
    scope = f"{day}/{region}/s3/aws4_request"
    canonical = canonical_request(
        method, canonical_path(raw_path), canonical_query(raw_query(query)), signed, payload_hash
    )
    proof = signature(signing_key(secret, day, region), amz_date, scope, canonical)
    added["authorization"] = (
        f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed[1]}, Signature={proof}"
    )
    return added


def presign(
    method: str,
    host: str,
    raw_path: str,
    query: str | list[tuple[str, str]],
    headers: dict[str, str],
    *,
    access_key: str,
    secret: str,
    session_token: str | None,
    region: str,
    amz_date: str,
    expires_seconds: int,
) -> str:
    """Return the raw query that makes a presigned request of it; `headers` must be sent with it."""
    signed = _signed_lines(host, headers, {})
    day = amz_date[:8]
    scope = f"{day}/{region}/s3/aws4_request"
    claims = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{access_key}/{scope}"),
        ("X-Amz-Date", amz_date),
        ("X-Amz-Expires", str(expires_seconds)),
        ("X-Amz-SignedHeaders", signed[1]),
    ]
    if session_token:
        claims.append(("X-Amz-Security-Token", session_token))
    asked = raw_query(query)
    whole = f"{asked}&{raw_query(claims)}" if asked else raw_query(claims)
    canonical = canonical_request(
        method, canonical_path(raw_path), canonical_query(whole), signed, UNSIGNED_PAYLOAD
    )
    proof = signature(signing_key(secret, day, region), amz_date, scope, canonical)
    return f"{whole}&X-Amz-Signature={proof}"


def _signed_lines(host: str, headers: dict[str, str], added: dict[str, str]) -> tuple[str, str]:
    """Return the canonical header lines, and the signed names joined by ';'."""
    signed = {"host": host}
    for name, value in headers.items():
        lower = name.lower()
        if lower[:6] == "x-amz-" or lower in _SIGNED_BESIDES_AMZ:
            signed[lower] = squeezed(value)
    signed.update(added)
    names = sorted(signed)
    return "".join([f"{name}:{signed[name]}\n" for name in names]), ";".join(names)
