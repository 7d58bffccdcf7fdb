"""The servers beside the gateway: versitygw and MinIO with real objects, nginx with files.

versitygw keeps objects as plain files (its metadata in extended attributes), so nginx serves the
very same file that the gateway's origin does.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import boto3
from botocore.config import Config

from conformance.performance.tools import (
    free_port,
    get_tool,
    pinned,
    running,
    wait_answering,
    wait_listening,
)

ACCESS_KEY = "forebayperformance"
SECRET_KEY = "performance-only-secret"
REGION = "us-east-1"
BUCKET = "performance"

MIB = 1 << 20

Proof = Literal["any", "link", "header", "none"]


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers HTTP on a port of this machine.

    `host` is the name that clients sign and send where it is not the server's own: a cache in the
    middle keeps the client's signature, which names the origin. `proof` is how it wants to be
    asked: by any signature, by a presigned URL only, signed in the header only, or without one.
    """

    port: int
    proof: Proof = "any"
    host: str = ""

    @property
    def endpoint(self) -> str:
        """Return its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> str:
        """Return the host and port that a request to it names."""
        return self.host or f"127.0.0.1:{self.port}"


@contextmanager
def running_versitygw(root: Path, *, core: int | None = None) -> Iterator[Server]:
    """Run versitygw over the folder `root`, whose folders are its buckets.

    Keep-alive is off by default there; every client here keeps its connections.
    """
    port = free_port()
    command = [
        *pinned(core),
        get_tool("versitygw"),
        *("--access", ACCESS_KEY, "--secret", SECRET_KEY, "--port", f"127.0.0.1:{port}"),
        *("--region", REGION, "--keep-alive", "--quiet", "posix", str(root)),
    ]
    with running(command, root.parent / "versitygw.log") as process:
        wait_listening(process, port)
        yield Server(port)


@contextmanager
def running_minio(root: Path, *, core: int | None = None) -> Iterator[Server]:
    """Run MinIO on one folder."""
    port, console = free_port(), free_port()
    command = [
        *pinned(core),
        *(get_tool("minio"), "server", "--quiet", "--address", f"127.0.0.1:{port}"),
        *("--console-address", f"127.0.0.1:{console}", str(root)),
    ]
    keys = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
    root.mkdir(parents=True, exist_ok=True)
    with running(command, root.parent / "minio.log", keys) as process:
        wait_answering(process, port, "/minio/health/cluster")
        yield Server(port)


@contextmanager
def running_nginx(root: Path, folder: Path, *, core: int | None = None) -> Iterator[Server]:
    """Run nginx as one process that serves the files under `root`, unsigned, by sendfile."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(root=root, port=port, folder=folder))
    command = [*pinned(core), get_tool("nginx"), "-p", str(folder), "-c", str(configuration)]
    with running(command, folder / "nginx.log") as process:
        wait_listening(process, port)
        yield Server(port, proof="none")


_NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache max=1000; default_type application/octet-stream;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def s3_client(endpoint: str) -> Any:
    """Return a boto3 client that asks once, in path style."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            read_timeout=600,
        ),
    )


def make_bucket(endpoint: str) -> None:
    """Make the bucket where it is not there yet."""
    client = s3_client(endpoint)
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)


def put_object(endpoint: str, key: str, size_bytes: int, folder: Path) -> None:
    """Put an object of random bytes through the S3 API, in parts where it is large."""
    source = random_file(folder, size_bytes)
    s3_client(endpoint).upload_file(str(source), BUCKET, key)


def random_file(folder: Path, size_bytes: int) -> Path:
    """Return a file of that many random bytes, made once; a 16 MiB block repeats with a stamp."""
    path = folder / f"random-{size_bytes}"
    if not path.exists():
        block = secrets.token_bytes(min(size_bytes, 16 * MIB))
        with path.open("wb") as sink:
            for at in range(0, size_bytes, len(block)):
                stamped = at.to_bytes(8, "big") + block[8:]
                sink.write(stamped[: size_bytes - at])
    return path


def sparse_object(root: Path, key: str, size_bytes: int) -> None:
    """Make an object of zeros that occupies no disk, as versitygw itself would have stored it."""
    path = root / BUCKET / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sink:
        sink.truncate(size_bytes)
    adopt_object(path)


def adopt_object(path: Path) -> None:
    """Make an object of a file that lies in versitygw's bucket: it lacks an ETag only."""
    os.setxattr(path, "user.etag", f'"{secrets.token_hex(16)}"'.encode())
