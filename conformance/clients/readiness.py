"""Which clients can be had here: environments and programs are made ready before anything runs."""

import os
import shutil
import subprocess
from collections.abc import Iterable

from conformance.clients.environments import RCLONE, python_of, tools_folder
from conformance.clients.toolchains import build

PROGRAMS = {
    "aws-go": "go",
    "aws-js": "js",
    "aws-java": "java",
    "aws-java-netty": "java",
    "aws-java-crt": "java",
    "object_store": "rust",
}
"""Client -> the folder in drivers/ that its program is built from."""
TRUST_THE_SYSTEM = {"s3torchconnector", "aws-java-crt"}
"""What stands on the AWS Common Runtime and lets nobody name a certificate authority."""


def why_absent(clients: Iterable[str]) -> dict[str, str]:
    """Make ready what the clients need; return those that cannot be had here, with the reason."""
    absent = {}
    for client in clients:
        try:
            python_of(client)
            if client == "rclone":
                _build_rclone()
            if client in PROGRAMS:
                build(PROGRAMS[client])
        except (LookupError, subprocess.CalledProcessError) as error:
            absent[client] = str(error)
    if "curl" not in absent and shutil.which("curl") is None:
        absent["curl"] = "there is no curl on the path"
    return absent


def _build_rclone() -> None:
    if (tools_folder() / "rclone").exists():
        return
    if shutil.which("go") is None:
        raise LookupError(f"no Go here to build rclone, and none in {tools_folder()}")
    tools_folder().mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(tools_folder()), "CGO_ENABLED": "0"}
    subprocess.run(["go", "install", "-trimpath", RCLONE], env=environment, check=True)
