"""The origins under contract: the double and the real ones."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.contract import Subject
from tests.support.origins import ACCESS_KEY, SECRET_KEY, s3_client, threaded_origin
from tests.support.real_origins import RealOrigin

_numbers = count()

MOTO_KEEPS_NOT = {
    "test_a_checksum_is_kept_and_told_when_asked",
    "test_a_false_list_of_parts_is_refused",
    "test_a_key_is_at_most_1024_bytes",
    "test_a_part_can_be_read_by_its_number",
    "test_a_wrong_checksum_leaves_nothing",
    "test_a_wrong_md5_leaves_nothing",
    "test_a_wrong_secret_is_refused",
    "test_an_answer_can_be_told_to_say_other_headers",
    "test_an_upload_is_listed_until_it_ends",
    "test_conditions_on_a_copy_are_412",
    "test_conditions_on_a_read",
    "test_many_are_deleted_at_once",
    "test_replacing_what_is_not_there_is_404",
    "test_the_checksum_of_parts_is_told_with_the_object",
    "test_version_1_of_the_listing_goes_on_behind_a_prefix",
}
"""What moto, the stand-in where no Go is, does another way."""


@pytest.fixture(scope="session")
def embedded() -> Iterator[RealOrigin]:
    with threaded_origin() as origin:
        yield RealOrigin("embedded", origin.port, None, ACCESS_KEY, SECRET_KEY)


@pytest.fixture(params=["embedded", "versitygw", "minio", "moto"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "moto" and request.node.originalname in MOTO_KEEPS_NOT:
        pytest.skip("moto does this another way")
    origin: RealOrigin = request.getfixturevalue(request.param)
    client = s3_client(origin.endpoint, access_key=origin.access_key, secret_key=origin.secret_key)
    bucket = f"contract-{next(_numbers)}"
    client.create_bucket(Bucket=bucket)
    return Subject(origin.name, client, bucket)
