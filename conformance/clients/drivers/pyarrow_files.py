"""pyarrow's S3FileSystem: the C++ SDK, always multipart, CRC64-NVME trailers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute, fs

from conformance.clients.client import Client, Head, folder_of
from conformance.support.raw_s3 import Place


class PyArrow(Client):
    """What Parquet is read with."""

    LACKS: ClassVar = {
        "presign_get": "makes no presigned URLs",
        "presign_put": "makes no presigned URLs",
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._files = fs.S3FileSystem(
            access_key=place.access_key,
            secret_key=place.secret_key,
            region=place.region,
            scheme="https" if place.is_secure else "http",
            endpoint_override=place.netloc,
            tls_ca_file_path=place.ca_file,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
        )

    def version(self) -> str:
        return f"pyarrow {pa.__version__}"

    def _path(self, key: str) -> str:
        return f"{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        with self._files.open_output_stream(self._path(key)) as sink:
            sink.write(path.read_bytes())

    multipart = put

    def get(self, key: str) -> bytes:
        with self._files.open_input_stream(self._path(key)) as source:
            return source.read()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        with self._files.open_input_file(self._path(key)) as source:
            return source.read_at(stop - start, start)

    def head(self, key: str) -> Head:
        seen = self._files.get_file_info(self._path(key))
        if seen.type == fs.FileType.NotFound:
            raise FileNotFoundError(key)
        return Head(seen.size)

    def list(self, prefix: str) -> Iterable[str]:
        chosen = fs.FileSelector(self._path(prefix).rstrip("/"), recursive=True)
        skipped = len(self.place.bucket) + 1
        seen = self._files.get_file_info(chosen)
        return [one.path[skipped:] for one in seen if one.type == fs.FileType.File]

    def copy(self, source: str, target: str) -> None:
        self._files.copy_file(self._path(source), self._path(target))

    def delete(self, key: str) -> None:
        self._files.delete_file(self._path(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._files.delete_dir_contents(self._path(folder_of(keys)).rstrip("/"))

    def read_parquet(self, key: str) -> tuple[int, int]:
        column = pq.read_table(self._path(key), filesystem=self._files, columns=["n"])["n"]
        return len(column), compute.sum(column).as_py()
