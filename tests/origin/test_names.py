"""The origin's address is made of names that it can have."""

from datetime import UTC, datetime

import pytest

from gateway.model.failures import InvalidRequest
from gateway.model.voices import UNSIGNED, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.interface import OriginRequest
from gateway.origin.s3 import OriginParameters, S3Origin


@pytest.mark.parametrize("bucket", ["tenant:bucket", "a:80"])
async def test_a_bucket_that_no_host_can_be_called_is_refused(bucket: str) -> None:
    parameters = OriginParameters(
        "http://origin.test:9000", "us-east-1", is_virtual_host_style=True
    )
    keys = StaticCredentials(Keys("key", "secret"))
    async with S3Origin(parameters, keys, lambda: datetime.now(UTC)) as origin:
        with pytest.raises(InvalidRequest) as refused:
            await origin.ask(OriginRequest("OPTIONS", bucket, "key", voice=UNSIGNED))
    assert refused.value.code == "InvalidBucketName"
