"""s3torchconnector: checkpoints and data sets of PyTorch, on mountpoint's Rust client and the CRT.

It writes in parts even what has three bytes, and asks for ranges under If-Match.
"""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import s3torchconnector
from s3torchconnector import S3Checkpoint, S3ClientConfig, S3MapDataset, S3ReaderConstructor
from s3torchconnector._s3client import S3Client
from s3torchconnector._user_agent import UserAgent

from conformance.clients.client import (
    NO_CONDITIONS,
    NO_METADATA,
    NO_URLS,
    ONLY_BYTES,
    PART_BYTES,
    Client,
    Head,
)
from conformance.support.raw_s3 import Place, encoded


class S3Torch(Client):
    """S3Checkpoint for bodies, S3MapDataset for listings, its client for the rest."""

    LACKS: ClassVar = {
        "delete_many": "deletes one by one",
        **NO_URLS,
        **NO_METADATA,
        **NO_CONDITIONS,
        **ONLY_BYTES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        os.environ["AWS_ACCESS_KEY_ID"] = place.access_key
        os.environ["AWS_SECRET_ACCESS_KEY"] = place.secret_key
        if place.session_token is not None:
            os.environ["AWS_SESSION_TOKEN"] = place.session_token
        config = S3ClientConfig(force_path_style=True, max_attempts=1, part_size=PART_BYTES)
        said = {"region": place.region, "endpoint": place.endpoint, "s3client_config": config}
        self._said = said
        self._checkpoint = S3Checkpoint(**said)
        self._s3 = S3Client(**said, user_agent=UserAgent())

    def version(self) -> str:
        return f"s3torchconnector {s3torchconnector.__version__}"

    def _uri(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        with self._checkpoint.writer(self._uri(key)) as sink:
            sink.write(path.read_bytes())

    multipart = put

    def get(self, key: str) -> bytes:
        with self._checkpoint.reader(self._uri(key)) as source:
            return source.read()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        ranged = S3ReaderConstructor.range_based(buffer_size=0)
        with self._s3.get_object(self.place.bucket, key, reader_constructor=ranged) as source:
            source.seek(start, io.SEEK_SET)
            return source.read(stop - start)

    def head(self, key: str) -> Head:
        seen = self._s3.head_object(self.place.bucket, key)
        return Head(seen.size, seen.etag)

    def list(self, prefix: str) -> Iterable[str]:
        found = S3MapDataset.from_prefix(self._uri(prefix), **self._said, transform=_key)
        return [found[number] for number in range(len(found))]

    def copy(self, source: str, target: str) -> None:
        self._s3.copy_object(self.place.bucket, encoded(source), self.place.bucket, target)

    def delete(self, key: str) -> None:
        self._s3.delete_object(self.place.bucket, key)


def _key(reader: s3torchconnector.S3Reader) -> str:
    """Return the key of an object that was read, so that listing it has meant opening it too."""
    assert reader.read() == reader.key.encode()
    return reader.key
