"""Snapshots beside a whole gateway: the command line makes them, every worker serves them."""

import json
import os
import signal
import subprocess
import sys

import pytest

from gateway.demo.origin_faults import Fault, Gate
from tests.support.gateway_process import ROOT, gateway_process, write_settings
from tests.support.gateway_settings import ADMIN, gateway_tables
from tests.support.origins import s3_client, threaded_origin
from tests.support.waiting import wait_until

KEYS = [f"train/{number:04}" for number in range(1234)]
CONNECTIONS = 24
"""New ones, which the system spreads over the workers."""


@pytest.fixture(scope="module")
def served():
    with threaded_origin() as origin:
        origin.make_bucket("bucket")
        for key in KEYS:
            origin.put("bucket", key, key.encode())
        yield origin


@pytest.fixture
def origin(served):
    for key in KEYS[:8]:
        served.put("bucket", key, key.encode())
    served.counters.reset()
    yield served
    served.faults.clear()


@pytest.fixture
def tables(origin, tmp_path):
    return gateway_tables(origin.endpoint, tmp_path / "flash")


def started(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "snapshot", *words, "--config", "forebay.toml"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def forebay(folder, *words):
    with started(folder, *words) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def client_of(gateway):
    return s3_client(gateway.s3, access_key=ADMIN[0], secret_key=ADMIN[1])


def listed(client, bucket):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="train/")
    fields = ("Key", "ETag", "Size", "LastModified", "StorageClass")
    return [tuple(row[name] for name in fields) for page in pages for row in page["Contents"]]


def test_every_worker_serves_it_at_once_and_after_a_restart(origin, tables, tmp_path):
    with gateway_process(tables, tmp_path) as gateway:
        before = listed(client_of(gateway), "bucket")
        said = forebay(tmp_path, "create", "s3://bucket/train/", "--as", "taken")
        assert 'snapshot "taken" of s3://bucket/train/ is there: 1234 objects' in said
        origin.put("bucket", "train/new", b"new")
        origin.counters.reset()
        for _ in range(CONNECTIONS):
            assert listed(client_of(gateway), "taken") == before
        assert not origin.counters.requests
        for key in KEYS[-3:]:
            body = client_of(gateway).get_object(Bucket="taken", Key=key)["Body"].read()
            assert body == key.encode()
    (tmp_path / "ready.json").unlink()
    with gateway_process(tables, tmp_path) as gateway:
        assert listed(client_of(gateway), "taken") == before
        forebay(tmp_path, "remove", "taken")
        for _ in range(CONNECTIONS):
            client = client_of(gateway)
            with pytest.raises(client.exceptions.NoSuchBucket):
                client.list_objects_v2(Bucket="taken")
    origin.delete("bucket", "train/new")


def test_what_was_on_flash_when_it_was_taken_is_read_as_it_was(origin, tables, tmp_path):
    with gateway_process(tables, tmp_path) as gateway:
        client = client_of(gateway)
        for key in KEYS[:8]:
            client.get_object(Bucket="bucket", Key=key)["Body"].read()
        forebay(tmp_path, "create", "s3://bucket/train/", "--as", "taken")
        for key in KEYS[:8]:
            origin.put("bucket", key, b"other")
            assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == b"other"
        origin.counters.reset()
        for key in KEYS[:8]:
            for _ in range(3):  # more than one worker
                body = client_of(gateway).get_object(Bucket="taken", Key=key)["Body"].read()
                assert body == key.encode()
        assert not origin.counters.requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_one_that_is_interrupted_is_not_there(origin, tables, tmp_path, number):
    write_settings(tmp_path / "forebay.toml", tables)
    gate = Gate()
    origin.faults.append(
        lambda call: Fault(hold_call=gate) if "continuation-token" in call.query else None
    )
    with started(tmp_path, "create", "s3://bucket/train/", "--as", "taken") as process:
        wait_until(lambda: origin.counters.operations["ListObjectsV2"] == 2)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in err
    origin.faults.clear()
    assert json.loads(forebay(tmp_path, "list", "--json")) == {"snapshots": []}
    left = [path.name for path in (tmp_path / "state" / "snapshots").iterdir()]
    assert left == ["moment"]
