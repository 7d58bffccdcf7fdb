"""The table of S3's errors is complete, and its XML is what clients read."""

import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

import gateway
from gateway.model import failures
from gateway.model.failures import (
    FILE_CONFLICTS,
    Failure,
    InvalidRequest,
    NotFound,
    NotModified,
    OriginRefused,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from gateway.protocol.s3.errors import ERRORS, error_xml, failure_answer
from gateway.protocol.sts import answers
from gateway.protocol.webhdfs.errors import OF_CODE

CODE = re.compile(r'\bcode="([A-Za-z0-9]+)"')
SOURCES = sorted(Path(gateway.__file__).parent.rglob("*.py"))


def subclasses(root):
    return [root, *(each for child in root.__subclasses__() for each in subclasses(child))]


def test_every_failure_has_a_code_in_the_table():
    for failure in subclasses(Failure):
        assert failure.code in ERRORS.keys() | FILE_CONFLICTS, failure


def test_every_code_in_the_package_is_in_the_table():
    found = {code for path in SOURCES for code in CODE.findall(path.read_text("utf-8"))}
    assert {"SignatureDoesNotMatch", "IncompleteBody"} <= found
    # STS answers in words of its own; what only commands say of identities no client ever sees.
    elsewhere = answers._STATUS.keys() | {"EntityAlreadyExists", "NoSuchEntity", "NoSuchGroup"}
    # Of paths, and of WebHDFS's own words, which the S3 door does not have.
    elsewhere |= FILE_CONFLICTS | OF_CODE.keys()
    assert found <= ERRORS.keys() | elsewhere


def test_every_failure_becomes_an_answer():
    for failure in vars(failures).values():
        if isinstance(failure, type) and issubclass(failure, Failure):
            if failure in {RangeNotSatisfiable, OriginRefused, PreconditionFailed}:
                continue
            status, code, message = failure_answer(failure())
            assert 300 <= status < 600
            assert code == failure.code
            assert message


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (NotFound(), (404, "NoSuchKey", "The specified key does not exist.")),
        (
            NotFound(code="NoSuchBucket"),
            (404, "NoSuchBucket", "The specified bucket does not exist"),
        ),
        (NotFound("gone"), (404, "NoSuchKey", "gone")),
        (NotModified(), (304, "NotModified", "Not Modified")),
        (RangeNotSatisfiable(3), (416, "InvalidRange", "The requested range is not satisfiable")),
        (InvalidRequest("x", code="MissingContentLength"), (411, "MissingContentLength", "x")),
        (OriginRefused(418, {}, b""), (418, "Origin418", "the origin answered 418")),
    ],
)
def test_answers(failure, answer):
    assert failure_answer(failure) == answer


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
        ("AuthorizationHeaderMalformed", 400),
        ("AuthorizationQueryParametersError", 400),
        ("BadDigest", 400),
        ("XAmzContentSHA256Mismatch", 400),
        ("MethodNotAllowed", 405),
        ("BucketNotEmpty", 409),
        ("PreconditionFailed", 412),
        ("NotImplemented", 501),
        ("SlowDown", 503),
        ("ServiceUnavailable", 503),
    ],
)
def test_statuses_of_aws(code, status):
    assert ERRORS[code][0] == status


def test_the_xml_reads_back():
    key = "/b/<k>&\"'\u00e9"
    body = error_xml("InvalidRange", "no\r", key, "id", {"ActualObjectSize": "3"})
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidRange<')
    root = fromstring(body)
    assert [(child.tag, child.text) for child in root] == [
        ("Code", "InvalidRange"),
        ("Message", "no\r"),
        ("ActualObjectSize", "3"),
        ("Resource", key),
        ("RequestId", "id"),
    ]


@pytest.mark.parametrize("char", ["\x00", "\x1f", "\ufffe", "\ud800"])
def test_what_xml_cannot_say_is_replaced(char):
    root = fromstring(error_xml("NoSuchKey", "", f"/b/{char}", "id"))
    assert root.findtext("Resource") == "/b/\ufffd"
