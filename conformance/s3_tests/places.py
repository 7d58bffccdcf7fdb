"""The two sides of a run: the origin itself and Forebay before it, by one scheme.

Ceph RGW is started by scripts that the user brings (`rgw-up.sh`, `rgw-down.sh`; R is the unpacked
root, D the working folder, PORT and MON the ports), any other origin is one that runs already.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.s3_tests.users import User, Users, gateway_users, one_user
from conformance.support.certificates import make_certificates
from conformance.support.servers import Server, running_origin
from conformance.support.tls_relay import running_tls_relay
from tests.support.gateway_process import gateway_process
from tests.support.real_origins import free_port

_DESCRIBED = {
    "minio": ("02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4", "minio"),
}
"""Origin -> the id and name by which it shows the owner of things."""

_STARTS_MAX = 5
_CEPH = "@ceph.com"
RGW_USERS: Users = {
    "main": User(
        "0555b35654ad1656d804",
        "h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q==",
        "testid",
        "M. Tester",
        f"tester{_CEPH}",
    ),
    "alt": User(
        "NOPQRSTUVWXYZABCDEFG",
        "nopqrstuvwxyzabcdefghijklmnabcdefghijklm",
        "56789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234",
        "john.doe",
        "john.doe@example.com",
    ),
    "tenant": User(
        "HIJKLMNOPQRSTUVWXYZA",
        "opqrstuvwxyzabcdefghijklmnopqrstuvwxyzab",
        "testx$9876543210abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "testx$tenanteduser",
        "tenanteduser@example.com",
        "testx",
    ),
    "iam": User(
        "ABCDEFGHIJKLMNOPQRST",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "youruseridhere",
        "s3@example.com",
    ),
}
"""Those of Ceph's own development cluster, public for years; the scripts make them."""


@dataclass(frozen=True, slots=True)
class Side:
    """A server as the suite is to see it; `api_name` is the location of its buckets."""

    server: Server
    users: Users
    api_name: str


@contextmanager
def running_rgw(scripts: Path, root: Path, folder: Path) -> Iterator[Side]:
    """Run Ceph RGW by the scripts in `scripts`; raises CalledProcessError if it does not start."""
    port = free_port()
    environment = {
        **os.environ,
        "R": str(root),
        "D": str(folder / "rgw"),
        "PORT": str(port),
        "MON": str(free_port()),
    }
    up, down = (["bash", str(scripts / name)] for name in ("rgw-up.sh", "rgw-down.sh"))
    try:
        with (folder / "rgw-up.log").open("w") as said:
            # A monitor that has just begun may refuse its first command; then all of it is tried
            # again, and what the last attempt said is kept.
            for attempt in range(_STARTS_MAX):
                subprocess.run(down, env=environment, check=False)
                is_last = attempt == _STARTS_MAX - 1
                done = subprocess.run(up, env=environment, stdout=said, stderr=said, check=is_last)
                if not done.returncode:
                    break
        yield Side(Server(port, *RGW_USERS["main"].keys), RGW_USERS, "default")
    finally:
        subprocess.run(down, env=environment, check=False)


@contextmanager
def running_single(name: str) -> Iterator[Side]:
    """Run an origin that knows one user."""
    with running_origin(name) as server:
        user_id, display_name = _DESCRIBED.get(name, (server.access_key, server.access_key))
        user = User(server.access_key, server.secret_key, user_id, display_name)
        yield Side(server, one_user(user), "us-east-1")


def known_side(endpoint: str, users: Users) -> Side:
    """Return an origin that somebody else runs on this machine, by plain http."""
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError(f"{endpoint} is not http://127.0.0.1:PORT")
    return Side(Server(parts.port or 80, *users["main"].keys), users, "default")


@contextmanager
def running_sides(
    origin: Side, behind: Side, folder: Path, *, is_secure: bool
) -> Iterator[dict[str, Side]]:
    """Run Forebay before the origin `behind`; by https `origin` stands behind a TLS relay."""
    with ExitStack() as stack:
        users = gateway_users(behind.users)
        tables = _gateway_tables(behind, users, folder)
        direct = origin
        if is_secure:
            certificates = make_certificates(folder)
            tables["s3"] |= {
                "tls_cert": str(certificates.certificate),
                "tls_key": str(certificates.key),
            }
            port = stack.enter_context(running_tls_relay(origin.server.port, certificates))
            direct = replace(origin, server=replace(origin.server, port=port, is_secure=True))
        gateway = stack.enter_context(gateway_process(tables, folder))
        port = int(gateway.s3.rpartition(":")[2])
        server = Server(port, *users["main"].keys, is_secure=is_secure)
        yield {"direct": direct, "forebay": replace(behind, server=server, users=users)}


def _gateway_tables(origin: Side, users: Users, folder: Path) -> dict[str, Any]:
    """Return settings in which each of the suite's users is an identity.

    Each speaks at the origin with the keys of the same user there, and nobody as nobody.
    """
    return {
        "s3": {"listen": "127.0.0.1:0", "drain_seconds": 1},
        "admin": {"listen": "127.0.0.1:0"},
        "origin": {
            "endpoint": f"http://127.0.0.1:{origin.server.port}",
            "access_key": origin.server.access_key,
            "secret_key": origin.server.secret_key,
        },
        "flash": {"path": str(folder / "flash"), "size": "2GiB"},
        "workers": {"count": 2},
        "log": {"access": str(folder / "access.jsonl"), "level": "info", "format": "text"},
        "identities": [
            {
                "name": role,
                "access_key": user.access_key,
                "secret_key": user.secret_key,
                "policy": "admin",
                "origin_access_key": origin.users[role].access_key,
                "origin_secret_key": origin.users[role].secret_key,
            }
            for role, user in users.items()
        ]
        + [{"name": "nobody", "anonymous": True, "policy": "admin"}],
    }
