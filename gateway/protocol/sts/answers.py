"""STS answers: results and errors as the query API's XML (pure).

https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and each operation's page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.model.failures import Failure
from gateway.protocol.s3.markup import element

ACCOUNT: Final = "000000000000"
"""There is one account, and it has no number of its own."""
NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"

Result = Mapping[str, "str | Result"]
"""Elements in order; a mapping is an element that has some itself."""

_STATUS: Final[Mapping[str, int]] = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 400,
    "IDPCommunicationError": 400,
    "IDPRejectedClaim": 403,
    "IncompleteSignature": 400,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidIdentityToken": 400,
    "MalformedPolicyDocument": 400,
    "MalformedQueryString": 400,
    "MissingAction": 400,
    "MissingAuthenticationToken": 403,
    "NotImplemented": 501,
    "PackedPolicyTooLarge": 400,
    "RequestEntityTooLarge": 413,
    "SignatureDoesNotMatch": 403,
    "Throttling": 400,
    "ValidationError": 400,
}
_STS_CODE: Final[Mapping[str, str]] = {
    "AuthorizationHeaderMalformed": "IncompleteSignature",
    "AuthorizationQueryParametersError": "IncompleteSignature",
    "ExpectationFailed": "ValidationError",
    "IncompleteBody": "ValidationError",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "InvalidArgument": "IncompleteSignature",
    "InvalidRequest": "IncompleteSignature",
    "InvalidToken": "InvalidClientTokenId",
    "InvalidURI": "MalformedQueryString",
    "RequestTimeTooSkewed": "SignatureDoesNotMatch",
    "SlowDown": "Throttling",
}
"""What S3 calls otherwise; everything that neither table knows is an InternalFailure."""
_MESSAGE: Final[Mapping[str, str]] = {
    "InvalidClientTokenId": "The security token included in the request is invalid.",
    "ExpiredToken": "The security token included in the request is expired",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer."""

    status: int
    code: str
    message: str

    def xml(self, request_id: str) -> bytes:
        """Return its body."""
        kind = "Sender" if self.status < 500 else "Receiver"  # noqa: PLR2004 - RFC 9110 15.6
        error = element("Type", kind) + element("Code", self.code)
        error += element("Message", self.message)
        return (
            f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error>'
            f"{element('RequestId', request_id)}</ErrorResponse>"
        ).encode()


def refusal(failure: Failure) -> Refusal:
    """Return what the caller is told of a failure."""
    code = _STS_CODE.get(failure.code, failure.code)
    if code not in _STATUS:
        return Refusal(500, "InternalFailure", "An internal error has occurred.")
    return Refusal(_STATUS[code], code, _MESSAGE.get(code, failure.message))


def answer_xml(action: str, result: Result, request_id: str) -> bytes:
    """Return the body of a call that succeeded."""
    return (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{_elements(result)}'
        f"</{action}Result><ResponseMetadata>{element('RequestId', request_id)}"
        f"</ResponseMetadata></{action}Response>"
    ).encode()


def credentials(access_key: str, secret: str, token: str, expires: datetime) -> Result:
    """Return the Credentials element's; `expires` is aware and UTC."""
    return {
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def assumed_role(role: str, session_name: str) -> Result:
    """Return the AssumedRoleUser element's."""
    return {"AssumedRoleId": f"{role}:{session_name}", "Arn": assumed_role_arn(role, session_name)}


def assumed_role_arn(role: str, session_name: str) -> str:
    """Return the ARN of a session of a role."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session_name}"


def user_arn(name: str) -> str:
    """Return the ARN of an identity."""
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def _elements(result: Result) -> str:
    return "".join(
        element(name, value) if isinstance(value, str) else f"<{name}>{_elements(value)}</{name}>"
        for name, value in result.items()
    )
