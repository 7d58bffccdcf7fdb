"""What is said when all workers are ready: one line for people, one file for programs."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.settings.tree import Settings
from gateway.settings.values import Address


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the gateway is reached, with the ports that were found."""

    s3: str
    admin: str
    webhdfs: str | None = None
    """None: there is no such door."""

    @classmethod
    def of(
        cls, settings: Settings, s3_port: int, admin_port: int, webhdfs_port: int | None
    ) -> "Urls":
        """Return the URLs of what listens."""
        webhdfs = settings.webhdfs
        return cls(
            f"{_scheme(settings.s3.tls_cert)}://{Address(settings.s3.listen.host, s3_port)}",
            f"http://{Address(settings.admin.listen.host, admin_port)}",
            f"{_scheme(webhdfs.tls_cert)}://{Address(webhdfs.listen.host, webhdfs_port)}"
            if webhdfs.listen is not None and webhdfs_port is not None
            else None,
        )


def _scheme(certificate: Path | None) -> str:
    return "https" if certificate is not None else "http"


def announce(urls: Urls, ready_file: Path | None) -> None:
    """Print the ready line, and write the ready file in one step, so that nobody reads half."""
    if ready_file is not None:
        fresh = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(asdict(urls)), encoding="utf-8")
        fresh.replace(ready_file)
    webhdfs = f", WebHDFS on {urls.webhdfs}" if urls.webhdfs is not None else ""
    sys.stdout.write(f"forebay: serving S3 on {urls.s3}, admin on {urls.admin}{webhdfs}\n")
    sys.stdout.flush()
