"""A real KDC of MIT Kerberos in a folder of its own, from Debian's packages."""

import os
import shutil
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from tests.support.waiting import wait_until

REALM = "FOREBAY.TEST"
PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def why_no_kdc() -> str:
    """Return what is missing, or ''."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        return f"Debian's krb5-kdc, krb5-admin-server, krb5-user are missing: {missing}"
    return "" if find_spec("gssapi") else "the extra forebay[kerberos] (gssapi) is not installed"


@dataclass(frozen=True)
class Kdc:
    """A running KDC."""

    folder: Path

    @property
    def service_keytab(self) -> Path:
        return self.folder / "http.keytab"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{self.folder / 'tickets'}",
            "KRB5RCACHENAME": f"file2:{self.folder / 'replays'}",
            "PATH": PATH,
        }

    def run(self, *words: str) -> str:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(words, env=environment, capture_output=True, check=True)
        return done.stdout.decode()

    def add(self, principal: str, keytab: Path) -> None:
        self.run("kadmin.local", "-q", f"addprinc -randkey {principal}")
        self.run("kadmin.local", "-q", f"ktadd -k {keytab} {principal}")

    def login(self, user: str, tickets: Path | None = None) -> None:
        """Have the tickets of a user from now on, or keep them in a file of their own."""
        keytab = self.folder / f"{user.replace('/', '-')}.keytab"
        if not keytab.exists():
            self.add(f"{user}@{REALM}", keytab)
        kept = ["-c", f"FILE:{tickets}"] if tickets is not None else []
        self.run("kinit", *kept, "-k", "-t", str(keytab), f"{user}@{REALM}")

    def token(self, service: str = "HTTP@localhost") -> str:
        """Return what a client shows first, as SPNEGO, in base64."""
        gssapi = import_module("gssapi")
        name = gssapi.Name(service, gssapi.NameType.hostbased_service)
        mechanism = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        context = gssapi.SecurityContext(name=name, mech=mechanism, usage="initiate")
        return b64encode(context.step()).decode()


@contextmanager
def running_kdc(folder: Path) -> Iterator[Kdc]:
    """Run a KDC, and have this process's Kerberos library ask it."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "krb5.conf").write_text(
        f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\nrdns = false\n"
        "dns_canonicalize_hostname = false\nudp_preference_limit = 1\n"
        f"[realms]\n{REALM} = {{\nkdc = 127.0.0.1:{port}\n}}\n"
        f"[domain_realm]\nlocalhost = {REALM}\n"
    )
    (folder / "kdc.conf").write_text(
        f"[kdcdefaults]\nkdc_listen = 127.0.0.1:{port}\nkdc_tcp_listen = 127.0.0.1:{port}\n"
        f"[realms]\n{REALM} = {{\ndatabase_name = {folder}/principal\n"
        f"key_stash_file = {folder}/stash\n}}\n"
    )
    kdc = Kdc(folder)
    kdc.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "a master password")
    kdc.add(f"HTTP/localhost@{REALM}", kdc.service_keytab)
    environment = {**os.environ, **kdc.environment}
    with subprocess.Popen(
        ["krb5kdc", "-n"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: _listens(port))
            with patch.dict(os.environ, kdc.environment):
                yield kdc
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
