"""ListObjectsV2 pages become rows that equal what HEAD shows, or nothing at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import OriginUnreachable
from gateway.protocol.http.percent import decode_query
from gateway.protocol.s3.listings import ListedObject, listing_query, read_listing

ROW = (
    "<Contents><Key>{key}</Key><LastModified>2013-05-24T01:02:03.{fraction}Z</LastModified>"
    "<ETag>&quot;abc&quot;</ETag><Size>7</Size><Owner><ID>o</ID></Owner></Contents>"
)


def document(*rows: str, tail: str = "<IsTruncated>false</IsTruncated>") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType>{''.join(rows)}{tail}</ListBucketResult>"
    ).encode()


def test_a_row_is_what_a_head_shows():
    page = read_listing(document(ROW.format(key="a%2Bb+c%2Fd", fraction="000")))
    assert page.objects == (
        ListedObject("a+b c/d", '"abc"', 7, "Fri, 24 May 2013 01:02:03 GMT", "STANDARD"),
    )
    assert page.next_token is None


def test_fractions_of_a_second_are_cut_off_as_in_the_header():
    page = read_listing(document(ROW.format(key="k", fraction="999")))
    assert page.objects[0].last_modified == "Fri, 24 May 2013 01:02:03 GMT"


def test_a_date_that_is_none_in_utc_cannot_be_read():
    row = ROW.format(key="k", fraction="0")
    with pytest.raises(OriginUnreachable):
        read_listing(document(row.replace("2013-05-24T01:02:03.0Z", "0001-01-01T00:00:00+14:00")))


def test_keys_stand_as_they_are_where_the_origin_did_not_encode():
    body = document(ROW.format(key="a+b%20", fraction="0")).replace(
        b"<EncodingType>url</EncodingType>", b""
    )
    assert read_listing(body).objects[0].key == "a+b%20"


def test_the_next_page_is_named():
    tail = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    assert read_listing(document(tail=tail)).next_token == "t"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<Error><Code>NoSuchBucket</Code></Error>",
        document(tail="<IsTruncated>true</IsTruncated>"),
        document(ROW.format(key="", fraction="0")),
        document(ROW.format(key="k", fraction="0").replace("<Size>7</Size>", "")),
        document(ROW.format(key="k", fraction="0").replace("7", "-7")),
        document(ROW.format(key="k", fraction="0").replace("2013-05", "2013-55")),
        document(ROW.format(key="%zz", fraction="0")),
        document(ROW.format(key="k", fraction="0"))[:-40],
    ],
)
def test_what_is_not_understood_is_no_page(body: bytes):
    with pytest.raises(OriginUnreachable):
        read_listing(body)


@given(st.text(max_size=50), st.text(max_size=50), st.text(min_size=1, max_size=50))
def test_any_prefix_can_be_asked_for(prefix: str, after: str, token: str):
    query = listing_query(prefix=prefix, start_after=after, token=token, count_max=5)
    asked = dict(pair.split("=", 1) for pair in query.split("&"))
    assert query.isascii()
    assert decode_query(asked.get("prefix", "")) == prefix
    assert decode_query(asked.get("start-after", "")) == after
    assert decode_query(asked["continuation-token"]) == token


def test_common_prefixes_are_read_as_keys_are():
    groups = "<CommonPrefixes><Prefix>a%2Bb/</Prefix></CommonPrefixes>"
    page = read_listing(document(ROW.format(key="a", fraction="0"), groups))
    assert page.prefixes == ("a+b/",)
    with pytest.raises(OriginUnreachable):
        read_listing(document("<CommonPrefixes></CommonPrefixes>"))


def test_a_delimiter_is_asked_for_where_there_is_one():
    assert "delimiter" not in listing_query(count_max=7)
    assert "delimiter=%2F" in listing_query(prefix="a/", delimiter="/", count_max=7)
