"""The door on real objects: what S3 clients wrote is read here, as fresh as their rules say."""

from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from tests.support.gateway_settings import ADMIN, READER, STRANGER, gateway_settings
from tests.support.gateway_worker import Gateway, running_worker

LISTEN = {"listen": "127.0.0.1:0"}


def basic(keys):
    return {"Authorization": "Basic " + b64encode(":".join(keys).encode()).decode()}


@pytest.fixture
async def gateway(origin, tmp_path, monkeypatch) -> AsyncIterator[Gateway]:
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", webhdfs=LISTEN)
    async with running_worker(settings, monkeypatch) as running:
        yield running


async def ask(gateway, method, target, *, keys=ADMIN, body=None):
    url = f"{gateway.webhdfs}/webhdfs/v1{target}"
    async with gateway.session.request(method, url, data=body, headers=basic(keys)) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_an_object_is_a_file(gateway):
    await gateway.client.put("bucket", "a/b.txt", b"0123456789")
    status, body, headers = await ask(gateway, "GET", "/bucket/a/b.txt?op=OPEN&offset=2&length=3")
    assert (status, body) == (200, b"234")
    assert headers["X-Cache"] in {"MISS", "REVALIDATED"}
    status, body, _ = await ask(gateway, "GET", "/bucket/a?op=LISTSTATUS")
    assert b'"length":10' in body
    assert b'"pathSuffix":"b.txt"' in body


async def test_a_warm_file_is_a_hit(gateway):
    await gateway.client.put("bucket", "immutable/x", b"x" * 100_000)
    await gateway.warm("bucket", "immutable/x")
    status, body, headers = await ask(gateway, "GET", "/bucket/immutable/x?op=OPEN")
    assert (status, len(body), headers["X-Cache"]) == (200, 100_000, "HIT")


async def test_policies_are_those_of_s3(gateway):
    await gateway.client.put("bucket", "x", b"x")
    assert (await ask(gateway, "GET", "/bucket/x?op=OPEN", keys=READER))[0] == 200
    for path in ("x", "none"):
        status, body, _ = await ask(gateway, "GET", f"/bucket/{path}?op=OPEN", keys=STRANGER)
        assert (status, b"AccessControlException" in body) == (403, True)


async def test_the_root_shows_the_buckets(gateway):
    status, body, _ = await ask(gateway, "GET", "/?op=LISTSTATUS")
    assert (status, b'"pathSuffix":"bucket"' in body) == (200, True)


async def test_mounts_show_what_is_mounted(origin, tmp_path, monkeypatch):
    mounts = {"/models": "s3://bucket/prod", "/data/raw": "s3://bucket/raw"}
    settings = gateway_settings(
        origin.endpoint, tmp_path / "flash", webhdfs={**LISTEN, "mounts": mounts}
    )
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.client.put("bucket", "prod/m/1", b"model")
        assert (await ask(gateway, "GET", "/models/m/1?op=OPEN"))[:2] == (200, b"model")
        _, body, _ = await ask(gateway, "GET", "/?op=LISTSTATUS")
        assert (b'"models"' in body, b'"data"' in body, b'"bucket"' in body) == (True, True, False)


async def test_a_wrong_secret_is_refused_and_told_what_would_do(gateway):
    status, body, headers = await ask(gateway, "GET", "/?op=LISTSTATUS", keys=(ADMIN[0], "wrong"))
    assert (status, b"AccessControlException" in body) == (401, True)
    assert headers["WWW-Authenticate"].startswith("Basic ")
