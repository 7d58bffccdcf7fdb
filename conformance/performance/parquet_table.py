"""Writes and reads a Parquet table; runs in an environment of its own that has pyarrow.

    python parquet_table.py write PATH GROUPS                 a table of 128 columns of doubles
    python parquet_table.py footer ENDPOINT PATH KEY SECRET   its metadata only
    python parquet_table.py columns ENDPOINT PATH KEY SECRET  two of its columns

The last two print a line of JSON: the seconds, and what was read. Noise does not compress, so that
a column's part of a row group is 1 MiB, as many as a row group has columns.
"""

import json
import os
import sys
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import S3FileSystem

COLUMNS = 128
ROWS_IN_GROUP = 131_072
WANTED = ["c17", "c90"]


def write(path: str, groups: int) -> None:
    """Write a table of `groups` times 128 MiB."""
    schema = pa.schema([(f"c{number}", pa.float64()) for number in range(COLUMNS)])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for _ in range(groups):
            columns = [
                pa.Array.from_buffers(
                    pa.float64(), ROWS_IN_GROUP, [None, pa.py_buffer(os.urandom(ROWS_IN_GROUP * 8))]
                )
                for _ in range(COLUMNS)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def read(what: str, endpoint: str, path: str, key: str, secret: str) -> dict[str, object]:
    """Read a table's metadata or two columns through the S3 API; return what it took."""
    filesystem = S3FileSystem(
        endpoint_override=endpoint,
        scheme="http",
        region="us-east-1",
        access_key=key,
        secret_key=secret,
    )
    started = perf_counter()
    if what == "footer":
        found = pq.read_metadata(path, filesystem=filesystem).num_rows
    else:
        found = pq.read_table(path, columns=WANTED, filesystem=filesystem).num_rows
    return {"seconds": perf_counter() - started, "rows": found, "pyarrow": pa.__version__}


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(read(*sys.argv[1:])))
