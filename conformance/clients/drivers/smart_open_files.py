"""smart_open: streams over boto3, as gensim and many scripts read S3."""

from pathlib import Path
from typing import ClassVar

import smart_open

from conformance.clients.client import NO_CONDITIONS, NO_METADATA, NO_URLS, ONLY_BYTES, PART_BYTES
from conformance.clients.drivers.boto3_sdk import Boto3


class SmartOpen(Boto3):
    """Reads by open-ended ranges, writes in parts."""

    LACKS: ClassVar = {
        **dict.fromkeys(("head", "copy", "delete", "delete_many", "list"), "only opens streams"),
        **NO_URLS,
        **NO_METADATA,
        **NO_CONDITIONS,
        **ONLY_BYTES,
    }

    def version(self) -> str:
        return f"smart_open {smart_open.__version__}"

    def _open(self, key: str, mode: str, **said: object) -> smart_open.smart_open_lib.IO:
        uri = f"s3://{self.place.bucket}/{key}"
        return smart_open.open(uri, mode, transport_params={"client": self._s3, **said})

    def put(self, key: str, path: Path) -> None:
        with self._open(key, "wb", multipart_upload=False) as sink:
            sink.write(path.read_bytes())

    def multipart(self, key: str, path: Path) -> None:
        with self._open(key, "wb", min_part_size=PART_BYTES) as sink:
            sink.write(path.read_bytes())

    def get(self, key: str) -> bytes:
        with self._open(key, "rb") as source:
            return source.read()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        with self._open(key, "rb") as source:
            source.seek(start)
            return source.read(stop - start)
