"""Dates on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.protocol.http.dates import (
    find_amz_date,
    find_http_date,
    format_amz_date,
    format_http_date,
)

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_http_dates_in_all_forms(text):
    assert find_http_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    ["", "x", "Sun, 99 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:00:00 -2300", "9" * 999, "Mon"],
)
def test_what_is_no_http_date(text):
    assert find_http_date(text) is None


def test_formatted_in_gmt():
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert format_http_date(elsewhere) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert format_amz_date(elsewhere) == "19941106T084937Z"
    assert find_amz_date(format_amz_date(MOMENT)) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "19941106T084937",
        "19941106t084937Z",
        "19941306T084937Z",
        "1994110 T084937Z",
        "19941106T084961Z",
        "+9941106T084937Z",
        "\u0661" * 16,
    ],
)
def test_what_is_no_amz_date(text):
    assert find_amz_date(text) is None
