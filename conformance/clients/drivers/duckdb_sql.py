"""DuckDB with its httpfs extension, as PyPI carries it: no extension server is asked."""

# ruff: noqa: S608 - what stands in the SQL is the suite's own, and quoted

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import duckdb

from conformance.clients.client import NO_CONDITIONS, NO_METADATA, NO_TENSORS, NO_URLS, Client, Head
from conformance.support.raw_s3 import Place


class DuckDb(Client):
    """SQL over objects: COPY writes (always in parts), read_blob and read_parquet read."""

    LACKS: ClassVar = {
        "get_range": "reads ranges inside Parquet files only: see the cell `parquet`",
        "copy": "SQL has no server-side copy",
        "delete": "SQL deletes no objects",
        "delete_many": "SQL deletes no objects",
        **NO_URLS,
        **NO_CONDITIONS,
        **NO_METADATA,
        **NO_TENSORS,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._sql = duckdb.connect()
        for extension in files("duckdb_extension_httpfs").rglob("httpfs.duckdb_extension"):
            self._sql.execute(f"LOAD {_quoted(str(extension))}")
        if place.ca_file is not None:
            self._sql.execute(f"SET ca_cert_file = {_quoted(place.ca_file)}")
        self._sql.execute("SET http_retries = 0")
        self._sql.execute("SET s3_uploader_max_filesize = '50GB'")  # parts of 5 MiB, not of 80
        self._sql.execute(
            "CREATE SECRET (TYPE s3, "
            f"KEY_ID {_quoted(place.access_key)}, SECRET {_quoted(place.secret_key)}, "
            f"SESSION_TOKEN {_quoted(place.session_token or '')}, "
            f"REGION {_quoted(place.region)}, ENDPOINT {_quoted(place.netloc)}, "
            f"URL_STYLE 'path', USE_SSL {str(place.is_secure).lower()})"
        )

    def version(self) -> str:
        return f"duckdb {duckdb.__version__} + httpfs"

    def _url(self, key: str) -> str:
        return _quoted(f"s3://{self.place.bucket}/{key}")

    def put(self, key: str, path: Path) -> None:
        source = f"SELECT content FROM read_blob({_quoted(str(path))})"
        self._sql.execute(f"COPY ({source}) TO {self._url(key)} (FORMAT blob)")

    multipart = put

    def get(self, key: str) -> bytes:
        rows = self._sql.execute(f"SELECT content FROM read_blob({self._url(key)})").fetchall()
        assert len(rows) == 1, f"{len(rows)} objects match"
        return rows[0][0]

    def head(self, key: str) -> Head:
        rows = self._sql.execute(f"SELECT size FROM read_blob({self._url(key)})").fetchall()
        assert len(rows) == 1, f"{len(rows)} objects match"
        return Head(rows[0][0])

    def list(self, prefix: str) -> Iterable[str]:
        rows = self._sql.execute(f"SELECT file FROM glob({self._url(prefix + '**')})").fetchall()
        skipped = len(f"s3://{self.place.bucket}/")
        return [file[skipped:] for (file,) in rows]

    def read_parquet(self, key: str) -> tuple[int, int]:
        asked = f"SELECT count(*), sum(n)::BIGINT FROM read_parquet({self._url(key)})"
        count, total = self._sql.execute(asked).fetchone()
        return count, total

    def read_parquet_folder(self, prefix: str) -> tuple[int, int]:
        return self.read_parquet(f"{prefix}**/*.parquet")

    def write_parquet(self, key: str, rows: int) -> None:
        source = f"SELECT range AS n, random() AS noise FROM range({rows})"
        self._sql.execute(f"COPY ({source}) TO {self._url(key)} (FORMAT parquet)")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
