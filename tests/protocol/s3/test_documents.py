"""XML of others: bounded in bytes, marks and depth, without entities, whatever its namespace."""

from time import process_time

import pytest

from gateway.model.failures import InvalidRequest
from gateway.protocol.s3.documents import (
    DEPTH_MAX,
    MARKS_MAX,
    XML_BYTES_MAX,
    find_document,
    read_document,
    write_document,
)
from gateway.protocol.s3.markup import NAMESPACE
from gateway.protocol.s3.responses import DeleteError, delete_result


def nested(depth):
    return b"<a>" * depth + b"</a>" * depth


@pytest.mark.parametrize("xmlns", ["", f' xmlns="{NAMESPACE}"', ' xmlns="urn:other"'])
def test_a_document_is_read_whatever_its_namespace(xmlns):
    body = f"\n<?xml version='1.0'?><Delete{xmlns}><Object/></Delete>".lstrip().encode()
    assert [one.tag for one in read_document(body, "Delete").iter()] == ["Delete", "Object"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Delete",
        b"<Delete>",
        b"<Other/>",
        b"<!DOCTYPE Delete><Delete/>",
        b"<!DOCTYPE Delete [<!ENTITY a 'b'>]><Delete>&a;</Delete>",
        b"<?xml version='1.0' encoding='nonsense'?><Delete/>",
        b"<Delete>" + b" " * XML_BYTES_MAX + b"</Delete>",
    ],
)
def test_what_is_no_such_document_is_malformed(body):
    with pytest.raises(InvalidRequest) as caught:
        read_document(body, "Delete")
    assert caught.value.code == "MalformedXML"


def test_ten_thousand_parts_of_ten_elements_fit():
    part = b"<Part>" + b"<ChecksumSHA256>AAAA=</ChecksumSHA256>" * 10 + b"</Part>"
    body = b"<a>" + part * 10_000 + b"</a>"
    assert find_document(body, len(body)) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>" + b"<a/>" * 1_000_000 + b"</Delete>",
        b"<Delete " + b" ".join(b"a%d=''" % number for number in range(MARKS_MAX)) + b"/>",
    ],
    ids=["elements", "attributes"],
)
def test_a_document_of_nothing_but_marks_costs_nothing(body):
    begun = process_time()
    assert find_document(body) is None
    assert process_time() - begun < 0.2


def test_a_document_is_not_so_deep_that_writing_it_fails():
    deep = find_document(nested(DEPTH_MAX))
    assert deep is not None
    assert write_document(deep, NAMESPACE)
    for depth in (DEPTH_MAX + 1, 5_000, 100_000):
        assert find_document(nested(depth)) is None


def test_an_answer_of_the_origin_that_is_too_deep_is_no_answer():
    body = b"<DeleteResult>" + nested(5_000) + b"</DeleteResult>"
    with pytest.raises(Exception, match="cannot be read"):
        delete_result(body, [DeleteError("k", None, "AccessDenied", "no")])
