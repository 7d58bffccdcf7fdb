"""Whoever answers judges alike: at once, by the pipeline, and of a snapshot as of its source."""

import random
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.doors.s3.at_once import AtOnce
from tests.support.gateway_settings import gateway_settings, gateway_tables
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.snapshot_taker import Taker

KEYS = ("key", "immutable/key")
RESOURCES = (
    "*",
    "bucket",
    "bucket/*",
    "bucket/k*",
    "bucket/immutable/*",
    "arn:aws:s3:::bucket/key",
    "bucket/${aws:username}*",
    "snap-1/*",
    "*/key",
)
ACTIONS = ("*", "s3:*", "s3:GetObject", "s3:Get*", "s3:GetObjectVersion", "s3:PutObject")
CONDITIONS = (
    {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"StringLike": {"aws:UserAgent": "*aiohttp*"}},
)
IDENTITIES = 40


def identity(number: int) -> dict[str, Any]:
    """Return one whose policy is drawn by chance, the same in every run."""
    chance = random.Random(number)
    statements = []
    for _ in range(chance.randint(1, 3)):
        statement: dict[str, Any] = {
            "Effect": chance.choice(["Allow", "Allow", "Deny"]),
            chance.choice(["Action", "Action", "NotAction"]): chance.choice(ACTIONS),
            chance.choice(["Resource", "Resource", "NotResource"]): chance.choice(RESOURCES),
        }
        if chance.random() < 0.3:
            statement["Condition"] = chance.choice(CONDITIONS)
        statements.append(statement)
    name = f"{'key' if number % 2 else 'user'}{number}"
    return {"name": name, "access_key": name, "secret_key": "secret", "policy": statements}


async def statuses(gateway: Gateway, bucket: str) -> dict[tuple[int, str], int]:
    found = {}
    for number, key in product(range(IDENTITIES), KEYS):
        client = gateway.as_principal((identity(number)["access_key"], "secret"))
        found[number, key] = (await client.get(bucket, key)).status
    return found


async def test_every_policy_says_the_same_wherever_it_is_asked(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = gateway_tables(origin.endpoint, tmp_path)["identities"]
    identities = [*others, *map(identity, range(IDENTITIES))]
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", identities=identities)
    async with running_worker(settings, monkeypatch) as gateway:
        for key in KEYS:
            origin.put("bucket", key, b"hello")
            await gateway.warm("bucket", key)
        taker = Taker(gateway)
        with closing(taker.snapshots):
            snapshot = await taker.take("")
            at_once = await statuses(gateway, "bucket")
            assert set(at_once.values()) == {200, 403}
            assert await statuses(gateway, snapshot) == at_once
            monkeypatch.setattr(AtOnce, "answer", lambda *_: None)
            monkeypatch.setattr(AtOnce, "answer_again", lambda *_: None)
            assert await statuses(gateway, "bucket") == at_once
            assert await statuses(gateway, snapshot) == at_once
