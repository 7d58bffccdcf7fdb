"""When two versions have one body."""

import pytest

from gateway.model.names import ObjectName
from gateway.model.versions import Version, body_id

NAME = ObjectName("b", "k")
CRC = (("x-amz-checksum-crc32", "AAAAAA=="),)
OTHER_CRC = (("x-amz-checksum-crc32", "BBBBBB=="),)
BASE = Version('"e"', 10, "Mon", "v1", CRC)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Version('"e"', 10, "Mon", "v1"), True),
        (Version('"e"', 10, "Tue", "v2", CRC), True),
        (Version('"e"', 10, "Tue", "v2"), False),
        (Version('"e"', 10, "Mon", "v2"), False),
        (Version('"e"', 10, "Tue", "v1"), False),
        (Version('"e"', 10, "Tue", "v2", OTHER_CRC), False),
        (Version('"e"', 10, "Mon", "v1", OTHER_CRC), False),
        (Version('"f"', 10, "Mon", "v1", CRC), False),
        (Version('"e"', 11, "Mon", "v1", CRC), False),
    ],
)
def test_same_body_needs_proof(other, same):
    assert BASE.has_same_body(other) is same
    assert other.has_same_body(BASE) is same


def test_a_body_id_tells_apart_what_differs():
    ids = {
        body_id(NAME, BASE, 1024),
        body_id(NAME, BASE, 2048),
        body_id(ObjectName("b", "k2"), BASE, 1024),
        body_id(ObjectName("bk", ""), BASE, 1024),
        body_id(NAME, Version('"e"', 10, "Tue", "v1"), 1024),
        body_id(NAME, Version('"e"', 10, "Mon", None), 1024),
        body_id(NAME, Version('"e"', 11, "Mon", "v1"), 1024),
    }
    assert len(ids) == 7
    assert {len(one) for one in ids} == {16}
    assert body_id(NAME, BASE, 1024) == body_id(NAME, Version('"e"', 10, "Mon", "v1", CRC), 1024)
