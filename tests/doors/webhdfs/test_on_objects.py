"""The door on real objects: what S3 clients wrote is read here, as fresh as their rules say."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from gateway.filesystem.attributes import Attributes, Names, written_attributes
from gateway.filesystem.status import Kind
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


async def write(gateway, method, target, body=b""):
    """Do both steps, the second by nothing but the URL that the first gave."""
    url = f"{gateway.webhdfs}/webhdfs/v1{target}"
    session = gateway.session
    async with session.request(method, url, headers=basic(ADMIN), allow_redirects=False) as first:
        assert first.status == 307, await first.read()
        location = first.headers["Location"]
    async with session.request(method, URL(location, encoded=True), data=body) as second:
        return second.status, await second.read()


async def test_what_is_written_is_an_object_and_back(gateway):
    assert (await write(gateway, "PUT", "/bucket/w/a.txt?op=CREATE&permission=640", b"abc"))[
        0
    ] == 201
    there = await gateway.client.get("bucket", "w/a.txt")
    assert (there.body, there.headers["x-amz-meta-file-permissions"]) == (b"abc", "0100640")
    assert (await write(gateway, "POST", "/bucket/w/a.txt?op=APPEND", b"def"))[0] == 200
    assert (await ask(gateway, "GET", "/bucket/w/a.txt?op=OPEN"))[1] == b"abcdef"
    status, body = await write(gateway, "PUT", "/bucket/w/a.txt?op=CREATE", b"again")
    assert (status, b"FileAlreadyExistsException" in body) == (403, True)
    target = "/bucket/w/a.txt?op=RENAME&destination=/bucket/w/b%20c.txt"
    assert (await ask(gateway, "PUT", target))[:2] == (200, b'{"boolean":true}')
    assert (await gateway.client.get("bucket", "w/b c.txt")).body == b"abcdef"
    assert (await gateway.client.get("bucket", "w/a.txt")).status == 404


async def test_directories_are_made_filled_and_removed(gateway):
    for method, target in (("PUT", "/bucket/d/e?op=MKDIRS"), ("PUT", "/bucket/d/e?op=MKDIRS")):
        assert (await ask(gateway, method, target))[:2] == (200, b'{"boolean":true}')
    assert (await write(gateway, "PUT", "/bucket/d/e/f?op=CREATE", b"x"))[0] == 201
    status, body, _ = await ask(gateway, "DELETE", "/bucket/d?op=DELETE")
    assert (status, b"PathIsNotEmptyDirectoryException" in body) == (403, True)
    _, body, _ = await ask(gateway, "GET", "/bucket/d?op=GETCONTENTSUMMARY")
    assert b'"fileCount":1' in body
    status, body, _ = await ask(gateway, "DELETE", "/bucket/d?op=DELETE&recursive=true")
    assert (status, body) == (200, b'{"boolean":true}')
    assert (await ask(gateway, "GET", "/bucket/d?op=GETFILESTATUS"))[0] == 404


async def test_attributes_are_set_and_shown(gateway):
    await gateway.client.put("bucket", "x", b"x")
    for words in (
        "SETPERMISSION&permission=600",
        "SETOWNER&owner=ann&group=staff",
        "SETTIMES&modificationtime=1234567890123",
        "SETXATTR&xattr.name=user.colour&xattr.value=0x6869&flag=CREATE",
    ):
        assert (await ask(gateway, "PUT", f"/bucket/x?op={words}"))[:2] == (200, b"")
    _, body, _ = await ask(gateway, "GET", "/bucket/x?op=GETFILESTATUS")
    for words in (b'"permission":"600"', b'"owner":"ann"', b'"modificationTime":1234567890123'):
        assert words in body
    _, body, _ = await ask(gateway, "GET", "/bucket/x?op=GETXATTRS&encoding=HEX")
    assert b'{"name":"user.colour","value":"0x6869"}' in body
    assert (await gateway.client.get("bucket", "x")).body == b"x"


async def test_a_reader_may_neither_write_nor_remove(gateway):
    await gateway.client.put("bucket", "x", b"x")
    for method, target in (
        ("PUT", "/bucket/y?op=CREATE&data=true"),
        ("POST", "/bucket/x?op=APPEND&data=true"),
        ("DELETE", "/bucket/x?op=DELETE"),
        ("PUT", "/bucket/x?op=SETPERMISSION&permission=600"),
        ("PUT", "/bucket/y?op=MKDIRS"),
        ("PUT", "/bucket/x?op=SETXATTR&xattr.name=user.a&flag=REPLACE"),
        ("PUT", "/bucket/x?op=REMOVEXATTR&xattr.name=user.a"),
    ):
        status, body, _ = await ask(gateway, method, target, keys=READER, body=b"")
        assert (status, b"AccessControlException" in body) == (403, True), target
    assert (await gateway.client.get("bucket", "x")).body == b"x"


async def test_trusts_are_renewed_by_a_reload(gateway):
    url = f"{gateway.webhdfs}/webhdfs/v1/?op=LISTSTATUS&user.name=alice"
    async with gateway.session.get(url) as answer:
        assert answer.status == 401
    trusts = [{"networks": "127.0.0.0/8", "users": {"alice": "admin"}}]
    changes = {"webhdfs": {**LISTEN, "trusts": trusts}}
    fresh = gateway_settings(gateway.settings.origin.endpoint, gateway.flash_path, **changes)
    await gateway.reloads.put(fresh)

    async def is_believed():
        async with gateway.session.get(url) as answer:
            return answer.status == 200

    async with asyncio.timeout(20):
        while not await is_believed():
            pass


async def test_values_of_attributes_are_for_who_may_read_the_file(origin, tmp_path, monkeypatch):
    modes = {"permissions": "modes", "directory_mode": "0777"}
    settings = gateway_settings(
        origin.endpoint, tmp_path / "flash", webhdfs=LISTEN, filesystem=modes
    )
    said = written_attributes(Kind.FILE, Attributes(xattrs={"user.pin": b"1234"}), Names())
    for mode in ("0100600", "0100604"):
        headers = {**said, "x-amz-meta-file-permissions": mode, "x-amz-meta-file-owner": "ann"}
        origin.put("bucket", mode, b"x", headers=headers)
    async with running_worker(settings, monkeypatch) as gateway:
        told = {}
        for mode in ("0100600", "0100604"):
            for operation in ("GETFILESTATUS", "LISTSTATUS", "LISTXATTRS", "GETXATTRS"):
                target = f"/bucket/{mode}?op={operation}&encoding=TEXT"
                status, body, _ = await ask(gateway, "GET", target, keys=READER)
                told[mode, operation] = status, b"1234" in body
    assert told.pop(("0100600", "GETXATTRS")) == (403, False)
    assert told.pop(("0100604", "GETXATTRS")) == (200, True)
    assert set(told.values()) == {(200, False)}
