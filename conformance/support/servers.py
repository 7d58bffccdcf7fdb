"""The processes that a suite needs: an origin of its choice and the gateway, on loopback."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any

from conformance.support.certificates import Certificates
from gateway.demo.child import running_module
from tests.support.gateway_process import gateway_process
from tests.support.real_origins import STARTERS

ORIGINS = ("embedded", "versitygw", "minio")
ACCESS_KEY = "AKIACONFORMANCEORIGIN"
SECRET_KEY = "conformance/only+origin"
GATEWAY_KEYS = ("AKIACONFORMANCEGATE", "conformance/only+gateway")
"""Not the origin's: a request that reaches the origin unchanged is refused there."""


ROLE = "played"
"""What the gateway's identity may play, to be given temporary credentials."""
EVERYTHING = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]


@dataclass(frozen=True, slots=True)
class Server:
    """Something that speaks S3 on 127.0.0.1, and the keys that it takes."""

    port: int
    access_key: str
    secret_key: str
    is_secure: bool = False

    @property
    def endpoint(self) -> str:
        """Return its URL."""
        return f"{'https' if self.is_secure else 'http'}://127.0.0.1:{self.port}"


@contextmanager
def running_origin(name: str) -> Iterator[Server]:
    """Run an origin without any bucket; raises LookupError where it cannot be had."""
    if name == "embedded":
        keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
        with running_module("gateway.demo.origin", keys) as child:
            yield Server(child.said["port"], ACCESS_KEY, SECRET_KEY)
    else:
        with STARTERS[name]() as real:
            yield Server(real.port, real.access_key, real.secret_key)


@contextmanager
def running_gateway(
    origin: Server, folder: Path, certificates: Certificates | None = None
) -> Iterator[Server]:
    """Run `forebay serve` with two workers before an origin; with certificates it serves https."""
    access_key, secret_key = GATEWAY_KEYS
    tables: dict[str, Any] = {
        "s3": {"listen": "127.0.0.1:0", "drain_seconds": 1},
        "admin": {"listen": "127.0.0.1:0"},
        "origin": {
            "endpoint": origin.endpoint,
            "access_key": origin.access_key,
            "secret_key": origin.secret_key,
        },
        "flash": {"path": str(folder / "flash"), "size": "1GiB"},
        "workers": {"count": 2},
        "state": {"path": str(folder / "state"), "key": b64encode(token_bytes(32)).decode()},
        "roles": [{"name": ROLE, "policy": EVERYTHING, "trust": ["conformance"]}],
        "log": {"access": str(folder / "access.jsonl"), "level": "info", "format": "text"},
        "identities": [
            {
                "name": "conformance",
                "access_key": access_key,
                "secret_key": secret_key,
                "policy": "admin",
            }
        ],
    }
    if certificates is not None:
        tables["s3"] |= {
            "tls_cert": str(certificates.certificate),
            "tls_key": str(certificates.key),
        }
    with gateway_process(tables, folder) as gateway:
        port = int(gateway.s3.rpartition(":")[2])
        yield Server(port, access_key, secret_key, is_secure=certificates is not None)
