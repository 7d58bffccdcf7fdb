"""Who signed a form upload: the claim in its fields, proven over its policy as sent (pure).

Source: AWS, *Authenticating Requests in Browser-Based Uploads Using POST (Signature Version 4)*.
The string that is signed is the base64 of the policy; its expiry is the policy's, so that the
moment of signing needs only to be of the day of the credential.
"""

from collections.abc import Mapping
from hmac import compare_digest, digest
from typing import Final

from gateway.model.failures import AuthenticationFailed, InvalidRequest
from gateway.protocol.http.dates import find_amz_date
from gateway.protocol.s3.signing import ALGORITHM, UNSIGNED_PAYLOAD, signing_key
from gateway.protocol.s3.sigv4 import Claim, Seed, read_credential

_FIELDS: Final = {
    "policy": "policy",
    "x-amz-credential": "X-Amz-Credential",
    "x-amz-date": "X-Amz-Date",
    "x-amz-signature": "X-Amz-Signature",
}


def read_form_claim(fields: Mapping[str, str]) -> Claim | None:
    """Return the claim in a form's fields (names in lower case); None: nobody signed it.

    Raises InvalidRequest for a claim that is malformed, incomplete, or of Signature Version 2.
    """
    if "awsaccesskeyid" in fields or "signature" in fields:
        raise InvalidRequest(
            "The authorization mechanism you have provided is not supported. "
            "Please use AWS4-HMAC-SHA256.",
            code="InvalidRequest",
        )
    if not any(name in fields for name in (*_FIELDS, "x-amz-algorithm")):
        return None
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise InvalidRequest(f'X-Amz-Algorithm only supports "{ALGORITHM}"', code="InvalidArgument")
    for name, shown in _FIELDS.items():
        if not fields.get(name):
            raise missing_field(shown)
    access_key, date, region, service = read_credential(
        fields["x-amz-credential"], "InvalidArgument"
    )
    amz_date = fields["x-amz-date"]
    if find_amz_date(amz_date) is None or amz_date[:8] != date:
        raise InvalidRequest(
            "X-Amz-Date must be formatted via ISO8601 Long format, of the credential's day",
            code="InvalidArgument",
        )
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=(),
        signature=fields["x-amz-signature"],
        amz_date=amz_date,
        expires_seconds=None,
        presigned=False,
        payload_hash=UNSIGNED_PAYLOAD,
        session_token=fields.get("x-amz-security-token"),
    )


def verify_form(claim: Claim, policy: str, secret: str) -> Seed:
    """Return where `secret` signed the policy; raises AuthenticationFailed."""
    key = signing_key(secret, claim.date, claim.region, claim.service)
    expected = digest(key, policy.encode(), "sha256").hex()
    if not compare_digest(expected.encode(), claim.signature.encode()):
        raise AuthenticationFailed(
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            code="SignatureDoesNotMatch",
        )
    return Seed(claim.signature, key, claim.scope, claim.amz_date)


def missing_field(name: str) -> InvalidRequest:
    """Return the failure of a form without a field that it needs, in AWS's words."""
    return InvalidRequest(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields.",
        code="InvalidArgument",
    )
