"""s3fs: aiobotocore behind fsspec's file system."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import s3fs

from conformance.clients.client import ONLY_BYTES, PART_BYTES, Client, Described, Head
from conformance.support.raw_s3 import Place


class S3Fs(Client):
    """What pandas and dask read S3 with."""

    LACKS: ClassVar = {
        "get_if_match": "its reads state no conditions",
        "find_changed": "its reads state no conditions",
        **ONLY_BYTES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._files = s3fs.S3FileSystem(
            key=place.access_key,
            secret=place.secret_key,
            token=place.session_token,
            endpoint_url=place.endpoint,
            client_kwargs={"region_name": place.region, "verify": place.ca_file},
            config_kwargs={"signature_version": "s3v4", "retries": {"total_max_attempts": 1}},
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._files.retries = 1

    def version(self) -> str:
        return f"s3fs {s3fs.__version__}"

    def _path(self, key: str) -> str:
        return f"{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        self._files.pipe_file(self._path(key), path.read_bytes())

    def multipart(self, key: str, path: Path) -> None:
        with self._files.open(self._path(key), "wb", block_size=PART_BYTES) as sink:
            sink.write(path.read_bytes())

    def put_described(self, key: str, path: Path, described: Described) -> None:
        self._files.pipe_file(
            self._path(key),
            path.read_bytes(),
            ContentType=described.content_type,
            Metadata=dict(described.metadata),
        )

    def describe(self, key: str) -> Described:
        kept = self._files.metadata(self._path(key), refresh=True)
        return Described(self._files.info(self._path(key))["ContentType"], kept)

    def put_new(self, key: str, path: Path) -> None:
        self._files.pipe_file(self._path(key), path.read_bytes(), mode="create")

    def get(self, key: str) -> bytes:
        return self._files.cat_file(self._path(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._files.cat_file(self._path(key), start=start, end=stop)

    def head(self, key: str) -> Head:
        seen = self._files.info(self._path(key))
        return Head(seen["size"], seen["ETag"])

    def list(self, prefix: str) -> Iterable[str]:
        skipped = len(self.place.bucket) + 1
        return [path[skipped:] for path in self._files.find(self._path(prefix))]

    def copy(self, source: str, target: str) -> None:
        self._files.copy(self._path(source), self._path(target))

    def delete(self, key: str) -> None:
        self._files.rm_file(self._path(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._files.rm([self._path(key) for key in keys])

    def presign_get(self, key: str) -> str:
        return self._files.url(self._path(key), expires=300)

    def presign_put(self, key: str) -> str:
        return self._files.url(self._path(key), expires=300, client_method="put_object")
