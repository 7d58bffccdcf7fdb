"""boto3, with its defaults since 2025: checksums always, trailers over https."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from conformance.clients.client import ONLY_BYTES, PART_BYTES, Client, Described, Head
from conformance.support.raw_s3 import Place


class Boto3(Client):
    """The SDK that most programs use."""

    LACKS: ClassVar = ONLY_BYTES

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._s3 = boto3.client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region,
            aws_access_key_id=place.access_key,
            aws_secret_access_key=place.secret_key,
            aws_session_token=place.session_token,
            verify=place.ca_file,
            config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}),
        )
        self._parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)

    def version(self) -> str:
        return f"boto3 {boto3.__version__}"

    def put(self, key: str, path: Path) -> None:
        self._put(key, path)

    def _put(self, key: str, path: Path, **said: object) -> None:
        with path.open("rb") as body:
            self._s3.put_object(Bucket=self.place.bucket, Key=key, Body=body, **said)

    def multipart(self, key: str, path: Path) -> None:
        self._s3.upload_file(str(path), self.place.bucket, key, Config=self._parts)

    def get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self.place.bucket, Key=key)["Body"].read()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        asked = f"bytes={start}-{stop - 1}"
        answer = self._s3.get_object(Bucket=self.place.bucket, Key=key, Range=asked)
        return answer["Body"].read()

    def head(self, key: str) -> Head:
        seen = self._s3.head_object(Bucket=self.place.bucket, Key=key)
        return Head(seen["ContentLength"], seen["ETag"])

    def list(self, prefix: str) -> Iterable[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.place.bucket, Prefix=prefix, PaginationConfig={"PageSize": 7}
        )
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def copy(self, source: str, target: str) -> None:
        bucket = self.place.bucket
        named = {"Bucket": bucket, "Key": source}
        self._s3.copy_object(Bucket=bucket, Key=target, CopySource=named)

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self.place.bucket, Key=key)

    def delete_many(self, keys: Sequence[str]) -> None:
        told = {"Objects": [{"Key": key} for key in keys]}
        seen = self._s3.delete_objects(Bucket=self.place.bucket, Delete=told)
        assert "Errors" not in seen, seen

    def presign_get(self, key: str) -> str:
        return self._presign("get_object", key)

    def presign_put(self, key: str) -> str:
        return self._presign("put_object", key)

    def put_described(self, key: str, path: Path, described: Described) -> None:
        self._put(key, path, ContentType=described.content_type, Metadata=dict(described.metadata))

    def describe(self, key: str) -> Described:
        seen = self._s3.head_object(Bucket=self.place.bucket, Key=key)
        return Described(seen["ContentType"], seen["Metadata"])

    def put_new(self, key: str, path: Path) -> None:
        self._put(key, path, IfNoneMatch="*")

    def get_if_match(self, key: str, etag: str) -> bytes:
        answer = self._s3.get_object(Bucket=self.place.bucket, Key=key, IfMatch=etag)
        return answer["Body"].read()

    def find_changed(self, key: str, etag: str) -> bytes | None:
        try:
            answer = self._s3.get_object(Bucket=self.place.bucket, Key=key, IfNoneMatch=etag)
        except ClientError as refused:
            if refused.response["ResponseMetadata"]["HTTPStatusCode"] != 304:
                raise
            return None
        return answer["Body"].read()

    def _presign(self, operation: str, key: str) -> str:
        named = {"Bucket": self.place.bucket, "Key": key}
        url: str = self._s3.generate_presigned_url(operation, Params=named, ExpiresIn=300)
        return url
