"""Who asks: reading, timing and verifying a Signature Version 4 claim (pure).

Three steps, so that the door can look the secret up between them: `read_claim` takes the claim off
the wire and refuses what no secret could make good, `check_time` judges its moment, `verify` its
signature. Codes and sentences are those of AWS. Source: *Authenticating Requests (AWS Signature
Version 4)*, header and query.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import NamedTuple

from gateway.model.failures import AuthenticationFailed, InvalidRequest
from gateway.protocol.http.dates import find_amz_date, find_http_date, format_amz_date
from gateway.protocol.http.head import RequestHead
from gateway.protocol.http.percent import canonical_path, canonical_query, encode_path
from gateway.protocol.s3.signing import (
    ALGORITHM,
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    canonical_request,
    presign,
    sign_headers,
    signature,
    signing_key,
    squeezed,
)

__all__ = [
    "Claim",
    "Seed",
    "check_time",
    "presign",
    "read_claim",
    "read_credential",
    "sign_headers",
    "verify",
]

SKEW_MAX = timedelta(minutes=15)
EXPIRES_SECONDS_MAX = 604_800

_CREDENTIAL_PARTS = 5
_SAID_LETTERS_MAX = 1024
"""Of an Authorization header that is remembered."""
_Fields = tuple[tuple[str, str, str, str], tuple[str, ...], str]
"""The credential (access key, date, region, service), the signed headers, the signature."""
_MALFORMED = "AuthorizationHeaderMalformed"
_BAD_QUERY = "AuthorizationQueryParametersError"


class Claim(NamedTuple):  # one is made for each request: a dataclass takes four times as long
    """What a request says of its signer; nothing of it is proven before `verify`."""

    access_key: str
    date: str
    """The day of the credential scope, `20130524`."""
    region: str
    service: str
    signed_headers: tuple[str, ...]
    """Lower case, in the order sent."""
    signature: str
    amz_date: str
    """The moment of signing, `20130524T000000Z`."""
    expires_seconds: int | None
    presigned: bool
    payload_hash: str
    """x-amz-content-sha256 as sent: hex, UNSIGNED-PAYLOAD or STREAMING-*."""
    session_token: str | None

    @property
    def scope(self) -> str:
        """Return the credential scope, `20130524/us-east-1/s3/aws4_request`."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


class Seed(NamedTuple):
    """What the first chunk of a signed aws-chunked body is chained to."""

    signature: str
    key: bytes
    scope: str
    amz_date: str


def read_claim(head: RequestHead, service: str = "s3") -> Claim | None:
    """Return the claim in the Authorization header or the query; None: the request is anonymous.

    Raises InvalidRequest and AuthenticationFailed with AWS's codes for a claim that is malformed,
    scoped to another service, leaves x-amz-* headers unsigned, or is of another kind than
    AWS4-HMAC-SHA256.
    """
    authorization = head.headers.get("Authorization")
    names = head.query_names() if "=" in head.query else ()
    presigned = "X-Amz-Algorithm" in names or "X-Amz-Signature" in names
    is_v2 = "Signature" in names and "AWSAccessKeyId" in names
    if authorization is None:
        if is_v2 and not presigned:
            raise _wrong_mechanism()
        claim = _read_query(head, service) if presigned else None
    elif presigned or is_v2:
        raise InvalidRequest(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
            code="InvalidArgument",
        )
    else:
        claim = _read_header(head, authorization, service)
    if claim is not None:
        _require_signed(head, claim)
    return claim


def check_time(claim: Claim, now: datetime) -> None:
    """Return where the claim is of now; `now` is aware.

    Raises AuthenticationFailed: RequestTimeTooSkewed beyond 15 minutes either way, AccessDenied for
    a presigned request that is expired or of the future.
    """
    signed_at = find_amz_date(claim.amz_date)
    if signed_at is None:
        raise _malformed_date(presigned=claim.presigned)
    if claim.expires_seconds is None:
        if abs(now - signed_at) > SKEW_MAX:
            raise AuthenticationFailed(
                "The difference between the request time and the current time is too large.",
                code="RequestTimeTooSkewed",
            )
    elif signed_at - now > SKEW_MAX:
        raise AuthenticationFailed("Request is not yet valid")
    elif not claim.expires_seconds or now - signed_at > timedelta(seconds=claim.expires_seconds):
        raise AuthenticationFailed("Request has expired")


def verify(head: RequestHead, claim: Claim, secret: str) -> Seed:
    """Return the seed for chunk signatures once the claim's signature proves `secret`.

    Raises AuthenticationFailed (SignatureDoesNotMatch).
    """
    raw_query = head.query
    if claim.presigned:
        raw_query = "&".join(
            [pair for pair in raw_query.split("&") if not pair.startswith("X-Amz-Signature=")]
        )
    key = signing_key(secret, claim.date, claim.region, claim.service)
    path, query = canonical_path(head.path), canonical_query(raw_query)
    if claim.service != "s3":
        path = _encoded_again(head, claim, key, path, query)
    if not _proves(head, claim, key, path, query):
        # Some signers (curl's path, botocore given a URL) sign path and query as sent. No canonical
        # signer can have made that string, so taking it too confuses no two requests.
        sent_query = _sorted_as_sent(raw_query)
        is_other = (head.path, sent_query) != (path, query)
        if not is_other or not _proves(head, claim, key, head.path, sent_query):
            raise AuthenticationFailed(
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                code="SignatureDoesNotMatch",
            )
    return Seed(claim.signature, key, claim.scope, claim.amz_date)


def _encoded_again(head: RequestHead, claim: Claim, key: bytes, path: str, query: str) -> str:
    """Return the canonical path as the signer made it: S3 alone encodes it once, others twice.

    Not all signers know: curl before 8 signs for every service as for S3. The path that is encoded
    twice stands for the same request.
    """
    twice = encode_path(path)
    return twice if twice != path and _proves(head, claim, key, twice, query) else path


def _proves(head: RequestHead, claim: Claim, key: bytes, path: str, query: str) -> bool:
    signed = _header_lines(head, claim), ";".join(claim.signed_headers)
    canonical = canonical_request(head.method, path, query, signed, claim.payload_hash)
    expected = signature(key, claim.amz_date, claim.scope, canonical)
    sent = claim.signature.encode("utf-8", "surrogateescape")
    return compare_digest(expected.encode(), sent)


def _header_lines(head: RequestHead, claim: Claim) -> str:
    get_all = head.headers.getall
    lines = []
    for name in claim.signed_headers:
        values = get_all(name, ())
        if len(values) == 1:
            lines.append(f"{name}:{squeezed(values[0])}\n")
        else:
            lines.append(f"{name}:{','.join(map(squeezed, values))}\n")
    return "".join(lines)


def _sorted_as_sent(raw_query: str) -> str:
    pairs = sorted(pair.partition("=") for pair in raw_query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, _, value in pairs)


def _read_header(head: RequestHead, authorization: str, expected: str) -> Claim:
    (access_key, date, region, service), signed_headers, proof = _fields(authorization, expected)
    amz_date = _header_date(head)
    if amz_date[:8] != date:
        raise InvalidRequest(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: '
            f'"{amz_date[:8]}".',
            code=_MALFORMED,
        )
    # AWS demands the header; curl before 8 leaves it out, and origins then take the empty body's.
    # So does Forebay: the signature covers that hash, and a body that is not empty is refused.
    payload_hash = head.headers.get("x-amz-content-sha256", EMPTY_SHA256)
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=signed_headers,
        signature=proof,
        amz_date=amz_date,
        expires_seconds=None,
        presigned=False,
        payload_hash=payload_hash.strip(),
        session_token=head.headers.get("x-amz-security-token"),
    )


def _fields(authorization: str, expected: str) -> _Fields:
    """Return what an Authorization header says; raises as `read_claim` does."""
    # All but the signature at the end is the same in many requests of one signer.
    said, _, proof = authorization.rstrip().rpartition("Signature=")
    if proof and "," not in proof and 0 < len(said) <= _SAID_LETTERS_MAX:
        credential, signed_headers, mark = _remembered_fields(f"{said}Signature=-", expected)
        if mark == "-":
            return credential, signed_headers, proof
    return _read_fields(authorization, expected)


def _read_fields(authorization: str, expected: str) -> _Fields:
    kind, _, rest = authorization.strip().partition(" ")
    if kind != ALGORITHM:
        raise _wrong_mechanism()
    fields = _authorization_fields(rest)
    credential = read_credential(fields["Credential"], _MALFORMED, expected)
    return credential, tuple(fields["SignedHeaders"].lower().split(";")), fields["Signature"]


_remembered_fields = lru_cache(maxsize=1024)(_read_fields)


def _authorization_fields(text: str) -> dict[str, str]:
    fields = {}
    for part in text.split(","):
        name, mark, value = part.strip().partition("=")
        if not mark or name in fields:
            raise InvalidRequest("The authorization header is malformed.", code=_MALFORMED)
        fields[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise InvalidRequest(
                f"The authorization header is malformed; missing {name}.", code=_MALFORMED
            )
    return fields


def _header_date(head: RequestHead) -> str:
    """Return the ISO basic date of x-amz-date, else of Date, as the signer must have used it."""
    text = head.headers.get("x-amz-date")
    if text is not None and find_amz_date(text) is not None:
        return text
    date = head.headers.get("Date", "") if text is None else ""
    if find_amz_date(date) is not None:
        return date
    moment = find_http_date(date) if date else None
    if moment is None:
        raise _malformed_date(presigned=False)
    return format_amz_date(moment)


def _read_query(head: RequestHead, expected: str) -> Claim:
    given = dict(reversed(head.query_pairs()))
    if given.get("X-Amz-Algorithm") != ALGORITHM:
        raise InvalidRequest('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"', code=_BAD_QUERY)
    for name in ("Credential", "Signature", "Date", "SignedHeaders", "Expires"):
        if not given.get(f"X-Amz-{name}"):
            raise InvalidRequest(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                "X-Amz-Expires parameters.",
                code=_BAD_QUERY,
            )
    access_key, date, region, service = read_credential(
        given["X-Amz-Credential"], _BAD_QUERY, expected
    )
    amz_date = given["X-Amz-Date"]
    if find_amz_date(amz_date) is None:
        raise _malformed_date(presigned=True)
    if amz_date[:8] != date:
        raise InvalidRequest(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: '
            f'"{amz_date[:8]}".',
            code=_BAD_QUERY,
        )
    hashed = given.get("X-Amz-Content-Sha256") or head.headers.get("x-amz-content-sha256")
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(given["X-Amz-SignedHeaders"].lower().split(";")),
        signature=given["X-Amz-Signature"],
        amz_date=amz_date,
        expires_seconds=_expires(given["X-Amz-Expires"]),
        presigned=True,
        payload_hash=hashed or UNSIGNED_PAYLOAD,
        session_token=given.get("X-Amz-Security-Token"),
    )


def _expires(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest("X-Amz-Expires should be a number", code=_BAD_QUERY)
    # Its length alone tells a number beyond the bound, before any arithmetic.
    seconds = int(text) if len(text) <= len(str(EXPIRES_SECONDS_MAX)) else EXPIRES_SECONDS_MAX + 1
    if seconds > EXPIRES_SECONDS_MAX:
        raise InvalidRequest(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            "X-Amz-Expires must be less than 604800 seconds",
            code=_BAD_QUERY,
        )
    return seconds


def read_credential(text: str, code: str, expected: str = "s3") -> tuple[str, str, str, str]:
    """Return (access key, date, region, service); raises InvalidRequest with `code`.

    A key that was made for one service opens no other: the service must be the `expected`.
    """
    # An access key may hold slashes; the four parts after it may not.
    parts = text.rsplit("/", _CREDENTIAL_PARTS - 1)
    if len(parts) != _CREDENTIAL_PARTS or not all(parts) or not text.isascii():
        raise InvalidRequest(
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            code=code,
        )
    access_key, date, region, service, terminator = parts
    if service != expected:
        raise InvalidRequest(
            f'incorrect service "{service}". This endpoint belongs to "{expected}".', code=code
        )
    if terminator != "aws4_request":
        raise InvalidRequest(
            f'incorrect terminal "{terminator}". This endpoint uses "aws4_request".', code=code
        )
    return access_key, date, region, service


def _require_signed(head: RequestHead, claim: Claim) -> None:
    signed = claim.signed_headers
    if "host" not in signed:
        raise AuthenticationFailed(
            "There were headers present in the request which were not signed: host"
        )
    for name in head.headers:
        if name[:6].lower() == "x-amz-":
            lower = name.lower()
            # S3 takes x-amz-content-sha256 unsigned: its value is in the canonical request anyway.
            if lower not in signed and lower != "x-amz-content-sha256":
                raise AuthenticationFailed(
                    f"There were headers present in the request which were not signed: {lower}"
                )


def _malformed_date(*, presigned: bool) -> Exception:
    if presigned:
        return InvalidRequest(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            code=_BAD_QUERY,
        )
    return AuthenticationFailed("AWS authentication requires a valid Date or x-amz-date header")


def _wrong_mechanism() -> Exception:
    return InvalidRequest(
        "The authorization mechanism you have provided is not supported. "
        "Please use AWS4-HMAC-SHA256.",
        code="InvalidRequest",
    )
