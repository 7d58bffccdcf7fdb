"""Conditional headers, in the order of RFC 9110 13.2.2."""

from datetime import timedelta

import pytest
from multidict import CIMultiDict

from gateway.model.failures import NotModified, PreconditionFailed
from gateway.model.versions import Version
from gateway.protocol.http.conditions import has_conditions, judge, range_applies
from gateway.protocol.http.dates import find_http_date

THEN = "Fri, 24 May 2013 00:00:00 GMT"
BEFORE = "Thu, 23 May 2013 23:59:59 GMT"
AFTER = "Fri, 24 May 2013 00:00:01 GMT"
VERSION = Version('"abc"', 10, THEN)

GO, FAILED, SAME = None, PreconditionFailed, NotModified
IM, INM, IMS, IUS = "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, GO),
        ({IM: '"abc"'}, GO),
        ({IM: "abc"}, GO),
        ({IM: "*"}, GO),
        ({IM: '"x", "abc"'}, GO),
        ({IM: '"a,b", "abc"'}, GO),
        ({IM: '"x"'}, FAILED),
        ({IM: ""}, FAILED),
        ({IM: 'W/"abc"'}, FAILED),
        ({INM: '"abc"'}, SAME),
        ({INM: "abc"}, SAME),
        ({INM: 'W/"abc"'}, SAME),
        ({INM: "*"}, SAME),
        ({INM: '"x",abc'}, SAME),
        ({INM: '"x"'}, GO),
        ({IMS: THEN}, SAME),
        ({IMS: AFTER}, SAME),
        ({IMS: BEFORE}, GO),
        ({IMS: "yesterday"}, GO),
        ({IUS: THEN}, GO),
        ({IUS: BEFORE}, FAILED),
        ({IUS: "yesterday"}, GO),
        # A true If-Match makes a false If-Unmodified-Since moot, a false one is final.
        ({IM: '"abc"', IUS: BEFORE}, GO),
        ({IM: '"x"', IUS: THEN}, FAILED),
        # If-None-Match decides alone.
        ({INM: '"x"', IMS: AFTER}, GO),
        ({INM: '"abc"', IMS: BEFORE}, SAME),
        # 412 comes before 304.
        ({IM: '"x"', INM: '"abc"'}, FAILED),
        ({IM: '"abc"', INM: '"abc"'}, SAME),
        ({IUS: BEFORE, INM: '"abc"'}, FAILED),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads(headers, outcome, method):
    headers = CIMultiDict({name.lower(): value for name, value in headers.items()})
    assert has_conditions(headers) == bool(headers)
    if outcome is None:
        judge(headers, VERSION, method)
        return
    with pytest.raises(outcome):
        judge(headers, VERSION, method)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [({INM: "*"}, FAILED), ({INM: '"x"'}, GO), ({IMS: THEN}, GO), ({IUS: BEFORE}, FAILED)],
)
def test_writes_are_never_304(headers, outcome):
    if outcome is None:
        judge(headers, VERSION, "PUT")
        return
    with pytest.raises(outcome):
        judge(headers, VERSION, "PUT")


def test_a_weak_etag_matches_only_weakly():
    weak = Version('W/"abc"', 10, THEN)
    with pytest.raises(PreconditionFailed):
        judge({IM: '"abc"'}, weak, "GET")
    with pytest.raises(NotModified):
        judge({INM: '"abc"'}, weak, "GET")


@pytest.mark.parametrize(
    ("validator", "applies"),
    [
        (None, True),
        ('"abc"', True),
        (' "abc" ', True),
        ('"x"', False),
        ('W/"abc"', False),
        ("abc", False),
        ("", False),
        (THEN, False),
        (AFTER, False),
    ],
)
def test_if_range(validator, applies):
    headers = {} if validator is None else {"If-Range": validator}
    assert range_applies(headers, VERSION) is applies
    assert not has_conditions(headers)


def test_if_range_with_a_date_counts_only_for_a_version_of_some_age():
    then = find_http_date(THEN)
    assert range_applies({"If-Range": THEN}, VERSION, then + timedelta(seconds=1))
    assert not range_applies({"If-Range": THEN}, VERSION, then)
    assert not range_applies({"If-Range": BEFORE}, VERSION, then + timedelta(hours=1))


def test_if_range_with_a_weak_version():
    weak = Version('W/"abc"', 10, THEN)
    assert not range_applies({"If-Range": 'W/"abc"'}, weak)
    assert not range_applies({"If-Range": '"abc"'}, weak)
