"""Identities of the state in a whole gateway: a change holds at once, on every worker."""

import asyncio
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.protocol.s3.signing import EMPTY_SHA256, presign, sign_headers
from tests.support.connection_owners import connection_owners
from tests.support.gateway_process import fetch, gateway_process
from tests.support.gateway_settings import ADMIN, READER, gateway_tables
from tests.support.kept import Kept
from tests.support.signed_client import SignedClient
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(bytes(32)).decode()
PATH = "/bucket/key"
ASKED_AFTER = 5


@pytest.fixture
def tables(origin, tmp_path):
    (tmp_path / "state.key").write_text(KEY)
    state = {"path": str(tmp_path / "state"), "key_file": str(tmp_path / "state.key")}
    return gateway_tables(origin.endpoint, tmp_path / "flash", state=state, log={"level": "info"})


@pytest.fixture
def gateway(tables, tmp_path):
    with gateway_process(tables, tmp_path) as running:
        yield running


def forebay(gateway, *words):
    """Run `forebay identity ...` in a process of its own, and return what it printed."""
    config = gateway.folder / "forebay.toml"
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "identity", *words, "--json", "--config", str(config)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def add(gateway, name="ann"):
    shown = forebay(gateway, "add", name, "--policy", "read-only")
    return shown["access_key"], shown["secret_key"]


async def run(steps, gateway, *parts):
    """Put an object, and run the steps in a thread: the origin is served by this one."""
    async with aiohttp.ClientSession() as session:
        reply = await SignedClient(session, gateway.s3, *ADMIN).put("bucket", "key", b"x")
        assert reply.status == 200
    await asyncio.to_thread(steps, gateway, *parts)


def statuses(gateway, keys):
    """Return how two new connections are answered, header-signed and presigned."""
    askers = [Asker(gateway.s3, keys, is_presigned) for is_presigned in (False, True)]
    for asker in askers:
        asker.connection.close()
    return [asker.answers[0][1] for asker in askers]


@dataclass
class Asker:
    """One connection that is kept alive, and asks again and again in a thread of its own."""

    endpoint: str
    keys: tuple[str, str]
    is_presigned: bool
    answers: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self):
        self.host = urlsplit(self.endpoint).netloc
        self.connection = http.client.HTTPConnection(self.host, timeout=20)
        self.query = self._presigned() if self.is_presigned else ""
        self.ask()
        self.port = self.connection.sock.getsockname()[1]

    def ask(self):
        headers = {} if self.is_presigned else self._signed()
        sent_at = time.monotonic()
        self.connection.request("GET", f"{PATH}?{self.query}".rstrip("?"), headers=headers)
        answer = self.connection.getresponse()
        answer.read()
        self.answers.append((sent_at, answer.status))
        return answer.status

    def statuses(self, since=0.0):
        return [status for sent_at, status in self.answers if sent_at >= since]

    def _parts(self):
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        access_key, secret = self.keys
        return {
            "access_key": access_key,
            "secret": secret,
            "session_token": None,
            "region": "us-east-1",
            "amz_date": moment,
        }

    def _presigned(self):
        return presign("GET", self.host, PATH, "", {}, **self._parts(), expires_seconds=600)

    def _signed(self):
        parts = self._parts() | {"payload_hash": EMPTY_SHA256}
        return sign_headers("GET", self.host, PATH, "", {}, **parts)


@contextmanager
def asking(askers):
    """Let all ask for ever in threads, until the block ends."""
    stop = threading.Event()

    def ask(asker):
        while not stop.is_set():
            asker.ask()

    threads = [threading.Thread(target=ask, args=(asker,)) for asker in askers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def askers_of_every_worker(gateway, keys):
    """Yield connections such that every worker has one of each kind."""
    port = urlsplit(gateway.s3).port
    pids = {int(pid) for pid in re.findall(r"is process (\d+)", gateway.log)}
    assert len(pids) == 2
    with ExitStack() as stack:
        found = []
        for is_presigned in (False, True):
            seen = set()
            while seen != pids:
                asker = Asker(gateway.s3, keys, is_presigned)
                stack.enter_context(closing(asker.connection))
                seen.add(connection_owners(port, pids)[asker.port])
                found.append(asker)
        yield found


def asked_since(askers, moment):
    """Wait until each has asked often enough after `moment`, and return all answers since."""
    wait_until(lambda: all(len(one.statuses(moment)) >= ASKED_AFTER for one in askers))
    return {status for one in askers for status in one.statuses(moment)}


async def test_a_change_holds_from_the_next_request_on_at_every_worker(gateway):
    await run(change_while_all_ask, gateway)


def change_while_all_ask(gateway):
    with askers_of_every_worker(gateway, add(gateway)) as askers:
        assert {status for one in askers for status in one.statuses()} == {200}
        with asking(askers):
            for command, status in (("disable", 403), ("enable", 200), ("rotate", 403)):
                forebay(gateway, command, "ann")
                assert asked_since(askers, time.monotonic()) == {status}, command


async def test_new_keys_are_good_at_once_and_removed_ones_are_not(gateway):
    await run(rotate_and_remove, gateway)


def rotate_and_remove(gateway):
    first = add(gateway)
    assert statuses(gateway, first) == [200, 200]
    shown = forebay(gateway, "rotate", "ann")
    second = shown["access_key"], shown["secret_key"]
    assert statuses(gateway, first) == [403, 403]
    assert statuses(gateway, second) == [200, 200]
    forebay(gateway, "remove", "ann")
    assert statuses(gateway, second) == [403, 403]


async def test_a_reload_that_clashes_with_the_state_changes_nothing(gateway, tables):
    await run(clash, gateway, tables)


def clash(gateway, tables):
    keys = add(gateway)
    twin = {"name": "ann", "access_key": "k", "secret_key": "s", "policy": "admin"}
    gateway.rewrite(tables | {"identities": [*tables["identities"], twin]})
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "stands in the settings too" in gateway.log)
    assert "forebay_reloads_refused_total 1" in fetch(f"{gateway.admin}/metrics")[1]
    assert statuses(gateway, keys) == [200, 200]


async def test_a_new_state_key_comes_into_use_with_a_reload(gateway, tmp_path):
    await run(replace_key, gateway, tmp_path / "state.key")


def replace_key(gateway, path):
    before = add(gateway)
    path.write_text(f"{base64.b64encode(bytes(range(32))).decode()}\n{KEY}\n")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "forebay_reloads_total 1" in fetch(f"{gateway.admin}/metrics")[1])
    after = add(gateway, "ben")
    assert forebay(gateway, "reseal") == {"resealed": 1}
    with askers_of_every_worker(gateway, after) as askers:
        # The order to reload is on its way to each worker.
        wait_until(lambda: all(one.ask() == 200 for one in askers))
    assert statuses(gateway, before) == [200, 200]


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    command = [sys.executable, "-m", "tests.support.identity_adder", str(tmp_path / "state")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline() for _ in range(50)]
        process.kill()
        seen += process.stdout.read().splitlines()
    with Kept(tmp_path / "state") as kept:
        whole = [line.split() for line in seen if len(line.split()) == 2]
        assert len(whole) >= 50
        for access_key, secret_key in whole:
            assert kept.lookup.find(access_key).secret_key == secret_key
        assert list(kept.ledger.refusals()) == []
        assert kept.ledger.count() in {len(whole), len(whole) + 1}


async def test_the_admin_api_changes_them_at_once_and_is_audited(origin, tables, tmp_path):
    tables["audit"] = {"log": str(tmp_path / "audit.log")}
    with gateway_process(tables, tmp_path) as gateway:
        await run(change_by_admin_api, gateway)
        # What was made there is the state's, for every other process too.
        assert "was added by admin API (admin)" in gateway.log
    told = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    about = {(one["principal"], one["audit"], one["action"], one["resource"]) for one in told}
    resource = "arn:forebay:::identity/ann"
    assert {
        ("admin", "allowed", "forebay:CreateIdentity", resource),
        ("admin", "allowed", "forebay:DisableIdentity", resource),
        ("reader", "denied", "forebay:EnableIdentity", resource),
    } <= about


def ask_admin(gateway, keys, method, path, body=b""):
    """Return status and JSON of a call to the admin API, signed by botocore."""
    request = AWSRequest(method, gateway.admin + path, data=body)
    SigV4Auth(Credentials(*keys), "forebay", "us-east-1").add_auth(request)
    with closing(http.client.HTTPConnection(urlsplit(gateway.admin).netloc)) as connection:
        connection.request(method, path, body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def change_by_admin_api(gateway):
    body = json.dumps({"name": "ann", "policy": "read-only"}).encode()
    status, made = ask_admin(gateway, ADMIN, "POST", "/v1/identities", body)
    assert status == 201
    with askers_of_every_worker(gateway, (made["access_key"], made["secret_key"])) as askers:
        assert {status for one in askers for status in one.statuses()} == {200}
        with asking(askers):
            disabled = ask_admin(gateway, ADMIN, "POST", "/v1/identities/ann/disable")
            assert disabled[0] == 200
            assert asked_since(askers, time.monotonic()) == {403}
    assert ask_admin(gateway, READER, "POST", "/v1/identities/ann/enable")[0] == 403
    assert forebay(gateway, "show", "ann")["enabled"] is False
