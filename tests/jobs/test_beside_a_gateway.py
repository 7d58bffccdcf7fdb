"""Jobs beside a serving gateway, and jobs that are killed: one flash, every byte fetched once."""

import subprocess
import sys
from random import Random

from tests.support.gateway_process import ROOT, gateway_process, write_settings
from tests.support.gateway_settings import ADMIN, CHUNK_BYTES
from tests.support.origins import s3_client
from tests.support.waiting import wait_until

RUN_BYTES = 8 * CHUNK_BYTES
BODY = Random(5).randbytes(16 * CHUNK_BYTES + 9)


def test_what_was_warmed_beside_a_gateway_is_read_without_the_origin(desk, tmp_path):
    keys = [f"immutable/{number}" for number in range(10)]
    for key in keys:
        desk.put(key, BODY)
    with gateway_process(desk.tables, tmp_path) as gateway:
        access, secret = ADMIN
        client = s3_client(gateway.s3, access_key=access, secret_key=secret)
        begun = client.get_object(Bucket="bucket", Key=keys[0], Range=f"bytes=0-{RUN_BYTES - 1}")
        begun["Body"].read()
        told = desk.warm("s3://bucket/immutable/")
        assert told.summary["on_flash"] == 10
        assert desk.sent_bytes() == 10 * len(BODY)
        desk.origin.counters.reset()
        for key in keys:
            assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == BODY
        assert desk.asked() == {}


def test_a_job_that_was_killed_goes_on_where_it_was(desk, tmp_path):
    whole = Random(6).randbytes(800 * CHUNK_BYTES)
    desk.put("large", whole)
    write_settings(tmp_path / "forebay.toml", desk.tables)
    command = [sys.executable, "-m", "gateway", "cache", "warm", "s3://bucket/"]
    command += ["--bandwidth", "8MB/s", "--concurrency", "2", "--config", "forebay.toml"]
    with subprocess.Popen(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}) as process:
        wait_until(lambda: desk.sent_bytes() > len(whole) * 0.6)
        process.kill()
    assert desk.held()["s3://bucket/large"]["bytes_held"] > len(whole) * 0.5
    told = desk.warm("s3://bucket/")
    assert (told.code, told.summary["brought"]) == (0, 1)
    assert desk.sent_bytes() <= 1.05 * len(whole)
