"""Which rows a listing may confirm, and what it must show of them."""

from dataclasses import replace

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.listable import (
    SHOWN_SECONDS_MAX,
    dated_early,
    is_listable,
    is_same_listed,
    is_shown_lately,
    is_worth_showing,
)
from gateway.flash.rows import Row
from gateway.model.names import ObjectName
from gateway.model.versions import Version
from gateway.protocol.s3.listings import ListedObject

MODIFIED = "Sat, 21 Nov 2026 00:00:00 GMT"
READ = "Sat, 21 Nov 2026 00:00:02 GMT"
ROW = Row(
    ObjectName("b", "k"),
    Version('"abc"', 7, MODIFIED),
    bytes(16),
    (("Date", READ),),
    confirmed_ns=1,
)
LISTED = ListedObject("k", '"abc"', 7, MODIFIED, "STANDARD")


def test_two_seconds_are_enough():
    assert is_listable(ROW)


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("Date", "Sat, 21 Nov 2026 00:00:01 GMT"),)},
        {"headers": ()},
        {"headers": (("Date", "yesterday"),)},
        {"headers": (("Date", READ), ("Content-Range", "bytes 0-1/7"))},
        {"version": Version('"abc-2"', 7, MODIFIED)},
        {"version": Version('"abc"', 7, "")},
        {"confirmed_to": "another"},
        {"confirmed_ns": 0},
    ],
)
def test_any_doubt_leaves_the_row_to_a_head(changes):
    assert not is_listable(replace(ROW, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"etag": '"abd"'},
        {"size": 8},
        {"last_modified": READ},
        {"storage_class": "GLACIER"},
    ],
)
def test_a_listing_must_show_all_of_it(changes):
    assert is_same_listed(ROW, LISTED)
    assert is_same_listed(ROW, replace(LISTED, etag="abc"))
    assert not is_same_listed(ROW, replace(LISTED, **changes))


def test_the_storage_class_is_the_rows():
    row = replace(ROW, headers=(*ROW.headers, ("x-amz-storage-class", "STANDARD_IA")))
    assert not is_same_listed(row, LISTED)
    assert is_same_listed(row, replace(LISTED, storage_class="STANDARD_IA"))


def test_headers_are_shown_for_an_hour():
    assert SHOWN_SECONDS_MAX == 3600
    assert is_shown_lately(ROW, "Sat, 21 Nov 2026 01:00:02 GMT")
    assert not is_shown_lately(ROW, "Sat, 21 Nov 2026 01:00:03 GMT")
    assert not is_shown_lately(ROW, "")


def test_what_a_head_newly_shows_is_kept():
    assert not is_worth_showing(ROW, ROW)
    assert is_worth_showing(replace(ROW, headers=()), ROW)
    assert is_worth_showing(ROW, replace(ROW, headers=(*ROW.headers, ("x-amz-tagging-count", "1"))))
    later = replace(ROW, headers=(("Date", "Sat, 21 Nov 2026 00:16:00 GMT"),))
    assert is_worth_showing(ROW, later)
    assert not is_worth_showing(ROW, replace(later, confirmed_to="another"))


def test_a_slow_answer_is_dated_when_it_was_asked():
    headers = CIMultiDictProxy(CIMultiDict({"Date": READ, "ETag": "e"}))
    assert dated_early(headers, 0.9) is headers
    early = dated_early(headers, 1.5)
    assert (early["Date"], early["ETag"]) == (MODIFIED, "e")
    assert "Date" not in dated_early(CIMultiDictProxy(CIMultiDict({"Date": "x"})), 2)
