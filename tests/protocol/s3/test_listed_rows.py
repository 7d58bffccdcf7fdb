"""Rows found in a page by their bytes are the rows that reading it whole gives, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.origin_xml import key_text, leaf
from gateway.protocol.s3.listed_rows import find_rows
from gateway.protocol.s3.listings import read_listing

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
ENCODED = "<EncodingType>url</EncodingType>"
KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufffe\uffff", min_codepoint=32),
    min_size=1,
    max_size=12,
) | st.sampled_from(["a", "a/b", "a-1", "</Key>", "<Contents>", "a&b", "a b+c%20*~"])


def row(key: str, size: int = 7, *, is_encoded: bool = True) -> str:
    return (
        f"<Contents>{leaf('Key', key_text(key, is_url_encoded=is_encoded))}"
        "<LastModified>2013-05-24T01:02:03.000Z</LastModified>"
        f"<ETag>&quot;abc&quot;</ETag><Size>{size}</Size>"
        "<Owner><ID>o</ID><DisplayName>a &lt;Key&gt;a&lt;/Key&gt;</DisplayName></Owner>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def page(*rows: str, head: str = ENCODED, tail: str = "") -> bytes:
    return f"{HEAD}{head}{''.join(rows)}{tail}</ListBucketResult>".encode()


@given(st.sets(KEYS, max_size=20), st.sets(KEYS, max_size=8), st.booleans())
def test_what_is_found_is_what_reading_it_whole_gives(
    listed: set[str], others: set[str], is_encoded: bool
):
    keys = sorted(listed)
    body = page(
        *(row(key, at, is_encoded=is_encoded) for at, key in enumerate(keys)),
        head=ENCODED if is_encoded else "",
    )
    whole = {one.key: one for one in read_listing(body).objects}
    found = find_rows(body, sorted(listed | others))
    assert found is not None
    assert found.rows.items() <= whole.items()
    if is_encoded:
        assert found.rows.keys() == listed
    assert found.last_key in (max(listed, default=""), "" if not is_encoded else None)


def test_a_truncated_page_covers_what_is_not_behind_its_last_key():
    found = find_rows(page(row("b"), row("d"), tail="<IsTruncated>true</IsTruncated>"), ["b", "e"])
    assert found is not None
    assert [found.covers(key) for key in ("a", "d", "d0")] == [True, True, False]
    found = find_rows(page(row("b"), tail="<IsTruncated>false</IsTruncated>"), ["b"])
    assert found is not None
    assert found.covers("z")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Error><Code>AccessDenied</Code></Error>",
        page(row("a"))[:-1],
        page(row("a"), tail="<![CDATA[<Key>b</Key>]]>"),
        page(row("a"), tail="<!-- <Key>b</Key> -->"),
        page(row("a"), tail="<?x <Key>b</Key> ?>"),
        b"<!DOCTYPE x>" + page(row("a")),
    ],
)
def test_a_page_that_could_hide_a_row_in_a_text_is_not_believed(body: bytes):
    assert find_rows(body, ["a", "b"]) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Size>7</Size>", ""),
        ("<Size>7</Size>", "<Size>-7</Size>"),
        ("2013-05", "2013-55"),
        ("<Contents>", "<Contents x='1'>"),
        ("</Contents>", "</contents>"),
    ],
)
def test_a_row_that_is_not_understood_is_not_there(old: str, new: str):
    found = find_rows(page(row("a").replace(old, new)), ["a"])
    assert found is not None
    assert not found.rows


def test_a_key_elsewhere_is_no_row():
    found = find_rows(page("<CommonPrefixes><Key>a</Key></CommonPrefixes>", row("b")), ["a", "b"])
    assert found is not None
    assert found.rows.keys() == {"b"}
