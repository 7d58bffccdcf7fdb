"""Listings that are cut and written here: page by page what a plain model of S3 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.origin_listing import ListRequest, list_page
from gateway.model.failures import InvalidRequest
from gateway.model.snapshots import Recorded
from gateway.protocol.http.head import parse_query
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.listing_pages import Page, cut_page, read_asked, write_page
from gateway.protocol.s3.recorded_pages import first_query, read_recorded

LETTERS = st.sampled_from("a/b-é\U0001f600")
KEYS = st.sets(st.text(LETTERS, min_size=1, max_size=6), max_size=40)
PREFIXES = st.text(LETTERS, max_size=3)
ODD = ("a b", "a+b", "a%b", "a&<b>", "a\x01b", 'q"uote', "é/\U0001f600", "a\rb", "tab\t")


def row(key):
    return Recorded(key, '"e&<"', len(key), "2026-11-28T00:00:00.000Z", None, "<C>S</C>", "<O/>")


class Model:
    """A sorted list in place of a record; it counts the rows that were looked at."""

    def __init__(self, keys):
        self.rows = sorted(((key.encode(), row(key)) for key in keys), key=lambda pair: pair[0])
        self.looked = 0

    def scan(self, start, stop):
        for key, found in self.rows:
            if key >= start and (stop is None or key < stop):
                self.looked += 1
                yield found


def ask(**parts):
    pairs = {name.replace("_", "-"): value for name, value in parts.items()}
    return read_asked(
        parse_query("&".join(f"{name}={encode(str(value))}" for name, value in pairs.items()))
    )


def texts(body, path):
    root = find_document(body)
    return [element.text or "" for element in root.iterfind(path)]


@given(
    keys=KEYS,
    prefix=PREFIXES,
    delimiter=st.sampled_from(["", "/", "b", "/b"]),
    after=PREFIXES,
    keys_max=st.integers(0, 5),
)
def test_a_page_is_what_the_model_says(keys, prefix, delimiter, after, keys_max):
    asked = ask(
        list_type=2, prefix=prefix, delimiter=delimiter, start_after=after, max_keys=keys_max
    )
    page = cut_page(Model(keys).scan, asked)
    expected = list_page(
        sorted(keys), lambda _: True, ListRequest(prefix, delimiter, after, keys_max)
    )
    assert tuple(one.key for one in page.objects) == expected.keys
    assert page.prefixes == expected.prefixes
    assert page.is_truncated == expected.is_truncated
    assert page.last == expected.last


@given(keys=KEYS, delimiter=st.sampled_from(["", "/"]), keys_max=st.integers(1, 4))
@pytest.mark.parametrize("is_v2", [True, False])
def test_pages_follow_each_other_without_gap_or_repetition(keys, delimiter, keys_max, is_v2):
    model, cursor, found = Model(keys), {}, []
    while True:
        kind = {"list_type": 2} if is_v2 else {}
        asked = ask(**kind, delimiter=delimiter, max_keys=keys_max, **cursor)
        page = cut_page(model.scan, asked)
        found += [*(one.key for one in page.objects), *page.prefixes]
        body = write_page("snap", asked, page)
        if not page.is_truncated:
            break
        if is_v2:
            cursor = {"continuation_token": texts(body, "NextContinuationToken")[0]}
        else:
            cursor = {"marker": texts(body, "NextMarker")[0] if delimiter else found[-1]}
    everything = list_page(
        sorted(keys), lambda _: True, ListRequest(delimiter=delimiter, keys_max=10**9)
    )
    assert sorted(found) == sorted([*everything.keys, *everything.prefixes])


def test_a_common_prefix_of_many_keys_costs_one_step():
    model = Model([f"{group}/{number:04}" for group in "abc" for number in range(1000)])
    page = cut_page(model.scan, ask(list_type=2, delimiter="/"))
    assert page == Page((), ("a/", "b/", "c/"), is_truncated=False, last="c/")
    assert model.looked == 3


@pytest.mark.parametrize("encoding", ["", "url"])
def test_keys_are_written_so_that_a_reader_finds_them(encoding):
    asked = ask(list_type=2, encoding_type=encoding)
    body = write_page("snap", asked, cut_page(Model(ODD).scan, asked))
    if encoding:
        rows = read_recorded(body, "", by_versions=False).rows
        assert [one.key for one in rows] == sorted(ODD, key=str.encode)
        assert {one.etag for one in rows} == {'"e&<"'}
        assert {one.more for one in rows} == {"<C>S</C>"}
    else:
        shown = texts(body, "Contents/Key")
        assert shown == [one.replace("\x01", "\ufffd") for one in sorted(ODD, key=str.encode)]


def test_the_owner_is_shown_to_who_asks_for_it():
    for parts, shows in (({"list_type": 2}, 0), ({"list_type": 2, "fetch_owner": "true"}, 1)):
        asked = ask(**parts)
        assert write_page("s", asked, cut_page(Model("a").scan, asked)).count(b"<O/>") == shows
    asked = ask()
    assert b"<O/>" in write_page("s", asked, cut_page(Model("a").scan, asked))


@pytest.mark.parametrize(
    "parts",
    [
        {"list_type": 3},
        {"encoding_type": "base64"},
        {"max_keys": "-1"},
        {"max_keys": "many"},
        {"list_type": 2, "continuation_token": ""},
        {"list_type": 2, "continuation_token": "no token"},
        {"list_type": 2, "continuation_token": "2YQ=="},
        {"list_type": 2, "continuation_token": "1"},
        {"list_type": 2, "continuation_token": "1\xff"},
    ],
)
def test_what_s3_refuses_is_refused(parts):
    with pytest.raises(InvalidRequest) as refused:
        cut_page(Model("a").scan, ask(**parts))
    assert refused.value.code == "InvalidArgument"


def test_a_pass_asks_for_the_next_page_where_the_last_one_ended():
    page = (
        b"<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        b"<NextKeyMarker>a%2Bb</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
        b"<Version><Key>a%2Bb</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest>"
        b"<LastModified>2026-11-28T00:00:00.123Z</LastModified><ETag>&quot;e&quot;</ETag>"
        b"<Size>3</Size><Owner><ID>me</ID></Owner><StorageClass>STANDARD</StorageClass></Version>"
        b"<Version><Key>a%2Bb</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest>"
        b"<LastModified>2026-11-28T00:00:00.000Z</LastModified><ETag>&quot;f&quot;</ETag>"
        b"<Size>3</Size></Version></ListVersionsResult>"
    )
    found = read_recorded(page, "a", by_versions=True)
    assert found.rows == (
        Recorded(
            "a+b", '"e"', 3, "2026-11-28T00:00:00.123Z", "v2",
            "<StorageClass>STANDARD</StorageClass>", "<Owner><ID>me</ID></Owner>",
        ),
    )  # fmt: skip
    asked = dict(parse_query(found.next_query))
    assert asked == {
        **dict(parse_query(first_query("a", by_versions=True))),
        "key-marker": "a+b",
        "version-id-marker": "v1",
    }
