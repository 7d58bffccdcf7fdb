"""STS answers: the XML that SDKs read, and a code of STS for every failure."""

from datetime import UTC, datetime

import pytest
from defusedxml.ElementTree import fromstring

from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    Failure,
    InvalidRequest,
    NotSupported,
)
from gateway.protocol.sts.answers import NAMESPACE, answer_xml, credentials, refusal

EXPIRES = datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC)


def test_an_answer_is_the_query_api_s_xml():
    result = {"Credentials": credentials("K", "S", "T", EXPIRES), "PackedPolicySize": "6"}
    root = fromstring(answer_xml("AssumeRole", result, "id"))
    space = f"{{{NAMESPACE}}}"
    assert root.tag == f"{space}AssumeRoleResponse"
    path = f"{space}AssumeRoleResult/{space}Credentials/{space}Expiration"
    assert root.findtext(path) == "2026-11-21T13:00:00Z"
    assert root.findtext(f"{space}ResponseMetadata/{space}RequestId") == "id"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (AccessDenied("no"), 403, "AccessDenied"),
        (AuthenticationFailed("no", code="InvalidAccessKeyId"), 403, "InvalidClientTokenId"),
        (AuthenticationFailed("no", code="InvalidToken"), 403, "InvalidClientTokenId"),
        (AuthenticationFailed("no", code="ExpiredToken"), 403, "ExpiredToken"),
        (AuthenticationFailed("no", code="RequestTimeTooSkewed"), 403, "SignatureDoesNotMatch"),
        (InvalidRequest("no", code="AuthorizationHeaderMalformed"), 400, "IncompleteSignature"),
        (InvalidRequest("no", code="MalformedPolicyDocument"), 400, "MalformedPolicyDocument"),
        (InvalidRequest("no", code="InvalidURI"), 400, "MalformedQueryString"),
        (NotSupported("no"), 501, "NotImplemented"),
        (Failure("secret words"), 500, "InternalFailure"),
    ],
)
def test_every_failure_has_a_code_of_sts(failure, status, code):
    words = refusal(failure)
    assert (words.status, words.code) == (status, code)
    root = fromstring(words.xml("id"))
    space = f"{{{NAMESPACE}}}"
    assert root.findtext(f"{space}Error/{space}Code") == code
    assert root.findtext(f"{space}Error/{space}Type") == ("Receiver" if status > 499 else "Sender")
    assert root.findtext(f"{space}RequestId") == "id"
    assert b"secret words" not in words.xml("id")


def test_names_are_escaped():
    assert b"<a>" not in refusal(AccessDenied("<a>&")).xml("<a>")
