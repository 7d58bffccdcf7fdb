"""A gateway whose worker is killed in the middle of a rename: its successors end it."""

import asyncio
import json
import os
import signal
from base64 import b64encode
from contextlib import suppress
from http.client import SERVICE_UNAVAILABLE, HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from gateway.demo.origin_faults import Fault, Gate
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.moves import BUCKET, fill, shown
from tests.support.settling import settle_until
from tests.support.waiting import wait_until

BASIC = "Basic " + b64encode(":".join(ADMIN).encode()).decode()


def rename(endpoint, source, target):
    url = f"{endpoint}/webhdfs/v1/{BUCKET}/{source}?op=RENAME&destination=/{BUCKET}/{target}"
    asked = Request(url, method="PUT", headers={"Authorization": BASIC})  # noqa: S310 - http
    with urlopen(asked, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def rename_cut_off(endpoint, source, target):
    with suppress(OSError, HTTPException):
        rename(endpoint, source, target)


async def test_a_worker_that_is_killed_in_a_rename_leaves_it_to_the_others(origin, tmp_path):
    there = fill(origin, "a/", 60)
    run = GatewayRun(tmp_path, origin.endpoint, webhdfs={"listen": "127.0.0.1:0"})
    await asyncio.to_thread(run.start)
    try:
        gate = Gate()
        hook = hold(gate, lambda call: call.key == "b/f0040" and call.method == "PUT")
        origin.faults.append(hook)
        async with asyncio.TaskGroup() as group:
            asked = (rename_cut_off, run.process.webhdfs, "a", "b")
            group.create_task(asyncio.to_thread(*asked))
            await gate.wait_arrived()
            for pid in await asyncio.to_thread(run.worker_pids):
                os.kill(pid, signal.SIGKILL)
        origin.faults.remove(hook)
        gate.release()
        await settle_until(lambda: shown(origin, "b/") == {}, seconds_max=60)
        assert shown(origin, "a/") == there
        assert await asyncio.to_thread(renamed, run, "a", "b")
        assert shown(origin, "b/") == there
        assert shown(origin, "a/") == {}
    finally:
        await asyncio.to_thread(run.close)


def renamed(run, source, target):
    """Rename once more; until the first is ended, that is refused with 503."""

    def is_taken():
        try:
            return [rename(run.process.webhdfs, source, target)]
        except HTTPError as error:
            if error.code != SERVICE_UNAVAILABLE:
                raise
            return []

    return wait_until(is_taken) == [{"boolean": True}]


def hold(gate, is_meant):
    return lambda call: Fault(hold_call=gate) if is_meant(call) else None
