"""What an answer says of an object, and what must never be cached."""

import pytest
from multidict import CIMultiDict

from gateway.core.described import content_range, described_version, has_same_tuple

PLAIN = {
    "ETag": '"abc"',
    "Content-Length": "7",
    "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT",
}


def described(size=None, **more):
    headers = CIMultiDict({**PLAIN, **{name.replace("_", "-"): v for name, v in more.items()}})
    return described_version(headers, size)


def test_the_validator_tuple_is_taken_whole():
    version = described(x_amz_version_id="v1")
    assert (version.etag, version.size, version.last_modified, version.version_id) == (
        '"abc"',
        7,
        PLAIN["Last-Modified"],
        "v1",
    )


@pytest.mark.parametrize(
    "more",
    [
        {"ETag": ""},
        {"ETag": 'W/"abc"'},
        {"Content-Length": ""},
        {"x_amz_server_side_encryption_customer_algorithm": "AES256"},
        {"x_amz_request_charged": "requester"},
        {"x_amz_storage_class": "GLACIER"},
    ],
)
def test_what_cannot_be_cached_has_no_version(more):
    assert described(**more) is None


@pytest.mark.parametrize("length", ["\u00b2", "\u0667", "9" * 5_000, "-1", ""])
def test_a_length_that_is_no_number_is_no_length(length):
    assert described(Content_Length=length) is None


def test_full_object_checksums_are_kept_and_composite_ones_are_not():
    assert described(x_amz_checksum_crc32="AAAA").checksums == (("x-amz-checksum-crc32", "AAAA"),)
    assert described(x_amz_checksum_crc32="AAAA-2").checksums == ()
    assert described(x_amz_checksum_crc32="AAAA", x_amz_checksum_type="COMPOSITE").checksums == ()


def test_a_parts_checksum_is_not_the_objects():
    version = described(size=100, x_amz_checksum_crc32="AAAA")
    assert (version.size, version.checksums) == (100, ())


def test_content_range_is_half_open_inside():
    assert content_range({"Content-Range": "bytes 5-9/20"}) == (5, 10, 20)
    assert content_range({"Content-Range": "bytes 5-9/*"}) is None
    assert content_range({"Content-Range": f"bytes 5-9/{'9' * 5_000}"}) is None
    assert content_range({"Content-Range": "bytes \u0665-\u0669/\u0662\u0660"}) is None
    assert content_range({}) is None


@pytest.mark.parametrize("changed", ["ETag", "Last-Modified", "x-amz-version-id"])
def test_one_changed_validator_is_another_version(changed):
    version = described(x_amz_version_id="v1")
    same = CIMultiDict({**PLAIN, "x-amz-version-id": "v1"})
    assert has_same_tuple(same, version, 7)
    assert not has_same_tuple(same, version, 8)
    other = CIMultiDict(same)
    other[changed] = '"other"'
    assert not has_same_tuple(other, version, 7)
