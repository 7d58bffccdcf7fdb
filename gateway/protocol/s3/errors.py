"""From failures to S3's errors: the one table of codes, and their XML (pure).

Source: Amazon S3 API Reference, *Error responses*. A failure carries the code; the table gives its
status and, where the failure says nothing itself, its sentence.
"""

from collections.abc import Mapping
from typing import Final

from gateway.model.failures import Failure, OriginRefused
from gateway.protocol.s3.markup import XML_HEAD, element

_OF_STATUS: Final[dict[int, dict[str, str]]] = {
    304: {"NotModified": "Not Modified"},
    400: {
        "AuthorizationHeaderMalformed": "The authorization header is malformed.",
        "AuthorizationQueryParametersError": "The query-string authorization is malformed.",
        "BadDigest": "The Content-MD5 or checksum value that you specified did not match what the "
        "server received.",
        "BadRequest": "Bad Request",
        "EntityTooLarge": "Your proposed upload exceeds the maximum allowed object size.",
        "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed object size.",
        "ExpiredToken": "The provided token has expired.",
        "IllegalLocationConstraintException": "The location constraint is incompatible for the "
        "region specific endpoint this request was sent to.",
        "IncompleteBody": "You did not provide the number of bytes specified by the "
        "Content-Length HTTP header.",
        "InlineDataTooLarge": "Inline data exceeds the maximum allowed size.",
        "InvalidArgument": "Invalid Argument",
        "InvalidBucketName": "The specified bucket is not valid.",
        "InvalidDigest": "The Content-MD5 or checksum value that you specified is not valid.",
        "InvalidEncryptionAlgorithmError": "The encryption request that you specified is not "
        "valid.",
        "InvalidLocationConstraint": "The specified location constraint is not valid.",
        "InvalidPart": "One or more of the specified parts could not be found.",
        "InvalidPartOrder": "The list of parts was not in ascending order.",
        "InvalidPolicyDocument": "The content of the form does not meet the conditions specified "
        "in the policy document.",
        "InvalidRequest": "The request is not valid.",
        "InvalidStorageClass": "The storage class you specified is not valid.",
        "InvalidTag": "The tag provided was not a valid tag.",
        "InvalidTargetBucketForLogging": "The target bucket for logging does not exist.",
        "InvalidToken": "The provided token is malformed or otherwise invalid.",
        "InvalidURI": "Couldn't parse the specified URI.",
        "KeyTooLongError": "Your key is too long",
        "MalformedACLError": "The XML you provided was not well-formed or did not validate "
        "against our published schema",
        "MalformedPOSTRequest": "The body of your POST request is not well-formed "
        "multipart/form-data.",
        "MalformedPolicy": "Policy has invalid resource.",
        "MalformedTrailerError": "The request contained trailing data that was not well-formed or "
        "did not conform to our published schema.",
        "MalformedXML": "The XML you provided was not well-formed or did not validate against our "
        "published schema",
        "MaxMessageLengthExceeded": "Your request was too big.",
        "MaxPostPreDataLengthExceeded": "Your POST request fields preceding the upload file were "
        "too large.",
        "MetadataTooLarge": "Your metadata headers exceed the maximum allowed metadata size.",
        "MissingAttachment": "A SOAP attachment was expected, but none were found.",
        "MissingRequestBodyError": "Request body is empty.",
        "MissingSecurityElement": "The SOAP 1.1 request is missing a security element.",
        "MissingSecurityHeader": "Your request was missing a required header.",
        "RequestHeaderSectionTooLarge": "Your request header section exceeds the maximum allowed "
        "request header section size.",
        "RequestIsNotMultiPartContent": "Bucket POST must be of the enclosure-type "
        "multipart/form-data.",
        "RequestTimeout": "Your socket connection to the server was not read from or written to "
        "within the timeout period.",
        "TokenRefreshRequired": "The provided token must be refreshed.",
        "TooManyBuckets": "You have attempted to create more buckets than allowed.",
        "UnexpectedContent": "This request does not support content.",
        "UnresolvableGrantByEmailAddress": "The email address you provided does not match any "
        "account on record.",
        "UnsupportedSignature": "The provided request is signed with an unsupported STS token "
        "version.",
        "UserKeyMustBeSpecified": "The bucket POST must contain the specified field name.",
        "XAmzContentSHA256Mismatch": "The provided 'x-amz-content-sha256' header does not match "
        "what was computed.",
    },
    403: {
        "AccessDenied": "Access Denied",
        "AccountProblem": "There is a problem with your account.",
        "AllAccessDisabled": "All access to this resource has been disabled.",
        "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
        "InvalidChunkSizeError": "Only the last chunk is allowed to have a size less than 8192 "
        "bytes",
        "InvalidObjectState": "The operation is not valid for the object's storage class.",
        "InvalidPayer": "All access to this object has been disabled.",
        "InvalidSecurity": "The provided security credentials are not valid.",
        "NotSignedUp": "Your account is not signed up for this service.",
        "RequestTimeTooSkewed": "The difference between the request time and the server's time is "
        "too large.",
        "SignatureDoesNotMatch": "The request signature we calculated does not match the "
        "signature you provided. Check your key and signing method.",
    },
    404: {
        "NoSuchBucket": "The specified bucket does not exist",
        "NoSuchBucketPolicy": "The bucket policy does not exist",
        "NoSuchCORSConfiguration": "The CORS configuration does not exist",
        "NoSuchKey": "The specified key does not exist.",
        "NoSuchLifecycleConfiguration": "The lifecycle configuration does not exist",
        "NoSuchObjectLockConfiguration": "The specified object does not have an ObjectLock "
        "configuration",
        "NoSuchPublicAccessBlockConfiguration": "The public access block configuration was not "
        "found",
        "NoSuchTagSet": "The TagSet does not exist",
        "NoSuchUpload": "The specified multipart upload does not exist. The upload ID may be "
        "invalid, or the upload may have been aborted or completed.",
        "NoSuchVersion": "The specified version does not exist.",
        "NoSuchWebsiteConfiguration": "The specified bucket does not have a website configuration",
        "ObjectLockConfigurationNotFoundError": "Object Lock configuration does not exist for "
        "this bucket",
        "OwnershipControlsNotFoundError": "The bucket ownership controls were not found",
        "ReplicationConfigurationNotFoundError": "The replication configuration was not found",
        "ServerSideEncryptionConfigurationNotFoundError": "The server side encryption "
        "configuration was not found",
    },
    405: {
        "MethodNotAllowed": "The specified method is not allowed against this resource.",
    },
    409: {
        "BucketAlreadyExists": "The requested bucket name is not available.",
        "BucketAlreadyOwnedByYou": "Your previous request to create the named bucket succeeded "
        "and you already own it.",
        "BucketNotEmpty": "The bucket you tried to delete is not empty",
        "ConditionalRequestConflict": "A conflicting operation occurred during the request.",
        "InvalidBucketState": "The request is not valid with the current state of the bucket.",
        "OperationAborted": "A conflicting conditional operation is currently in progress against "
        "this resource. Try again.",
        "RestoreAlreadyInProgress": "Object restore is already in progress.",
    },
    411: {
        "MissingContentLength": "You must provide the Content-Length HTTP header.",
    },
    412: {
        "PreconditionFailed": "At least one of the pre-conditions you specified did not hold",
    },
    416: {
        "InvalidRange": "The requested range is not satisfiable",
    },
    417: {
        "ExpectationFailed": "The only expectation that is supported is 100-continue.",
    },
    500: {
        "InternalError": "We encountered an internal error. Please try again.",
    },
    501: {
        "NotImplemented": "A header you provided implies functionality that is not implemented",
    },
    504: {
        "GatewayTimeout": "The object is not at hand.",
    },
    503: {
        "ServiceUnavailable": "Service is unable to handle request.",
        "SlowDown": "Please reduce your request rate.",
    },
}

ERRORS: Final[dict[str, tuple[int, str]]] = {
    code: (status, message) for status, rows in _OF_STATUS.items() for code, message in rows.items()
}


def failure_answer(failure: Failure) -> tuple[int, str, str]:
    """Return (HTTP status, S3 code, sentence) of a failure.

    An OriginRefused is the origin's own answer and passed on; this names it for logs.
    """
    if isinstance(failure, OriginRefused):
        return failure.status, f"Origin{failure.status}", failure.message
    status, message = ERRORS.get(failure.code, ERRORS["InternalError"])
    return status, failure.code, failure.message or message


def error_xml(
    code: str,
    message: str,
    resource: str,
    request_id: str,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """Return the body of an error answer; `extra` are further elements, as ActualObjectSize."""
    parts = [element("Code", code), element("Message", message)]
    parts += [element(name, value) for name, value in (extra or {}).items()]
    parts += [element("Resource", resource), element("RequestId", request_id)]
    return f"{XML_HEAD}<Error>{''.join(parts)}</Error>".encode()
