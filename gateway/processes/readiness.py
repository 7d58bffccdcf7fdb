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

    @classmethod
    def of(cls, settings: Settings, s3_port: int, admin_port: int) -> "Urls":
        """Return the URLs of what listens."""
        scheme = "https" if settings.s3.tls_cert is not None else "http"
        return cls(
            f"{scheme}://{Address(settings.s3.listen.host, s3_port)}",
            f"http://{Address(settings.admin.listen.host, admin_port)}",
        )


def announce(urls: Urls, ready_file: Path | None) -> None:
    """Print the ready line, and write the ready file in one step, so that nobody reads half."""
    if ready_file is not None:
        fresh = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(asdict(urls)), encoding="utf-8")
        fresh.replace(ready_file)
    sys.stdout.write(f"forebay: serving S3 on {urls.s3}, admin on {urls.admin}\n")
    sys.stdout.flush()
