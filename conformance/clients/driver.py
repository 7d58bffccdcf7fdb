"""Runs in a client's own environment: one client through all cells, outcomes as lines of JSON.

python -m conformance.clients.driver NAME < places.json
"""

import json
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path

from conformance.clients.cells import CELLS, Bench, Cell
from conformance.clients.client import Client
from conformance.support.raw_s3 import Place, RawS3

DRIVERS = {
    "aws-cli": "aws_cli:AwsCli",
    "boto3": "boto3_sdk:Boto3",
    "curl": "curl:Curl",
    "s3fs": "s3fs_files:S3Fs",
    "pyarrow": "pyarrow_files:PyArrow",
    "duckdb": "duckdb_sql:DuckDb",
    "awscrt": "crt:AwsCrt",
    "minio-py": "minio_py:MinioPy",
    "rclone": "rclone:Rclone",
    "s3cmd": "s3cmd:S3Cmd",
    "obstore": "obstore_sdk:Obstore",
    "polars": "polars_frames:Polars",
    "smart_open": "smart_open_files:SmartOpen",
    "s3torchconnector": "s3torch:S3Torch",
    "runai-streamer": "runai:RunAi",
    "safetensors": "safetensors_hf:Safetensors",
    "aws-go": "programs:AwsGo",
    "aws-js": "programs:AwsJs",
    "aws-java": "programs:AwsJava",
    "aws-java-netty": "programs:AwsJavaNetty",
    "aws-java-crt": "programs:AwsJavaCrt",
    "object_store": "programs:ObjectStore",
}


def make_client(name: str, place: Place, folder: Path) -> Client:
    """Return the client by its name in DRIVERS."""
    module, _, kind = DRIVERS[name].partition(":")
    made = getattr(import_module(f"conformance.clients.drivers.{module}"), kind)
    client: Client = made(place, folder)
    return client


def judge(bench: Bench, cell: Cell) -> dict[str, object]:
    """Return a cell's outcome."""
    for verb in cell.verbs:
        if verb in bench.client.LACKS:
            return {"cell": cell.name, "outcome": "n/a", "words": bench.client.LACKS[verb]}
    started = time.monotonic()
    outcome, words = "pass", ""
    try:
        cell.check(bench)
    except Exception as error:  # noqa: BLE001 - any failure is the cell's outcome
        traceback.print_exc()
        outcome, words = "fail", f"{type(error).__name__}: {error}"[:600]
    return {
        "cell": cell.name,
        "outcome": outcome,
        "words": words,
        "seconds": round(time.monotonic() - started, 3),
    }


def main() -> None:
    """Run the client that is named, at the place given on standard input."""
    name = sys.argv[1]
    told = json.loads(sys.stdin.read())
    place, origin = Place(**told["place"]), Place(**told["origin"])
    with tempfile.TemporaryDirectory(prefix="forebay-client-") as folder:
        client = make_client(name, place, Path(folder))
        print(json.dumps({"version": client.version()}), flush=True)
        bench = Bench(client, RawS3(origin), place, Path(folder), told["prefix"])
        for cell in CELLS:
            if not told["cells"] or cell.name in told["cells"]:
                print(json.dumps(judge(bench, cell)), flush=True)
        client.close()


if __name__ == "__main__":
    main()
