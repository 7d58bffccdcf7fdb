"""Part `kerberos`: Hadoop's own client with tickets of a real KDC (Debian's), and what they get it.

The client is configured as on a cluster with security and nothing else: its ticket is kinit's. For
each file system it fetches a delegation token by its ticket (SPNEGO) and shows that from then on.
One such token is written down, as for a job: it is used without a ticket, renewed and cancelled.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import time
from typing import Any
from urllib.parse import urlsplit

from conformance.support.servers import Server
from conformance.webhdfs.bench import Bench, Mismatch, outcome_of, same
from conformance.webhdfs.forebay import authority, settings
from conformance.webhdfs.hadoop_client import HadoopClient, running_client
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.shell_cells import SHELL_CELLS, Shell
from conformance.webhdfs.steps import OWNER
from conformance.webhdfs.target import Target
from tests.support.gateway_process import gateway_process
from tests.support.kdc import REALM, Kdc, running_kdc, why_no_kdc

PART = "kerberos"
_READER = "bob"
_UNKNOWN = "mallory"
_NO_TICKETS = "no-tickets"
_KIND = "WEBHDFS delegation"
_HOLDS_SECONDS = 86_400 - 600
_CELLS = ("-mkdir", "-put", "-get", "-put, -get of 24 MiB", "-ls -R", "-mv", "-appendToFile")
_CORE_SITE = """<?xml version="1.0"?>
<configuration>
  <property><name>hadoop.security.authentication</name><value>kerberos</value></property>
</configuration>
"""


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each thing that is done by a ticket, or by what a ticket got."""
    reason = why_no_kdc() if target.is_forebay else "a namenode without Kerberos takes no ticket"
    if reason:
        yield Row(PART, "tickets", "Hadoop", "skipped", reason)
        return
    bench = Bench(target, PART)
    bench.ask("PUT", "", "op=MKDIRS")
    with running_kdc(bench.folder / "kdc") as kdc, _running(target, kdc) as door:
        yield from _Trial(bench, kdc, door).rows()


@contextmanager
def _running(target: Target, kdc: Kdc) -> Iterator[str]:
    """Run a gateway that takes tickets and nothing else; yields host and port, by name."""
    assert target.witness is not None
    place = target.witness.place
    port = urlsplit(place.endpoint).port
    assert port is not None
    folder = target.folder / "by-ticket"
    folder.mkdir()
    tables: dict[str, Any] = settings(
        Server(port, place.access_key, place.secret_key), folder, "policy"
    )
    tables["webhdfs"] = {
        "listen": "127.0.0.1:0",
        "kerberos_keytab": str(kdc.service_keytab),
        "kerberos_identities": {f"{one}@{REALM}": one for one in (OWNER, _READER)},
    }
    with gateway_process(tables, folder) as gateway:
        yield authority(gateway).replace("127.0.0.1", "localhost")


class _Trial:
    """Clients of one door, each with tickets of its own."""

    def __init__(self, bench: Bench, kdc: Kdc, door: str) -> None:
        self._bench = bench
        self._kdc = kdc
        self._door = door
        self._classes = bench.folder / "secure"
        self._classes.mkdir()
        (self._classes / "core-site.xml").write_text(_CORE_SITE)
        self._tokens = bench.folder / "tokens"

    def rows(self) -> Iterator[Row]:
        """Yield what came of it."""
        with self._client(OWNER) as client:
            name = f"hadoop {client.version}"
            shell = self._shell(client)
            for command in _CELLS:
                words = outcome_of(lambda check=SHELL_CELLS[command]: check(shell))
                yield _row(f"{command} after kinit", f"{name}, webhdfs", words)
            words = outcome_of(lambda: self._owned(client))
            yield _row("what is made is the ticket's user's", name, words)
            words = outcome_of(lambda: self._fetched(client))
            yield _row("a delegation token got by a ticket", name, words)
        with self._client(_NO_TICKETS, HADOOP_TOKEN_FILE_LOCATION=str(self._tokens)) as client:
            words = outcome_of(lambda: self._shell(client).do("-ls", self._shell(client).at("")))
            yield _row("-ls by that token, without a ticket", name, words)
        with self._client(OWNER) as client:
            words = outcome_of(lambda: self._renewed_and_cancelled(client))
            yield _row("that token renewed, and cancelled, by a ticket", name, words)
        with self._client(_NO_TICKETS, HADOOP_TOKEN_FILE_LOCATION=str(self._tokens)) as client:
            words = outcome_of(lambda: self._refused(client, "was cancelled"))
            yield _row("-ls by a token that was cancelled", name, words)
        with self._client(_READER) as client:
            words = outcome_of(lambda: self._reads_alone(client))
            yield _row("another's ticket: policy judges its identity", name, words)
        for user in (_UNKNOWN, _NO_TICKETS):
            with self._client(user) as client:
                words = outcome_of(lambda client=client: self._refused(client, "Unauthorized"))
                yield _row(f"-ls by {user}", name, words)

    def _client(self, user: str, **more: str) -> AbstractContextManager[HadoopClient]:
        """Return Hadoop's client with a user's tickets, as kinit got them."""
        tickets = self._kdc.folder / f"tickets-of-{user}"
        if user != _NO_TICKETS:
            self._kdc.login(user, tickets)
        options = f"-Djava.security.krb5.conf={self._kdc.folder / 'krb5.conf'}"
        told = {"KRB5CCNAME": str(tickets), "JAVA_TOOL_OPTIONS": options, **more}
        return running_client(user, classes=self._classes, environment=told)

    def _shell(self, client: HadoopClient) -> Shell:
        return Shell(client, self._bench, "webhdfs", self._door)

    def _owned(self, client: HadoopClient) -> None:
        shell = self._shell(client)
        shell.do("-touchz", shell.at("mine"))
        same("owner", self._bench.status("mine")["owner"], OWNER)

    def _fetched(self, client: HadoopClient) -> None:
        words = ("fetch", str(self._tokens), f"webhdfs://{self._door}", OWNER)
        said = client.run("token", *words)
        if said.code:
            raise Mismatch(f"exit {said.code}: {said.err[-400:]}")

    def _renewed_and_cancelled(self, client: HadoopClient) -> None:
        renewed = client.run("token", "renew", str(self._tokens))
        kind, _, until = renewed.out.decode().strip().rpartition(" ")
        same("renewed", (kind, renewed.err), (_KIND, ""))
        same(
            "it holds for a day from now",
            int(until) > (time() + _HOLDS_SECONDS) * 1000,
            wanted=True,
        )
        cancelled = client.run("token", "cancel", str(self._tokens))
        same("cancelled", cancelled.lines, [f"{_KIND} cancelled"])

    def _reads_alone(self, client: HadoopClient) -> None:
        shell = self._shell(client)
        shell.do("-ls", shell.at(""))
        shell.refuse("Access Denied", "-touchz", shell.at("not-mine"))
        same("nothing is made", self._bench.is_there("not-mine"), wanted=False)

    def _refused(self, client: HadoopClient, word: str) -> None:
        shell = self._shell(client)
        shell.refuse(word, "-ls", shell.at(""))


def _row(operation: str, client: str, words: str) -> Row:
    return Row(PART, operation, client, "fail" if words else "ok", words)
