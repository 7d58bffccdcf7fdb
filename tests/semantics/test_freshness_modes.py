"""The weaker modes that a rule may name, and what a request may ask beyond its rule."""

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault
from tests.support.gateway_worker import Gateway
from tests.support.origin_hooks import always

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
OTHER = BODY[::-1]


async def warm(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> str:
    """Bring an object to flash, and return its ETag; nothing is counted yet."""
    etag = origin.put("bucket", key, BODY).etag
    await gateway.warm("bucket", key)
    origin.counters.reset()
    return etag if etag.startswith('"') else f'"{etag}"'


async def test_pinned_is_strict_where_no_version_is_named(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"pinned/{key}"
    await warm(gateway, origin, key)
    origin.put("bucket", key, OTHER)
    assert (await gateway.client.get("bucket", key)).body == OTHER


async def test_pinned_serves_the_etag_that_is_named_without_asking(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"pinned/{key}"
    etag = await warm(gateway, origin, key)
    for headers in ({"If-Match": etag}, {"If-Match": etag, "Range": "bytes=100-199"}):
        reply = await gateway.client.get("bucket", key, headers=headers)
        assert reply.headers["X-Cache"] == "HIT"
        assert reply.body == (BODY if "Range" not in headers else BODY[100:200])
    assert not origin.counters.requests
    origin.put("bucket", key, OTHER)
    reply = await gateway.client.get("bucket", key, headers={"If-Match": etag})
    assert (reply.status, reply.body) == (200, BODY)


async def test_pinned_asks_about_an_etag_that_is_not_at_hand(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"pinned/{key}"
    etag = await warm(gateway, origin, key)
    for named in ('"other"', f'{etag}, "other"', "*", f"W/{etag}"):
        reply = await gateway.client.get("bucket", key, headers={"If-Match": named})
        assert (reply.status, reply.headers.get("X-Cache")) != (200, "HIT")
        assert origin.counters.requests
        origin.counters.reset()


async def test_pinned_serves_the_version_id_that_is_named_without_asking(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"pinned/{key}"
    origin.put("versioned", key, BODY)
    reply = await gateway.warm("versioned", key)
    version_id = reply.headers["x-amz-version-id"]
    origin.put("versioned", key, OTHER)
    origin.counters.reset()
    named = await gateway.client.get("versioned", key, query=f"versionId={version_id}")
    assert (named.body, named.headers["X-Cache"]) == (BODY, "HIT")
    assert named.headers["x-amz-version-id"] == version_id
    assert not origin.counters.requests
    assert (await gateway.client.get("versioned", key)).body == OTHER
    older = await gateway.client.get("versioned", key, query=f"versionId={version_id}")
    assert (older.body, older.headers["X-Cache"]) == (BODY, "BYPASS")


async def test_exclusive_asks_nobody_until_someone_writes(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"exclusive/{key}"
    await warm(gateway, origin, key)
    for _ in range(3):
        reply = await gateway.client.get("bucket", key)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "HIT")
    assert not origin.counters.requests
    assert (await gateway.client.put("bucket", key, OTHER)).status == 200
    assert (await gateway.client.get("bucket", key)).body == OTHER
    assert (await gateway.client.delete("bucket", key)).status == 204
    assert (await gateway.client.get("bucket", key)).status == 404


async def test_exclusive_shows_tags_and_metadata_that_were_written_through(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"exclusive/{key}"
    await warm(gateway, origin, key)
    copied = await gateway.client.put(
        "bucket",
        key,
        b"",
        headers={
            "x-amz-copy-source": f"/bucket/{key}",
            "x-amz-metadata-directive": "REPLACE",
            "x-amz-meta-now": "new",
        },
    )
    assert copied.status == 200
    reply = await gateway.client.get("bucket", key)
    assert (reply.body, reply.headers["x-amz-meta-now"]) == (BODY, "new")


@pytest.mark.parametrize("mode", ["immutable", "exclusive", "bounded"])
async def test_a_head_is_as_fresh_as_a_get(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, mode: str
) -> None:
    key = f"{mode}/{key}"
    await warm(gateway, origin, key)
    got = await gateway.client.get("bucket", key)
    for _ in range(2):
        shown = await gateway.client.head("bucket", key)
        assert shown.headers["X-Cache"] == "HIT"
        for name in ("ETag", "Last-Modified", "Content-Length", "Content-Type"):
            assert shown.headers[name] == got.headers[name]
    assert not origin.counters.requests


async def test_a_head_that_wants_checksums_asks_where_a_part_told_none(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"immutable/{key}"
    origin.put("bucket", key, BODY)
    await gateway.client.get("bucket", key, headers={"Range": "bytes=0-99"})
    origin.counters.reset()
    assert (await gateway.client.head("bucket", key)).headers["X-Cache"] == "HIT"
    assert not origin.counters.requests
    for _ in range(2):
        wanted = {"x-amz-checksum-mode": "ENABLED"}
        shown = await gateway.client.head("bucket", key, headers=wanted)
        assert shown.headers["x-amz-checksum-crc64nvme"]
    assert origin.counters.requests == {"HEAD": 1}


@pytest.mark.parametrize("mode", ["immutable", "exclusive", "bounded"])
@pytest.mark.parametrize(
    "headers",
    [{"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}, {"Pragma": "no-cache"}],
)
async def test_a_request_may_be_stricter_than_its_rule(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, mode: str, headers: dict[str, str]
) -> None:
    key = f"{mode}/{key}"
    old = await warm(gateway, origin, key)
    new = origin.put("bucket", key, OTHER).etag.strip('"')
    assert (await gateway.client.head("bucket", key)).headers["ETag"] == old
    assert (await gateway.client.get("bucket", key)).body == BODY
    shown = await gateway.client.head("bucket", key, headers=headers)
    assert shown.headers["ETag"].strip('"') == new
    assert (await gateway.client.get("bucket", key, headers=headers)).body == OTHER


async def test_max_age_bounds_what_the_rule_does_not(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"immutable/{key}"
    await warm(gateway, origin, key)
    origin.put("bucket", key, OTHER)
    gateway.clock.ahead_seconds = 50
    young = {"Cache-Control": "max-age=60"}
    assert (await gateway.client.get("bucket", key, headers=young)).body == BODY
    gateway.clock.ahead_seconds = 70
    assert (await gateway.client.get("bucket", key, headers=young)).body == OTHER


async def test_a_request_cannot_be_laxer_than_its_rule(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    await warm(gateway, origin, key)
    origin.put("bucket", key, OTHER)
    for asked in ("max-stale", "max-age=3600", "max-stale=3600, max-age=3600"):
        reply = await gateway.client.get("bucket", key, headers={"Cache-Control": asked})
        assert reply.body == OTHER


async def test_only_if_cached_never_asks(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    only = {"Cache-Control": "only-if-cached"}
    at_hand, strict, cold = f"immutable/{key}", key, f"immutable/cold-{key}"
    for name in (at_hand, strict):
        await warm(gateway, origin, name)
    origin.put("bucket", cold, BODY)
    origin.counters.reset()
    assert (await gateway.client.get("bucket", at_hand, headers=only)).body == BODY
    assert (await gateway.client.head("bucket", at_hand, headers=only)).status == 200
    for name in (strict, cold):
        assert (await gateway.client.head("bucket", name, headers=only)).status == 504
        reply = await gateway.client.get("bucket", name, headers=only)
        assert reply.status == 504
        assert b"<Code>GatewayTimeout</Code>" in reply.body
    assert not origin.counters.requests


async def test_no_store_keeps_nothing(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> None:
    origin.put("bucket", key, BODY)
    reply = await gateway.client.get("bucket", key, headers={"Cache-Control": "no-store"})
    assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
    assert not gateway.is_on_flash("bucket", key)


async def test_stale_if_error_serves_an_old_confirmation_and_says_so(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"stale/{key}"
    await warm(gateway, origin, key)
    origin.faults.append(always(Fault(code="ServiceUnavailable"), key=key))
    gateway.clock.ahead_seconds = 40
    reply = await gateway.client.get("bucket", key)
    assert (reply.status, reply.body, reply.headers["X-Cache"]) == (200, BODY, "STALE")
    assert 39 <= int(reply.headers["Age"]) <= 60
    no_cache = {"Cache-Control": "no-cache"}
    assert (await gateway.client.get("bucket", key, headers=no_cache)).status == 503
    gateway.clock.ahead_seconds = 70
    assert (await gateway.client.get("bucket", key)).status == 503
    origin.faults.clear()
    origin.put("bucket", key, OTHER)
    reply = await gateway.client.get("bucket", key)
    assert (reply.body, reply.headers["X-Cache"]) == (OTHER, "MISS")


async def test_stale_if_error_counts_from_the_last_confirmation(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"stale/{key}"
    await warm(gateway, origin, key)
    gateway.clock.ahead_seconds = 50
    assert (await gateway.client.get("bucket", key)).headers["X-Cache"] == "REVALIDATED"
    origin.faults.append(always(Fault(is_reset=True), key=key))
    gateway.clock.ahead_seconds = 100
    reply = await gateway.client.get("bucket", key)
    assert (reply.status, reply.headers["X-Cache"]) == (200, "STALE")


async def test_an_answer_is_no_outage(gateway: Gateway, origin: EmbeddedOrigin, key: str) -> None:
    """What the origin says, a refusal or an absence, is never covered up by an old row."""
    key = f"stale/{key}"
    await warm(gateway, origin, key)
    origin.delete("bucket", key)
    assert (await gateway.client.get("bucket", key)).status == 404
    origin.faults.append(always(Fault(code="AccessDenied"), key=key))
    assert (await gateway.client.get("bucket", key)).status == 403


async def test_a_write_through_the_gateway_ends_what_may_be_stale(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    key = f"stale/{key}"
    await warm(gateway, origin, key)
    assert (await gateway.client.put("bucket", key, OTHER)).status == 200
    origin.faults.append(always(Fault(code="ServiceUnavailable"), key=key))
    assert (await gateway.client.get("bucket", key)).status == 503
