"""pyarrow's S3FileSystem: the C++ SDK, always multipart, CRC64-NVME trailers."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute, dataset, fs

from conformance.clients.client import (
    NO_CONDITIONS,
    NO_METADATA,
    NO_TENSORS,
    NO_URLS,
    Client,
    Head,
    folder_of,
)
from conformance.support.raw_s3 import Place


class PyArrow(Client):
    """What Parquet is read with."""

    LACKS: ClassVar = {**NO_URLS, **NO_CONDITIONS, **NO_METADATA, **NO_TENSORS}

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._files = fs.S3FileSystem(
            access_key=place.access_key,
            secret_key=place.secret_key,
            session_token=place.session_token,
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
        return _counted(pq.read_table(self._path(key), filesystem=self._files, columns=["n"]))

    def read_parquet_folder(self, prefix: str) -> tuple[int, int]:
        source = dataset.dataset(
            self._path(prefix), filesystem=self._files, format="parquet", partitioning="hive"
        )
        return _counted(source.to_table(columns=["n"]))

    def write_parquet(self, key: str, rows: int) -> None:
        octets = pa.py_buffer(os.urandom(8 * rows))
        noise = pa.Array.from_buffers(pa.int64(), rows, [None, octets])
        table = pa.table({"n": pa.array(range(rows)), "noise": noise})
        pq.write_table(table, self._path(key), filesystem=self._files)


def _counted(table: pa.Table) -> tuple[int, int]:
    return len(table), compute.sum(table["n"]).as_py()
