"""polars: lazy scans of Parquet by ranges, and sinks, with the object_store that it carries."""

import os
from pathlib import Path
from typing import ClassVar

import polars as pl

from conformance.clients.client import (
    NO_CONDITIONS,
    NO_METADATA,
    NO_TENSORS,
    NO_URLS,
    Client,
)
from conformance.support.raw_s3 import Place

_ONLY_TABLES = "reads and writes tables only"


class Polars(Client):
    """Data frames; a missing object is asked for by a scan."""

    LACKS: ClassVar = {
        **dict.fromkeys(
            (
                "put",
                "multipart",
                "get",
                "get_range",
                "head",
                "list",
                "copy",
                "delete",
                "delete_many",
            ),
            _ONLY_TABLES,
        ),
        **NO_URLS,
        **NO_METADATA,
        **NO_CONDITIONS,
        **NO_TENSORS,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        if place.ca_file is not None:
            os.environ["SSL_CERT_FILE"] = place.ca_file
        self._options = {
            "aws_access_key_id": place.access_key,
            "aws_secret_access_key": place.secret_key,
            "aws_region": place.region,
            "aws_endpoint_url": place.endpoint,
            "aws_allow_http": "true",
            "max_retries": 0,
        }

        if place.session_token is not None:
            self._options["aws_session_token"] = place.session_token

    def version(self) -> str:
        return f"polars {pl.__version__}"

    def _uri(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    def read_parquet(self, key: str) -> tuple[int, int]:
        return self._counted(self._uri(key))

    def read_parquet_folder(self, prefix: str) -> tuple[int, int]:
        return self._counted(f"{self._uri(prefix)}**/*.parquet")

    def _counted(self, uri: str) -> tuple[int, int]:
        scan = pl.scan_parquet(uri, storage_options=self._options, hive_partitioning=False)
        seen = scan.select(pl.len().alias("rows"), pl.col("n").sum().alias("sum")).collect()
        return seen["rows"][0], seen["sum"][0]

    def write_parquet(self, key: str, rows: int) -> None:
        table = pl.LazyFrame({"n": range(rows)}).with_columns(noise=pl.col("n").hash(seed=rows))
        table.sink_parquet(self._uri(key), storage_options=self._options)
