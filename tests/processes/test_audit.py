"""The audit log of a whole gateway: every judgement, before the act, and nothing to sign with."""

import asyncio
import base64
import json
import os
import re
import signal
from hashlib import md5

import aiohttp
import pytest

from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import ADMIN, COPIER, READER, gateway_tables
from tests.support.signed_client import SignedClient
from tests.support.waiting import wait_until


@pytest.fixture
def audit_path(tmp_path):
    return tmp_path / "audit.log"


@pytest.fixture
def tables(origin, tmp_path, audit_path):
    origin.make_bucket("other")
    audit = {"log": str(audit_path)}
    return gateway_tables(origin.endpoint, tmp_path / "flash", audit=audit, log={"level": "info"})


@pytest.fixture
def gateway(tables, tmp_path):
    with gateway_process(tables, tmp_path) as running:
        yield running


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(auto_decompress=False) as opened:
        yield opened


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def told(path):
    return [
        (line["principal"], line["audit"], line["action"], line["resource"]) for line in lines(path)
    ]


async def test_who_did_what_to_which_resource(gateway, session, audit_path):
    admin, copier = (SignedClient(session, gateway.s3, *keys) for keys in (ADMIN, COPIER))
    await admin.put("bucket", "k", b"body")
    await copier.put("other", "c", b"", headers={"x-amz-copy-source": "/bucket/k"})
    assert (await copier.delete("bucket", "k")).status == 403
    assert told(audit_path) == [
        ("admin", "allowed", "s3:PutObject", "bucket/k"),
        ("copier", "allowed", "s3:PutObject", "other/c"),
        ("copier", "allowed", "s3:GetObject", "bucket/k"),
        ("copier", "denied", "s3:DeleteObject", "bucket/k"),
    ]


async def test_keys_of_a_deletion_are_told_one_by_one(gateway, session, audit_path):
    copier = SignedClient(session, gateway.s3, *COPIER)
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"
    digest = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
    for bucket in ("other", "bucket"):
        await copier.ask(
            "POST", f"/{bucket}", query="delete=", body=body, headers={"Content-MD5": digest}
        )
    assert told(audit_path) == [
        ("copier", "allowed", "s3:DeleteObject", "other/a"),
        ("copier", "allowed", "s3:DeleteObject", "other/b"),
        ("copier", "denied", "s3:DeleteObject", "bucket/a"),
        ("copier", "denied", "s3:DeleteObject", "bucket/b"),
    ]


async def test_hits_are_told_like_misses(gateway, session, audit_path):
    reader = SignedClient(session, gateway.s3, *READER)
    admin = SignedClient(session, gateway.s3, *ADMIN)
    await admin.put("bucket", "k", b"body")
    caches = [(await reader.get("bucket", "k")).headers["X-Cache"] for _ in range(5)]
    assert {"HIT", "REVALIDATED"} & set(caches)
    allowed = ("reader", "allowed", "s3:GetObject", "bucket/k")
    assert told(audit_path).count(allowed) == 5


async def test_what_proves_an_identity_is_in_no_line(gateway, session, audit_path):
    reader = SignedClient(session, gateway.s3, *READER)
    liar = SignedClient(session, gateway.s3, READER[0], "wrong")
    await reader.get("bucket", "k")
    assert (await liar.get("bucket", "k")).status == 403
    async with session.get(f"{gateway.s3}/bucket/k") as anonymous:
        assert anonymous.status == 403
    text = audit_path.read_text()
    assert not re.search(r"[0-9a-f]{64}", text)
    assert READER[1] not in text
    assert [line["why"].partition(":")[0] for line in lines(audit_path)[1:]] == [
        "SignatureDoesNotMatch",
        "AccessDenied",
    ]
    assert [line["access_key"] for line in lines(audit_path)] == [READER[0], READER[0], ""]


async def test_a_line_is_there_before_what_it_allows_is_done(gateway, session, audit_path):
    """The workers die in the middle of writes: what the origin has, the audit log has too."""
    admin = SignedClient(session, gateway.s3, *ADMIN)
    done = []

    async def write(number):
        try:
            if (await admin.put("bucket", f"k{number}", b"body")).status == 200:
                done.append(f"bucket/k{number}")
        except aiohttp.ClientError:
            return

    async with asyncio.TaskGroup() as tasks:
        for number in range(200):
            tasks.create_task(write(number))
        await asyncio.to_thread(wait_until, lambda: len(done) > 20)
        for found in re.findall(r"is process (\d+)", gateway.log):
            os.kill(int(found), signal.SIGKILL)
    resources = {line["resource"] for line in lines(audit_path)}
    assert set(done) <= resources


async def test_after_a_rotation_lines_go_to_the_new_file(gateway, session, audit_path):
    admin = SignedClient(session, gateway.s3, *ADMIN)
    await admin.put("bucket", "k", b"body")
    rotated = audit_path.with_suffix(".1")
    audit_path.rename(rotated)
    gateway.signal(signal.SIGHUP)

    async def both_wrote():
        await admin.put("bucket", "k", b"body")
        return audit_path.exists() and audit_path.stat().st_size > 0

    async with asyncio.timeout(20):
        while not await both_wrote():
            pass
    assert len(lines(rotated)) >= 1
    assert told(audit_path)[-1] == ("admin", "allowed", "s3:PutObject", "bucket/k")
