"""Targets of listings: what a client asks a snapshot, and what an origin lists for one."""

from collections.abc import Iterator
from contextlib import suppress

from gateway.model.failures import Failure
from gateway.model.snapshots import Recorded
from gateway.protocol.http.head import parse_query
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.listing_pages import KEYS_MAX, cut_page, read_asked, write_page
from gateway.protocol.s3.listings import http_date
from gateway.protocol.s3.recorded_pages import read_recorded
from tests.fuzzing.target import Target

_KEYS = ("a", "a/b", "a/c/d", "b&<", "c\x01", "é/\U0001f600", "z/")
_ROWS = tuple(
    Recorded(key, '"e"', 1, "2026-11-28T00:00:00.000Z", None, "<A>b</A>", "<Owner/>")
    for key in _KEYS
)


def _scan(start: bytes, stop: bytes | None) -> Iterator[Recorded]:
    for row in _ROWS:
        key = row.key.encode()
        if key >= start and (stop is None or key < stop):
            yield row


def read_listing_query(raw: bytes) -> None:
    with suppress(Failure):
        asked = read_asked(parse_query(raw.decode("latin-1")))
        page = cut_page(_scan, asked)
        assert len(page.objects) + len(page.prefixes) <= min(asked.keys_max, KEYS_MAX)
        assert all(row.key.startswith(asked.prefix) for row in page.objects)
        written = find_document(write_page("snapshot", asked, page))
        assert written is not None
        assert len(written.findall("Contents")) == len(page.objects)
        assert written.findtext("IsTruncated") == str(page.is_truncated).lower()


def read_recorded_page(raw: bytes) -> None:
    for by_versions in (False, True):
        with suppress(Failure):
            page = read_recorded(raw, "a", by_versions=by_versions)
            parse_query(page.next_query)
            for row in page.rows:
                assert row.key
                assert row.size >= 0
                http_date(row.modified)
                shown = find_document(f"<A>{row.more}{row.owner}</A>".encode())
                assert shown is not None


_ROW = (
    b"<Key>a%2Fb</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified><ETag>&quot;e&quot;"
    b"</ETag><Size>1</Size><Owner><ID>o</ID></Owner><StorageClass>STANDARD</StorageClass>"
)
TARGETS = (
    Target(
        "listing-queries",
        read_listing_query,
        (
            b"list-type=2&prefix=a&delimiter=%2F&max-keys=2&encoding-type=url&fetch-owner=true",
            b"list-type=2&continuation-token=1YS9i&start-after=a",
            b"marker=a%2F&max-keys=0",
        ),
        b"list-type=|2|prefix=|delimiter=|max-keys=|encoding-type=url|continuation-token=1|marker=|&",
        2048,
    ),
    Target(
        "recorded-pages",
        read_recorded_page,
        (
            b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
            b"<NextContinuationToken>t</NextContinuationToken><Contents>" + _ROW + b"</Contents>"
            b"</ListBucketResult>",
            b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
            b"<Version><VersionId>v</VersionId><IsLatest>true</IsLatest>" + _ROW + b"</Version>"
            b"</ListVersionsResult>",
        ),
        b"<Contents>|</Contents>|<Size>|-1|\xc2\xb2|<Key>|</Key>|%zz|<LastModified>|0000|<Version>|&lt;",
    ),
)
