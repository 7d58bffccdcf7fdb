"""Keys of providers: followed where they change, kept where they cannot be read, asked rarely."""

import asyncio

import pytest

from gateway.access.key_sources import (
    REFRESH_SECONDS,
    RETRY_SECONDS,
    SET_BYTES_MAX,
    FileKeys,
    UrlKeys,
)
from gateway.model.failures import AuthenticationFailed
from tests.support.oidc import jwk, key_set, serving_keys

ONE, TWO = key_set(jwk("RSA")), key_set(jwk("RSA"), jwk("RSA2"))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
async def server():
    async with serving_keys() as keys:
        keys.body = ONE
        yield keys


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source(server, clock):
    return UrlKeys(server.url, None, clock)


async def is_unknown(source) -> bool:
    try:
        await source.get("RSA")
    except AuthenticationFailed as failure:
        return failure.code == "IDPCommunicationError"
    return False


async def test_a_file_is_read_when_it_changes_and_kept_while_it_cannot_be(tmp_path):
    path = tmp_path / "jwks.json"
    source = FileKeys(path)
    assert await is_unknown(source)
    path.write_bytes(ONE)
    first = await source.get("RSA")
    assert first.has("RSA")
    assert await source.get("other") is first
    path.with_suffix(".new").write_bytes(TWO)
    path.with_suffix(".new").replace(path)  # as Kubernetes and editors do
    assert (await source.get("RSA")).has("RSA2")
    path.write_bytes(b"half of it")
    assert (await source.get("RSA")).has("RSA2")
    path.unlink()
    assert (await source.get("RSA")).has("RSA2")
    path.write_bytes(ONE)
    assert not (await source.get("RSA")).has("RSA2")


async def test_a_url_is_asked_once_for_many(source, server):
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(source.get("RSA")) for _ in range(20)]
    assert {id(one.result()) for one in asking} == {id(asking[0].result())}
    assert server.asked == 1


async def test_an_unknown_name_asks_again_but_makes_no_flood(source, server, clock):
    await source.get("RSA")
    server.body = TWO
    for number in range(50):
        await source.get(f"garbage {number}")
    assert server.asked == 1
    clock.now += RETRY_SECONDS
    assert (await source.get("RSA2")).has("RSA2")
    assert server.asked == 2
    clock.now += RETRY_SECONDS
    await source.get("RSA2")
    assert server.asked == 2
    for number in range(50):
        await source.get(f"garbage {number}")
    assert server.asked == 3


async def test_old_keys_are_asked_for_again(source, server, clock):
    await source.get("RSA")
    clock.now += REFRESH_SECONDS - 1
    await source.get("RSA")
    assert server.asked == 1
    server.body = key_set(jwk("RSA2"))
    clock.now += 1
    assert not (await source.get("RSA")).has("RSA")
    assert server.asked == 2


@pytest.mark.parametrize("trouble", ["500", "a redirect", "no keys", "too long", "away"])
async def test_keys_are_kept_while_the_url_is_in_trouble(source, server, clock, trouble):
    await source.get("RSA")
    server.status = {"500": 500, "a redirect": 302}.get(trouble, 200)
    server.headers = {"Location": server.url} if trouble == "a redirect" else {}
    server.body = {"no keys": b"{}", "too long": TWO + b" " * SET_BYTES_MAX}.get(trouble, TWO)
    if trouble == "away":
        source._url = "http://127.0.0.1:1/"
    clock.now += REFRESH_SECONDS
    for _ in range(5):
        assert (await source.get("RSA")).has("RSA")
    assert server.asked == (1 if trouble == "away" else 2)
    server.status, server.headers, server.body = 200, {}, TWO
    if trouble != "away":
        clock.now += RETRY_SECONDS
        assert (await source.get("RSA")).has("RSA2")


async def test_where_no_key_was_ever_read_the_provider_is_unreachable(source, server, clock):
    server.status = 503
    for _ in range(5):
        assert await is_unknown(source)
    assert server.asked == 1
    server.status = 200
    clock.now += RETRY_SECONDS
    assert (await source.get("RSA")).has("RSA")
