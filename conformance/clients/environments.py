"""Where clients live: Python environments of their own, outside the tree, and rclone built by Go.

Several environments, since s3fs pins botocore by aiobotocore and aws-cli pins another, and since
PyTorch, which the loaders of models stand on, weighs five gigabytes; the performance suite has two
small ones. They are made when they are
first asked for, at the versions written here, under FOREBAY_CLIENTS (by default
~/.cache/forebay/clients); rclone goes where the other Go tools are (FOREBAY_TOOLS). Standard
library only: drivers import this in the clients' environments.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

RCLONE = "github.com/rclone/rclone@v1.75.1"

# DuckDB stays at the newest release for which PyPI carries its httpfs extension.
PACKAGES = {
    "sdks": (
        "awscli==1.46.2",
        "boto3==1.44.5",
        "awscrt==0.38.1",
        "pyarrow==26.0.1",
        "duckdb==1.5.5",
        "duckdb-extension-httpfs==1.5.5",
        "minio==7.2.20",
        "s3cmd==2.4.0",
        "obstore==0.12.1",
        "polars==2.1.0",
        "smart_open==9.0.2",
    ),
    "s3fs": ("s3fs==2026.9.0", "aiobotocore==3.10.0"),
    "models": (
        "torch==2.15.0",
        "numpy==2.4.6",
        "runai-model-streamer[s3]==0.17.0",
        "s3torchconnector==1.5.0",
        "safetensors==0.8.0",
        "s3fs==2026.9.0",
        "aiobotocore==3.10.0",
    ),
    "parquet": ("pyarrow==26.0.1",),
    # Its Hadoop and the jars of spark/jars/pom.xml belong together.
    "spark": (
        "pyspark==4.1.2",
        "pyarrow==26.0.1",
        "duckdb==1.5.5",
        "duckdb-extension-tpch==1.5.5",
    ),
    "webhdfs": (
        "hdfs==2.7.3",
        "fsspec==2026.9.0",
        "requests==2.34.2",
        "pyarrow==26.0.1",
        "opendal==0.47.12",
        "pytest==9.2.0",
    ),
    "charts": ("matplotlib==3.11.2",),
}
OF_CLIENT = {
    "s3fs": "s3fs",
    "s3torchconnector": "models",
    "runai-streamer": "models",
    "safetensors": "models",
}
"""Client -> environment, where it is not `sdks`."""
_STAMP = "forebay-packages.txt"


def clients_folder() -> Path:
    """Return where the environments are."""
    return Path(os.environ.get("FOREBAY_CLIENTS") or Path.home() / ".cache/forebay/clients")


def tools_folder() -> Path:
    """Return where Go's programs are."""
    return Path(os.environ.get("FOREBAY_TOOLS") or Path.home() / ".cache/forebay/bin")


def python_of(client: str) -> Path:
    """Return the interpreter of a client's environment, made as `python_in` does."""
    return python_in(OF_CLIENT.get(client, "sdks"))


def python_in(name: str) -> Path:
    """Return the interpreter of an environment, which is made if it must be.

    Raises CalledProcessError where pip cannot install it.
    """
    folder = clients_folder() / name
    wanted = "\n".join(PACKAGES[name])
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *PACKAGES[name]], check=True)
        stamp.write_text(wanted)
    return folder / "bin/python"


def program(name: str) -> str:
    """Return the path of a program of this environment or of the tools' folder."""
    if name == "python":
        return sys.executable
    for folder in (Path(sys.executable).parent, tools_folder()):
        if (folder / name).exists():
            return str(folder / name)
    raise LookupError(f"{name} is not installed")
