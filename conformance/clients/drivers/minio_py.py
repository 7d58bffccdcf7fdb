"""minio-py: an SDK of another school, signs every payload."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import minio
import urllib3
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject

from conformance.clients.client import ONLY_BYTES, PART_BYTES, Client, Described, Head
from conformance.support.raw_s3 import Place

_VALID = timedelta(minutes=5)


class MinioPy(Client):
    """MinIO's Python SDK."""

    LACKS: ClassVar = {"put_new": "its uploads state no conditions", **ONLY_BYTES}

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        trusted = {"cert_reqs": "CERT_REQUIRED", "ca_certs": place.ca_file}
        self._minio = minio.Minio(
            place.netloc,
            access_key=place.access_key,
            secret_key=place.secret_key,
            session_token=place.session_token,
            secure=place.is_secure,
            region=place.region,
            http_client=urllib3.PoolManager(
                retries=False, timeout=60, **(trusted if place.is_secure else {})
            ),
        )

    def version(self) -> str:
        return f"minio-py {minio.__version__}"

    def put(self, key: str, path: Path) -> None:
        self._minio.fput_object(self.place.bucket, key, str(path))

    def multipart(self, key: str, path: Path) -> None:
        self._minio.fput_object(self.place.bucket, key, str(path), part_size=PART_BYTES)

    def get(self, key: str) -> bytes:
        return self._read(key)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._read(key, offset=start, length=stop - start)

    def put_described(self, key: str, path: Path, described: Described) -> None:
        self._minio.fput_object(
            self.place.bucket,
            key,
            str(path),
            content_type=described.content_type,
            metadata=dict(described.metadata),
        )

    def describe(self, key: str) -> Described:
        seen, prefix = self._minio.stat_object(self.place.bucket, key), "x-amz-meta-"
        kept = {
            name.lower().removeprefix(prefix): value
            for name, value in seen.metadata.items()
            if name.lower().startswith(prefix)
        }
        return Described(seen.content_type, kept)

    def get_if_match(self, key: str, etag: str) -> bytes:
        return self._read(key, request_headers={"If-Match": etag})

    def find_changed(self, key: str, etag: str) -> bytes | None:
        try:
            return self._read(key, request_headers={"If-None-Match": etag})
        except minio.error.MinioException as refused:
            if "304" not in str(refused):
                raise
            return None

    def _read(self, key: str, **wanted: object) -> bytes:
        answer = self._minio.get_object(self.place.bucket, key, **wanted)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def head(self, key: str) -> Head:
        seen = self._minio.stat_object(self.place.bucket, key)
        return Head(seen.size, seen.etag)

    def list(self, prefix: str) -> Iterable[str]:
        seen = self._minio.list_objects(self.place.bucket, prefix=prefix, recursive=True)
        return [one.object_name for one in seen]

    def copy(self, source: str, target: str) -> None:
        bucket = self.place.bucket
        self._minio.copy_object(bucket, target, CopySource(bucket, source))

    def delete(self, key: str) -> None:
        self._minio.remove_object(self.place.bucket, key)

    def delete_many(self, keys: Sequence[str]) -> None:
        told = [DeleteObject(key) for key in keys]
        refused = list(self._minio.remove_objects(self.place.bucket, told))
        assert not refused, refused

    def presign_get(self, key: str) -> str:
        return self._minio.presigned_get_object(self.place.bucket, key, expires=_VALID)

    def presign_put(self, key: str) -> str:
        return self._minio.presigned_put_object(self.place.bucket, key, expires=_VALID)
