"""DeleteObjects and copy sources: what is read is what is meant, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import Failure, InvalidRequest
from gateway.model.names import ObjectName
from gateway.protocol.s3.requests import (
    DeleteEntry,
    DeleteRequest,
    copy_source,
    copy_source_header,
    delete_objects_xml,
    parse_delete_objects,
)

NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
xml_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
    | st.sampled_from("\t\r\n<>&\"']"),
    min_size=1,
    max_size=30,
).filter(lambda text: "\ufffe" not in text and "\uffff" not in text)


@pytest.mark.parametrize("namespace", ["", NAMESPACE, ' xmlns="other"'])
def test_a_delete_request(namespace):
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Delete{namespace}><Quiet>true</Quiet>'
        "<Object><Key> a&amp;&#13;/ </Key><VersionId>null</VersionId></Object>\n"
        '<Object><Key>b</Key><ETag>"e"</ETag><Size>3</Size></Object></Delete>'
    )
    assert parse_delete_objects(body.encode()) == DeleteRequest(
        [
            DeleteEntry(" a&\r/ ", "null"),
            DeleteEntry("b", None, (("ETag", '"e"'), ("Size", "3"))),
        ],
        quiet=True,
    )


entries = st.builds(
    DeleteEntry,
    xml_text,
    st.none() | xml_text,
    st.lists(st.tuples(st.just("ETag"), xml_text)).map(tuple),
)


@given(st.lists(entries, min_size=1, max_size=5), st.booleans())
def test_what_is_written_reads_back(keys, quiet):
    body = delete_objects_xml(keys, quiet=quiet)
    assert parse_delete_objects(body) == DeleteRequest(keys, quiet)


ONE = b"<Object><Key>a</Key></Object>"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"<Delete>",
        b"<Delete/>",
        b"<Delete><Quiet>true</Quiet></Delete>",
        b"<Other>" + ONE + b"</Other>",
        b"<Delete>" + ONE + b"<Unknown/></Delete>",
        b"<Delete><Object/></Delete>",
        b"<Delete><Object><Key/></Object></Delete>",
        b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        b"<Delete><Object><Key><b>a</b></Key></Object></Delete>",
        b"<Delete>" + ONE * 1001 + b"</Delete>",
        b'<!DOCTYPE Delete [<!ENTITY a "a">]><Delete>' + ONE + b"</Delete>",
        b'<?xml version="1.0" encoding="nonsense"?><Delete>' + ONE + b"</Delete>",
        b"<Delete>" + ONE + b" " * (4 << 20) + b"</Delete>",
        b"<Delete>\xff" + ONE + b"</Delete>",
        b"<Delete><Object><Key>&#0;</Key></Object></Delete>",
    ],
)
def test_malformed(body):
    with pytest.raises(InvalidRequest) as caught:
        parse_delete_objects(body)
    assert caught.value.code == "MalformedXML"


def test_a_thousand_of_the_longest_keys_fit():
    keys = [DeleteEntry("&" * 512 + f"{number:04}", None) for number in range(1000)]
    assert len(parse_delete_objects(delete_objects_xml(keys, quiet=False)).keys) == 1000


@pytest.mark.parametrize(
    ("header", "key", "version_id"),
    [
        ("b/k", "k", None),
        ("/b/k", "k", None),
        ("/b//k/../.", "/k/../.", None),
        ("b/a%2Bb+c%20d%3F%C3%A9", "a+b c d?é", None),
        ("b%2Fk", "k", None),
        ("%2Fb%2Fk", "k", None),
        ("b/k?versionId=v%2B1", "k", "v+1"),
        ("b/k?versionId=null", "k", "null"),
        ("b/k?x=1", "k?x=1", None),
    ],
)
def test_copy_sources(header, key, version_id):
    assert copy_source(header) == (ObjectName("b", key), version_id)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("b", "InvalidArgument"),
        ("b/", "InvalidArgument"),
        ("//k", "InvalidArgument"),
        ("b/%zz", "InvalidArgument"),
        ("b/%ff", "InvalidArgument"),
        ("../k", "InvalidBucketName"),
        ("b/" + "k" * 1025, "KeyTooLongError"),
        ("arn:aws:s3:us-east-1:1:accesspoint/ap/object/k", "NotImplemented"),
    ],
)
def test_copy_sources_that_are_none(header, code):
    with pytest.raises(Failure) as caught:
        copy_source(header)
    assert caught.value.code == code


@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=99),
    st.none() | st.text("a+/?=&", min_size=1),
)
def test_a_copy_source_that_is_written_reads_back(key, version_id):
    name = ObjectName("bucket", key)
    assert copy_source(copy_source_header(name, version_id)) == (name, version_id)


def test_a_copy_source_is_written_as_sdks_do():
    # The origin's policies may compare it (s3:x-amz-copy-source).
    assert copy_source_header(ObjectName("b", "public/k y"), None) == "b/public/k%20y"
    assert copy_source_header(ObjectName("b", "k"), "v 1") == "b/k?versionId=v%201"
