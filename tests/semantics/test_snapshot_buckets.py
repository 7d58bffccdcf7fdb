"""A snapshot as a bucket: who may read it, what it refuses, when it is there and when gone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from gateway.demo.origin import EmbeddedOrigin
from gateway.protocol.http.dates import format_amz_date
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.signing import presign
from tests.support.gateway_settings import READER, gateway_tables
from tests.support.gateway_worker import Gateway
from tests.support.signed_client import object_path
from tests.support.snapshot_answers import error_of, pages
from tests.support.snapshot_taker import Taker

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
OTHER = BODY[::-1]
LISTER = ("gate-lister", "lister/secret")
"""May list `bucket` under `k/open/` only, and read there."""
NAMER = ("gate-namer", "namer/secret")
"""May do everything in buckets that are called like snapshots, and nothing elsewhere."""
SMALL = b"at once" * 100
_NAMES = [{"Effect": "Allow", "Action": "s3:*", "Resource": ["snap-*", "snap-*/*"]}]
_LISTS = [
    {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "bucket",
        "Condition": {"StringLike": {"s3:prefix": "k/open/*"}},
    },
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/k/open/*"},
]


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    identities = gateway_tables("http://127.0.0.1:1", Path("flash"))["identities"]
    return {
        "identities": [
            *identities,
            *(
                {"name": keys[0], "access_key": keys[0], "secret_key": keys[1], "policy": policy}
                for keys, policy in ((LISTER, _LISTS), (NAMER, _NAMES))
            ),
        ]
    }


async def test_who_asks_is_judged_as_on_the_source(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    inside, outside = f"k/open/{key}", f"k/shut/{key}"
    for one in (inside, outside):
        origin.put("bucket", one, BODY)
        await gateway.warm("bucket", one)
    name = await taker.take("k/")
    for one in (inside, outside):
        assert (await gateway.client.get(name, one)).status == 200
        assert (await gateway.reader.get(name, one)).status == 200
        assert (await gateway.stranger.get(name, one)).status == 403
        assert (await gateway.stranger.head(name, one)).status == 403
    lister = gateway.as_principal(LISTER)
    assert (await lister.get(name, inside)).body == BODY
    assert (await lister.get(name, outside)).status == 403
    assert len(await pages(lister, name, "prefix=k/open/")) >= 1
    for query in ("prefix=k/shut/", "prefix=k/", ""):
        assert (await lister.ask("GET", f"/{name}", query=query)).status == 403
    for client in (gateway.reader, gateway.stranger):
        assert (await client.ask("GET", f"/{name}")).status == 403
        assert (await client.ask("HEAD", f"/{name}")).status == 403


async def test_a_right_on_the_snapshots_name_is_none(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, SMALL)
    name = await taker.take(key)
    namer = gateway.as_principal(NAMER)
    for _ in range(3):  # cold, then at once
        assert (await gateway.client.get(name, key)).body == SMALL
        assert (await namer.get(name, key)).status == 403
    assert (await namer.ask("GET", f"/{name}")).status == 403
    unsigned = await gateway.session.get(f"{gateway.endpoint}/{name}/{key}")
    assert unsigned.status == 403
    assert (await gateway.stranger.put(name, key, OTHER)).status == 403


async def test_what_was_judged_of_one_snapshot_holds_for_no_other_of_its_name(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    for bucket in ("bucket", "other"):
        origin.put(bucket, key, SMALL if bucket == "bucket" else SMALL[::-1])
    name = await taker.take(key)
    query = presign(
        "GET",
        gateway.endpoint.removeprefix("http://"),
        object_path(name, key),
        "",
        {},
        access_key=READER[0],
        secret=READER[1],
        session_token=None,
        region="us-east-1",
        amz_date=format_amz_date(datetime.now(UTC)),
        expires_seconds=600,
    )
    url = URL(f"{gateway.endpoint}{object_path(name, key)}?{query}", encoded=True)
    for _ in range(3):  # cold, judged, remembered
        answer = await gateway.session.get(url)
        assert (answer.status, await answer.read()) == (200, SMALL)
    taker.snapshots.remove(name)
    taker.count -= 1
    assert await taker.take(key, "other") == name
    for _ in range(2):
        assert (await gateway.client.get(name, key)).body == SMALL[::-1]
        answer = await gateway.session.get(url)
        assert answer.status == 403


@pytest.mark.parametrize(
    "asked",
    [
        "PUT /new",
        "DELETE /KEY",
        "POST /KEY?uploads",
        "POST ?delete",
        "PUT ",
        "DELETE ",
        "PUT ?policy",
        "PUT /KEY?tagging",
        "PUT /KEY?acl",
        "POST /KEY?restore",
    ],
)
async def test_nothing_changes_it_and_nothing_reaches_the_origin(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    taker: Taker,
    asked: str,
) -> None:
    origin.put("bucket", "k/fixed", BODY)
    name = await taker.take("k/fixed")
    origin.counters.reset()
    method, _, below = asked.replace("KEY", "k/fixed").partition(" ")
    path, _, query = below.partition("?")
    reply = await gateway.client.ask(method, f"/{name}{path}", query=query, body=b"")
    status, code, words = error_of(reply)
    assert (status, code) == (405, "MethodNotAllowed")
    assert "write to s3://bucket" in words
    assert not origin.counters.requests


async def test_what_is_not_recorded_of_a_bucket_is_refused_in_words(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker
) -> None:
    origin.put("bucket", "k/fixed", BODY)
    name = await taker.take("k/fixed")
    origin.counters.reset()
    for path, query in (
        (f"/{name}", "versions"),
        (f"/{name}", "acl"),
        (f"/{name}/k/fixed", "tagging"),
        (f"/{name}/k/fixed", "attributes"),
    ):
        status, code, words = error_of(await gateway.client.ask("GET", path, query=query))
        assert (status, code) == (501, "NotImplemented")
        assert "is asked of s3://bucket" in words
    form = await gateway.session.post(f"{gateway.endpoint}/{name}", data={"key": "a", "file": "b"})
    assert form.status == 403
    assert not origin.counters.requests


async def test_the_origin_is_never_asked_to_copy_from_it(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker
) -> None:
    origin.put("bucket", "k/fixed", BODY)
    name = await taker.take("k/fixed")
    origin.counters.reset()
    for source in (f"/{name}/k/fixed", f"{name}/k%2Ffixed"):
        copied = await gateway.client.put(
            "other", "copy", b"", headers={"x-amz-copy-source": source}
        )
        assert error_of(copied)[:2] == (501, "NotImplemented")
    assert not origin.counters.requests


async def test_it_is_a_bucket_to_clients_that_look_at_buckets(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker
) -> None:
    origin.put("bucket", "k/fixed", BODY)
    name = await taker.take("k/fixed")
    head = await gateway.client.ask("HEAD", f"/{name}")
    assert (head.status, head.headers["x-amz-bucket-region"]) == (200, "us-east-1")
    for query in ("location", "versioning"):
        assert (await gateway.client.ask("GET", f"/{name}", query=query)).status == 200
    shown = find_document((await gateway.client.ask("GET", "/")).body)
    assert shown is not None
    names = [found.text for found in shown.iterfind("Buckets/Bucket/Name")]
    assert names == sorted(["bucket", "other", "versioned", name])


async def test_it_is_there_and_gone_from_the_next_request_on(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    for _ in range(3):
        assert (await gateway.client.get(name, key)).body == BODY
    taker.snapshots.remove(name)
    assert error_of(await gateway.client.get(name, key))[:2] == (404, "NoSuchBucket")
    origin.put("bucket", key, OTHER)
    taker.count -= 1
    again = await taker.take(key)
    assert again == name
    assert (await gateway.client.get(name, key)).body == OTHER


async def test_it_expires(gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key, seconds=60)
    for _ in range(2):
        assert (await gateway.client.get(name, key)).body == BODY
    gateway.clock.ahead_seconds = 61
    origin.counters.reset()
    for path in (f"/{name}/{key}", f"/{name}"):
        status, code, words = error_of(await gateway.client.ask("GET", path))
        assert (status, code) == (404, "NoSuchBucket")
        assert "expired at" in words
    assert not origin.counters.requests
    assert taker.snapshots.sweep() == [name]


async def test_one_that_cannot_be_read_is_never_asked_of_the_origin(
    gateway: Gateway, origin: EmbeddedOrigin, taker: Taker, key: str
) -> None:
    origin.put("bucket", key, BODY)
    name = await taker.take(key)
    record = gateway.settings.state.path / "snapshots" / f"{name}.snapshot"
    record.unlink()
    record.write_bytes(b"no record" * 1000)
    await taker.take(f"{key}/none")  # so that the gateway looks again
    origin.counters.reset()
    for method, path in (("GET", key), ("PUT", key), ("DELETE", key), ("GET", "")):
        reply = await gateway.client.ask(method, f"/{name}/{path}", body=b"")
        assert error_of(reply)[:2] == (503, "ServiceUnavailable")
    copied = {"x-amz-copy-source": f"/{name}/{key}"}
    assert (await gateway.client.put("bucket", "copy", b"", headers=copied)).status == 503
    assert not origin.counters.requests
    record.unlink()
