"""The supervisor and its workers as real processes: ready, replaced, reloaded, drained, ended."""

import os
import re
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.gateway_process import fetch, gateway_process
from tests.support.waiting import wait_until

STUB = (str(Path(__file__).parents[1] / "support" / "stub_gateway.py"),)
WORKERS = 2


def identity(name):
    return {"name": name, "access_key": name, "secret_key": "s", "policy": "admin"}


def tables(**changes):
    return {
        "s3": {"listen": "127.0.0.1:0", "drain_seconds": 10},
        "admin": {"listen": "127.0.0.1:0"},
        "workers": {"count": WORKERS},
        "identities": [identity("first")],
    } | changes


@pytest.fixture
def gateway(tmp_path):
    with gateway_process(tables(), tmp_path, program=STUB) as running:
        yield running


def pids(gateway) -> set[int]:
    """Return the workers seen by some connections; the kernel spreads them."""
    seen = set()
    for _ in range(40):
        with suppress(OSError):
            seen.add(int(fetch(f"{gateway.s3}/pid")[1].split()[0]))
    return seen


def both_workers(gateway) -> set[int]:
    return wait_until(lambda: found if len(found := pids(gateway)) == WORKERS else None)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def metric(gateway, name) -> float:
    text = fetch(f"{gateway.admin}/metrics")[1]
    return sum(
        float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (.*)$", text, re.MULTILINE)
    )


def test_workers_share_one_port_and_readiness_is_told(gateway):
    assert len(both_workers(gateway)) == WORKERS
    assert fetch(f"{gateway.admin}/ready") == (200, "ready\n")
    assert fetch(f"{gateway.admin}/health")[0] == 200
    line = f"forebay: serving S3 on {gateway.s3}, admin on {gateway.admin}\n"
    assert gateway.output == line


def test_workers_are_summed_in_metrics(gateway):
    before = len(both_workers(gateway))
    assert before == WORKERS
    asked = metric(gateway, "forebay_requests_total")
    fetch(f"{gateway.s3}/pid")
    assert metric(gateway, "forebay_requests_total") == asked + 1
    assert metric(gateway, "forebay_workers_ready") == WORKERS


def test_secrets_are_in_no_argument_and_no_environment_of_a_worker(tmp_path, monkeypatch):
    monkeypatch.setenv("FOREBAY_ORIGIN__ACCESS_KEY", "origin-key")
    monkeypatch.setenv("FOREBAY_ORIGIN__SECRET_KEY", "origin-secret")
    settings = tables(identities=[identity("first") | {"secret_key": "client-secret"}])
    with gateway_process(settings, tmp_path, program=STUB) as gateway:
        for pid in both_workers(gateway):
            for name in ("cmdline", "environ"):
                shown = Path(f"/proc/{pid}/{name}").read_bytes()
                assert b"origin-secret" not in shown
                assert b"client-secret" not in shown


def test_a_killed_worker_is_replaced_and_its_counts_remain(gateway):
    victim, other = both_workers(gateway)
    asked = metric(gateway, "forebay_requests_total")
    os.kill(victim, signal.SIGKILL)
    fresh = wait_until(lambda: found if len(found := pids(gateway) - {victim}) == WORKERS else None)
    assert other in fresh
    wait_until(lambda: fetch(f"{gateway.admin}/ready")[0] == 200)
    assert metric(gateway, "forebay_workers_replaced_total") == 1
    assert metric(gateway, "forebay_requests_total") > asked
    assert "ended (signal SIGKILL) and is replaced" in gateway.log


def test_a_worker_that_ends_by_itself_is_replaced(gateway):
    both_workers(gateway)
    with suppress(OSError):
        fetch(f"{gateway.s3}/exit")
    wait_until(lambda: metric(gateway, "forebay_workers_replaced_total") == 1)
    wait_until(lambda: fetch(f"{gateway.admin}/ready")[0] == 200)
    assert "exit code 3" in gateway.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished_before_the_end(gateway, number):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(fetch(f"{gateway.s3}/slow")))
    asking.start()
    wait_until(lambda: fetch(f"{gateway.s3}/in-flight")[1] == "1")
    gateway.signal(number)
    asking.join(20)
    assert answers == [(200, "finished")]
    assert gateway.wait_exit() == 0


def test_a_reload_brings_identities_to_every_worker(gateway):
    workers = both_workers(gateway)
    gateway.rewrite(tables(identities=[identity("second"), identity("third")]))
    gateway.signal(signal.SIGHUP)
    answers = []

    def all_know():
        answers[:] = [fetch(f"{gateway.s3}/identities")[1] for _ in range(20)]
        return set(answers) == {"second third"}

    wait_until(all_know)
    assert both_workers(gateway) == workers


def test_a_replaced_worker_knows_what_was_reloaded(gateway):
    workers = both_workers(gateway)
    gateway.rewrite(tables(identities=[identity("second")]))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: metric(gateway, "forebay_reloads_total") == 1)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: metric(gateway, "forebay_workers_replaced_total") == WORKERS)
    wait_until(lambda: fetch(f"{gateway.admin}/ready")[0] == 200)
    assert fetch(f"{gateway.s3}/identities")[1] == "second"


def test_a_bad_reload_keeps_the_old_settings_and_says_why(gateway):
    gateway.rewrite(tables(identities=[identity("second") | {"policy": "root"}]))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: metric(gateway, "forebay_reloads_refused_total") == 1)
    assert "identities[1].policy" in gateway.log
    assert fetch(f"{gateway.s3}/identities")[1] == "first"


def test_what_only_a_restart_changes_is_named(gateway):
    gateway.rewrite(tables(workers={"count": 1}, s3={"listen": "127.0.0.1:1"}))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "only after a restart" in gateway.log)
    assert "s3.listen, s3.drain_seconds, workers.count" in gateway.log


def test_no_worker_outlives_a_killed_supervisor(gateway):
    workers = both_workers(gateway)
    mapped = Path(f"/proc/{gateway.process.pid}/maps").read_text()
    folder = Path(re.search(r"/\S+/forebay-metrics-\w+", mapped)[0])
    assert folder.is_dir()
    gateway.signal(signal.SIGKILL)
    gateway.wait_exit()
    wait_until(lambda: all(is_gone(pid) for pid in workers))
    assert not folder.exists()


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for section in ("s3", "admin"):
            settings = tables(**{section: {"listen": address}})
            with gateway_process(settings, tmp_path, program=STUB, is_awaited=False) as gateway:
                assert gateway.wait_exit() == 1
                [line] = gateway.log.splitlines()
                assert line.startswith(f"forebay: {section}.listen cannot be {address}: another")


def test_a_second_gateway_does_not_share_the_port_of_the_first(gateway, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    settings = tables(s3={"listen": gateway.s3.removeprefix("http://")})
    with gateway_process(settings, folder, program=STUB, is_awaited=False) as second:
        assert second.wait_exit() == 1
        assert "another program listens there" in second.log
    assert fetch(f"{gateway.s3}/identities") == (200, "first")


def test_a_worker_that_cannot_start_ends_the_gateway_in_its_words(tmp_path):
    settings = tables(identities=[identity("broken")])
    with gateway_process(settings, tmp_path, program=STUB, is_awaited=False) as gateway:
        assert gateway.wait_exit() == 1
        assert gateway.log.splitlines()[-1] == "forebay: the flash is on fire"
    assert not (tmp_path / "ready.json").exists()
