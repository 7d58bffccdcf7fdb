"""Forebay with its WebHDFS door before an origin of choice, and a second gateway with TLS."""

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any

from conformance.support.certificates import Certificates, make_certificates
from conformance.support.raw_s3 import Place, RawS3
from conformance.support.servers import Server, running_origin
from conformance.webhdfs.minicluster import BUCKET, said_by_name
from conformance.webhdfs.playing import Door
from conformance.webhdfs.target import FOREBAY, Secure, Target
from tests.support.gateway_process import GatewayProcess, gateway_process

USERS = ("alice", "bob", "hdfs")
GROUPS = {"alice": ["staff"], "bob": ["guests"], "hdfs": ["supergroup"]}
_EVERYTHING = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
_READING = [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
    {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
    {
        "Effect": "Deny",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": f"arn:aws:s3:::{BUCKET}/*/secret*",
    },
    {
        "Effect": "Deny",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{BUCKET}",
        "Condition": {"StringLike": {"s3:prefix": "*/secret*"}},
    },
]
"""What the mode bits of the scenes say at HDFS: who is no owner reads, but not what is secret."""
POLICIES: dict[str, object] = {"alice": _EVERYTHING, "bob": _READING, "hdfs": _EVERYTHING}


def keys_of(user: str) -> tuple[str, str]:
    """Return the access key and secret key of a user's identity."""
    return f"AKIACONFORMANCE{user.upper()}", f"conformance/only+{user}"


@contextmanager
def running_forebay(
    origin: str, folder: Path, *, permissions: str = "policy", more: dict[str, Any] | None = None
) -> Iterator[Target]:
    """Run an origin with two buckets and two gateways before it, one with TLS."""
    certificates = make_certificates(folder)
    with running_origin(origin) as server:
        witness = RawS3(Place(server.endpoint, BUCKET, server.access_key, server.secret_key))
        for bucket in (BUCKET, "user"):
            made = witness.ask("PUT", f"/{bucket}")
            assert made.status == 200, made
        tables = settings(server, folder, permissions) | (more or {})
        secure = _with_tls(settings(server, folder / "tls", permissions), certificates)
        for name in ("plain", "tls"):
            (folder / name).mkdir(exist_ok=True)
        with (
            gateway_process(tables, folder / "plain") as plain,
            gateway_process(secure, folder / "tls") as private,
        ):
            access_key, secret_key = keys_of("alice")
            yield Target(
                FOREBAY,
                Door(authority(plain), f"/{BUCKET}", said_by_name),
                BUCKET,
                folder,
                witness,
                Place(plain.s3, BUCKET, access_key, secret_key),
                Secure(authority(private), certificates.ca_file, access_key, secret_key),
                plain.process.pid,
            )


def authority(gateway: GatewayProcess) -> str:
    """Return host and port of the WebHDFS door."""
    urls = json.loads((gateway.folder / "ready.json").read_text())
    return str(urls["webhdfs"]).partition("//")[2]


def settings(origin: Server, folder: Path, permissions: str) -> dict[str, Any]:
    """Return the settings of a gateway with a WebHDFS door that believes loopback."""
    return {
        "s3": {"listen": "127.0.0.1:0", "drain_seconds": 1},
        "admin": {"listen": "127.0.0.1:0"},
        "webhdfs": {
            "listen": "127.0.0.1:0",
            "trusts": [{"networks": ["127.0.0.0/8"], "users": {one: one for one in USERS}}],
        },
        "filesystem": {"owner": "hdfs", "group": "supergroup", "permissions": permissions},
        "origin": {
            "endpoint": origin.endpoint,
            "access_key": origin.access_key,
            "secret_key": origin.secret_key,
        },
        "flash": {"path": str(folder / "flash"), "size": "3GiB"},
        "workers": {"count": 2},
        "state": {"path": str(folder / "state"), "key": b64encode(token_bytes(32)).decode()},
        "log": {"access": str(folder / "access.jsonl"), "level": "info", "format": "text"},
        "groups": [{"name": name} for names in GROUPS.values() for name in names],
        "identities": [_identity(one) for one in USERS],
    }


def _identity(user: str) -> dict[str, object]:
    access_key, secret_key = keys_of(user)
    return {
        "name": user,
        "access_key": access_key,
        "secret_key": secret_key,
        "policy": json.dumps({"Version": "2012-10-17", "Statement": POLICIES[user]}),
        "groups": GROUPS[user],
    }


def _with_tls(tables: dict[str, Any], certificates: Certificates) -> dict[str, Any]:
    shown = {"tls_cert": str(certificates.certificate), "tls_key": str(certificates.key)}
    return tables | {"webhdfs": {"listen": "127.0.0.1:0", **shown}}


def trusting(ca_file: Path) -> ssl.SSLContext:
    """Return what a client trusts the TLS gateway by."""
    return ssl.create_default_context(cafile=str(ca_file))
