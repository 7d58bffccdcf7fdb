"""Whole bodies against the origin's checksum, combined from chunks; quarantine where it differs."""

import zlib
from base64 import b64encode

import pytest
from awscrt.checksums import crc32c, crc64nvme

from gateway.core.objects import NotCacheable
from tests.core.test_objects import BODY, NAME, make_house  # noqa: F401 - a fixture
from tests.support.settling import settle_until

SMALL = BODY[: 5 * 64 * 1024 + 7]
COMPUTE = {"crc32": (zlib.crc32, 4), "crc32c": (crc32c, 4), "crc64nvme": (crc64nvme, 8)}


def told(algorithm, body):
    compute, size = COMPUTE[algorithm]
    value = b64encode(compute(body).to_bytes(size, "big")).decode()
    return {f"x-amz-checksum-{algorithm}": value}


@pytest.fixture
def house(make_house):  # noqa: F811 - pytest's way
    return make_house()


@pytest.mark.parametrize("algorithm", list(COMPUTE))
async def test_a_body_that_is_what_the_checksum_says_stays(house, algorithm, caplog):
    house.origin.put("k", SMALL, headers=told(algorithm, SMALL))
    assert (await house.warm())[0] == SMALL
    row = house.flash.find_row(NAME)
    assert len(house.flash.extents(row.body, range(6))) == 6
    assert not house.filling.checks.is_quarantined(row.body)
    assert caplog.text == ""


@pytest.mark.parametrize("algorithm", list(COMPUTE))
async def test_a_body_that_is_not_is_taken_off_and_read_past_flash(house, algorithm, caplog):
    house.origin.put("k", SMALL, headers=told(algorithm, SMALL[:-1] + b"?"))
    await house.warm()
    await settle_until(lambda: house.flash.stats()["chunks"] == 0)
    assert "are not those that its x-amz-checksum-" in caplog.text
    with pytest.raises(NotCacheable, match="quarantine"):
        await house.read()


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
async def test_what_does_not_combine_is_not_judged(house, algorithm):
    house.origin.put("k", SMALL, headers={f"x-amz-checksum-{algorithm}": "AAAA"})
    assert (await house.warm())[0] == SMALL
    assert house.flash.stats()["chunks"] == 6


async def test_a_body_whose_parts_others_filled_is_judged_by_crc32c_alone(house):
    house.origin.put("k", SMALL, headers=told("crc64nvme", b"other"))
    checks = house.filling.checks
    checks.note = lambda *_: None
    await house.warm()
    assert house.flash.stats()["chunks"] == 6


async def test_a_checksum_that_is_learnt_after_the_fill_is_judged_then(house):
    stored = house.origin.put("k", SMALL)
    await house.warm()
    assert house.flash.stats()["chunks"] == 6
    stored.headers |= told("crc32c", b"other bytes")
    with pytest.raises(NotCacheable, match="quarantine"):
        await house.read()
    await settle_until(lambda: house.flash.stats()["chunks"] == 0)
