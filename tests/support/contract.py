"""What the contract suite of the origins works with: an origin under contract, with a bucket."""

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

BODY = bytes(range(256)) * 40


@dataclass(frozen=True, slots=True)
class Subject:
    """An origin under contract, with a bucket of this test's own."""

    name: str
    client: Any
    bucket: str

    def put(self, key: str, body: bytes = BODY, **more: Any) -> Any:
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key: str, **more: Any) -> Any:
        return self.client.get_object(Bucket=self.bucket, Key=key, **more)

    def head(self, key: str, **more: Any) -> Any:
        return self.client.head_object(Bucket=self.bucket, Key=key, **more)

    def keys(self, **more: Any) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket, **more)
        return [row["Key"] for row in listed.get("Contents", [])]


def except_for(subject: Subject, *names: str, why: str) -> None:
    if subject.name in names:
        pytest.skip(f"{subject.name}: {why}")


def status_and_code(failed: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = failed.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
