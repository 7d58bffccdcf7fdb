"""Who may ask the embedded origin: anyone, or the holder of one key pair (Signature Version 4)."""

from collections.abc import Callable
from datetime import UTC, datetime

from gateway.demo.origin_errors import S3Error
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import Seed, check_time, read_claim, verify

Authenticate = Callable[[RequestHead], Seed | None]
"""Raises S3Error or Failure; returns what a signed aws-chunked body is chained to."""


def anyone(head: RequestHead) -> Seed | None:
    """Let every request in, signed or not."""
    del head
    return None


def one_key_pair(access_key: str, secret_key: str) -> Authenticate:
    """Return a check that lets in only what this key pair signed, header or presigned."""

    def authenticate(head: RequestHead) -> Seed | None:
        claim = read_claim(head)
        if claim is None:
            raise S3Error("AccessDenied", "Access Denied")
        if claim.access_key != access_key:
            raise S3Error(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            )
        check_time(claim, datetime.now(UTC))
        return verify(head, claim, secret_key)

    return authenticate
