"""boto3 as its users have it: sessions and clients pointed at Forebay, nothing patched."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"


def boto_client(service: str, endpoint: str, keys: tuple[str, ...], **config: Any) -> Any:
    """Return a client; `keys` are access key, secret and, for temporary ones, the token."""
    session = boto3.Session(*keys, region_name=REGION)
    return session.client(service, endpoint_url=endpoint, config=_config(config))


def _config(more: Mapping[str, Any]) -> Config:
    return Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **more)


def keys_of(answer: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the keys in the answer to an STS call."""
    given = answer["Credentials"]
    return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
