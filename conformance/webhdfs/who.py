"""Part `who`: by password and by token, in plain HTTP and by Hadoop's client with a token file."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from conformance.webhdfs.bench import Bench, Mismatch, outcome_of
from conformance.webhdfs.hadoop_client import HadoopClient, running_client
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.shell_cells import SHELL_CELLS, Shell
from conformance.webhdfs.target import Secure, Target
from conformance.webhdfs.who_cells import WHO_CELLS, Asker

PART = "who"
_STORE_WORD = "changeit"
_STRANGER = "nobody-here-knows-me"
_SSL_CLIENT = """<?xml version="1.0"?>
<configuration>
  <property><name>ssl.client.truststore.location</name><value>{store}</value></property>
  <property><name>ssl.client.truststore.password</name><value>{word}</value></property>
  <property><name>ssl.client.truststore.type</name><value>PKCS12</value></property>
</configuration>
"""
_CELLS = ("-mkdir", "-put", "-get", "-put, -get of 24 MiB", "-ls -R", "-mv", "-appendToFile")


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each way to say who one is."""
    secure = target.secure
    if secure is None:
        reason = "a namenode without Kerberos believes names, and takes no token and no password"
        yield Row(PART, "passwords and tokens", "HTTP", "skipped", reason)
        return
    bench = Bench(target, PART)
    bench.ask("PUT", "", "op=MKDIRS")
    asker = Asker(bench, secure)
    for name, check in WHO_CELLS.items():
        words = outcome_of(lambda check=check: check(asker))
        yield Row(PART, name, "HTTP", "fail" if words else "ok", words)
    yield from _by_token_file(asker, secure)


def _by_token_file(asker: Asker, secure: Secure) -> Iterator[Row]:
    """Yield rows of `hadoop fs` on swebhdfs:// with nothing but HADOOP_TOKEN_FILE_LOCATION."""
    folder = asker.bench.folder
    trust = _trusting(folder, secure)
    file = folder / "tokens"
    with running_client(_STRANGER, classes=trust) as client:
        name = f"hadoop fs {client.version}"
        words = outcome_of(lambda: _import(client, asker, secure, file))
        yield Row(PART, "dtutil import", name, "fail" if words else "ok", words)
        shell = Shell(client, asker.bench, "swebhdfs", secure.authority)
        refused = outcome_of(lambda: _refused(shell))
        yield Row(PART, "-ls without a token", name, "fail" if refused else "ok", refused)
    told = {"HADOOP_TOKEN_FILE_LOCATION": str(file)}
    with running_client(_STRANGER, classes=trust, environment=told) as client:
        shell = Shell(client, asker.bench, "swebhdfs", secure.authority)
        for command in _CELLS:
            words = outcome_of(lambda check=SHELL_CELLS[command]: check(shell))
            row = f"{command} by a token file"
            yield Row(PART, row, f"{name}, swebhdfs", "fail" if words else "ok", words)


def _import(client: HadoopClient, asker: Asker, secure: Secure, file: Path) -> None:
    service = secure.authority
    token = asker.token(f"&kind=SWEBHDFS%20delegation&service={service}")
    words = ("import", token, "-alias", service, "-service", service, str(file))
    said = client.run("dtutil", *words)
    if said.code or not file.exists():
        raise Mismatch(f"exit {said.code}: {said.err[-400:]}")


def _refused(shell: Shell) -> None:
    said = shell.client.fs("-ls", shell.at(""))
    if not said.code:
        raise Mismatch("nobody was let in")


def _trusting(folder: Path, secure: Secure) -> Path:
    """Return a folder of the class path by which Hadoop's client trusts our authority."""
    classes = folder / "trust"
    classes.mkdir()
    store = classes / "trust.p12"
    words = ["-importcert", "-noprompt", "-alias", "ca", "-storetype", "PKCS12"]
    place = ["-file", str(secure.ca_file), "-keystore", str(store), "-storepass", _STORE_WORD]
    subprocess.run(["keytool", *words, *place], check=True, capture_output=True)
    text = _SSL_CLIENT.format(store=store, word=_STORE_WORD)
    (classes / "ssl-client.xml").write_text(text)
    return classes
