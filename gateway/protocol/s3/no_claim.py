"""What a request without a signature says of itself: nothing, but how its body is framed (pure)."""

from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.headers import RESPONSE_OVERRIDES
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD
from gateway.protocol.s3.sigv4 import Claim

NO_CLAIM: Final = Claim(
    access_key="",
    date="",
    region="",
    service="",
    signed_headers=(),
    signature="",
    amz_date="",
    expires_seconds=None,
    presigned=False,
    payload_hash=UNSIGNED_PAYLOAD,
    session_token=None,
)
"""Nobody claims anything."""


def sent_claim(access_key: str, session_token: str | None = None) -> Claim:
    """Return what a request says that names a key, and signs nothing: at doors other than S3's."""
    return NO_CLAIM._replace(access_key=access_key, session_token=session_token)


def unsigned_claim(head: RequestHead) -> Claim:
    """Return what an unsigned request says; its body is still what its hash says, if it has one.

    Raises InvalidRequest where it sets response headers, which only a signature allows: else a link
    could make any public object a page of the sender's liking.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (*Overriding response header
    values*)
    """
    if head.query_names() & RESPONSE_OVERRIDES.keys():
        raise InvalidRequest(
            "Request specific response headers cannot be used for anonymous GET requests.",
            code="InvalidRequest",
        )
    declared = head.headers.get("x-amz-content-sha256")
    return NO_CLAIM if declared is None else NO_CLAIM._replace(payload_hash=declared.strip())
