"""What the embedded origin refuses, in S3's own codes.

Source: S3 API reference, "Error responses". A status belongs to its code: it stands here once.
"""

from collections.abc import Mapping
from types import MappingProxyType

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "AccessDenied": 403,
        "BadDigest": 400,
        "BucketAlreadyOwnedByYou": 409,
        "BucketNotEmpty": 409,
        "EntityTooSmall": 400,
        "ExpiredToken": 400,
        "IncompleteBody": 400,
        "InternalError": 500,
        "InvalidAccessKeyId": 403,
        "InvalidArgument": 400,
        "InvalidBucketName": 400,
        "InvalidDigest": 400,
        "InvalidPart": 400,
        "InvalidPartOrder": 400,
        "InvalidRange": 416,
        "InvalidRequest": 400,
        "InvalidTag": 400,
        "InvalidURI": 400,
        "KeyTooLongError": 400,
        "MalformedXML": 400,
        "MethodNotAllowed": 405,
        "MissingContentLength": 411,
        "MissingContentMD5": 400,
        "NoSuchBucket": 404,
        "NoSuchKey": 404,
        "NoSuchUpload": 404,
        "NoSuchVersion": 404,
        "NotImplemented": 501,
        "NotModified": 304,
        "PreconditionFailed": 412,
        "RequestTimeTooSkewed": 403,
        "ServiceUnavailable": 503,
        "SignatureDoesNotMatch": 403,
        "SlowDown": 503,
        "XAmzContentSHA256Mismatch": 400,
    }
)


class S3Error(Exception):
    """A refusal: its code, a sentence, and what its headers must add to the XML."""

    def __init__(
        self, code: str, message: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep the parts of the answer; the status follows from the code."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message or code
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """Return the HTTP status of the code; an unlisted code is the caller's error, a 400."""
        return STATUS.get(self.code, 400)
