"""Every answer says how it was made; and what asks past the row of the current version."""

import json
import time
from base64 import b64encode
from hashlib import md5

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.model.names import ObjectName
from tests.support.gateway_settings import CHUNK_BYTES
from tests.support.gateway_worker import Gateway, until
from tests.support.signed_client import Reply, object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
EXPLAIN = {"x-forebay-explain": "1"}


async def test_x_cache_and_age_say_how_an_answer_was_made(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    origin.put("bucket", f"immutable/{key}", BODY)
    cold = await gateway.warm("bucket", key)
    assert (cold.headers["X-Cache"], cold.headers["Age"]) == ("MISS", "0")
    warm = await gateway.client.get("bucket", key)
    assert (warm.headers["X-Cache"], warm.headers["Age"]) == ("REVALIDATED", "0")
    past = await gateway.client.get("bucket", key, query="partNumber=1")
    assert past.headers["X-Cache"] == "BYPASS"
    assert "Age" not in past.headers
    await gateway.warm("bucket", f"immutable/{key}")
    gateway.clock.ahead_seconds = 90
    hit = await gateway.client.get("bucket", f"immutable/{key}")
    assert (hit.headers["X-Cache"], hit.headers["Age"]) == ("HIT", "90")


async def test_x_forebay_explain_tells_the_whole_decision(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    cold = _explained(await gateway.client.get("bucket", key, headers=EXPLAIN))
    assert (cold["cache"], cold["validation"]) == ("MISS", "opening")
    assert cold["origin_requests"] >= 1
    assert (cold["tier"], cold["chunks_hit"]) == ("origin", 0)
    assert cold["chunks_missed"] == len(BODY) // CHUNK_BYTES
    await gateway.warm("bucket", key)
    warm = _explained(await gateway.client.get("bucket", key, headers=EXPLAIN))
    assert (warm["cache"], warm["validation"]) == ("REVALIDATED", "own")
    assert (warm["rule"], warm["freshness"]) == ("*", "strict")
    assert warm["chunks_hit"] == len(BODY) // CHUNK_BYTES
    assert (warm["chunks_missed"], warm["origin_requests"]) == (0, 1)
    assert warm["tier"] == "memory"
    assert list(warm["microseconds"]) == ["authorized", "validated", "decided", "first_byte"]
    assert all(taken >= 0 for taken in warm["microseconds"].values())
    past = _explained(
        await gateway.client.get("bucket", key, query="versionId=null", headers=EXPLAIN)
    )
    assert (past["cache"], past["reason"], past["tier"]) == ("BYPASS", "versionId", "origin")
    assert list(past["microseconds"]) == ["authorized", "answered"]


async def test_explain_tells_of_every_chunk_where_it_is(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.put("bucket", key, BODY)
    part = {**EXPLAIN, "Range": f"bytes={CHUNK_BYTES}-{2 * CHUNK_BYTES - 1}"}
    assert _explained(await gateway.client.get("bucket", key, headers=part))["tier"] == "origin"
    await until(lambda: gateway.chunks_on_flash("bucket", key) == [1])
    told = _explained(await gateway.client.get("bucket", key, headers=EXPLAIN))
    assert (told["chunks_hit"], told["chunks_missed"]) == (1, len(BODY) // CHUNK_BYTES - 1)
    assert told["tier"] == "memory and origin"
    await gateway.warm("bucket", key)
    monkeypatch.setattr(gateway.flash, "is_proven", lambda _: False)  # as after a restart
    assert _explained(await gateway.client.get("bucket", key, headers=EXPLAIN))["tier"] == "flash"


async def test_every_answer_carries_request_ids(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    replies = [
        await gateway.client.get("bucket", key),
        await gateway.client.get("bucket", f"{key}/absent"),
        await gateway.stranger.get("bucket", key),
        await gateway.client.head("bucket", key),
        await gateway.client.head("bucket", f"{key}/absent"),
        await gateway.client.put("bucket", key, BODY),
    ]
    for reply in replies:
        assert reply.headers["x-amz-request-id"]
        assert reply.headers["x-forebay-request-id"]
    assert len({reply.headers["x-forebay-request-id"] for reply in replies}) == len(replies)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_trap_a_part_neither_answers_from_the_row_nor_fills_it(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, method: str
) -> None:
    parts = [BODY * 80, BODY * 2]  # 5 MiB, and the rest
    await _upload(gateway, key, parts)
    size = sum(len(part) for part in parts)
    for _ in range(2):
        for number, part in enumerate(parts, 1):
            path = object_path("bucket", key)
            reply = await gateway.client.ask(method, path, query=f"partNumber={number}")
            assert (reply.status, reply.headers["X-Cache"]) == (206, "BYPASS")
            assert reply.headers["Content-Length"] == str(len(part))
            assert reply.headers["x-amz-mp-parts-count"] == "2"
            assert reply.body == (part if method == "GET" else b"")
            whole = await gateway.client.head("bucket", key)
            assert whole.headers["Content-Length"] == str(size)
        assert (await gateway.client.get("bucket", key)).body == b"".join(parts)


async def test_a_named_version_neither_answers_from_the_row_nor_fills_it(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    old = origin.put("versioned", key, BODY)
    await gateway.warm("versioned", key)
    origin.put("versioned", key, b"new")
    named = f"versionId={old.version_id}"
    for _ in range(2):
        reply = await gateway.client.get("versioned", key, query=named)
        assert (reply.body, reply.headers["x-amz-version-id"]) == (BODY, old.version_id)
        assert reply.headers["X-Cache"] == "BYPASS"
        assert (await gateway.client.get("versioned", key)).body == b"new"


@pytest.mark.parametrize(
    "header",
    ["x-amz-request-charged", "x-amz-server-side-encryption-customer-algorithm"],
)
async def test_trap_what_each_reader_pays_or_holds_the_key_for_is_never_on_flash(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, header: str
) -> None:
    version = origin.put("bucket", key, BODY)
    # The embedded origin knows neither; it repeats what the object was described with.
    version.headers[header] = "AES256"  # type: ignore[index]
    for _ in range(2):
        reply = await gateway.client.get("bucket", key)
        assert (reply.body, reply.headers["X-Cache"]) == (BODY, "BYPASS")
    assert gateway.flash.find_row(ObjectName("bucket", key)) is None


async def test_requester_pays_and_customer_keys_go_past_a_warm_row(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    secret = b"k" * 32
    customer = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": b64encode(secret).decode(),
        "x-amz-server-side-encryption-customer-key-MD5": b64encode(md5(secret).digest()).decode(),
    }
    for headers in ({"x-amz-request-payer": "requester"}, customer):
        origin.counters.reset()
        reply = await gateway.client.get("bucket", key, headers=headers)
        assert (reply.status, reply.headers["X-Cache"]) == (200, "BYPASS")
        sent = origin.counters.calls[-1].headers
        assert all(sent[name.lower()] == value for name, value in headers.items())


async def test_trap_an_object_that_was_archived_is_not_served_from_flash(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    moment = time.time() - 60
    origin.put("bucket", key, BODY, modified=moment)
    await gateway.warm("bucket", key)
    # A lifecycle transition: everything but the storage class stays.
    origin.put(
        "bucket", key, BODY, modified=moment, headers={"x-amz-storage-class": "DEEP_ARCHIVE"}
    )
    reply = await gateway.client.get("bucket", key)
    assert reply.headers["X-Cache"] == "BYPASS"
    head = await gateway.client.head("bucket", key)
    assert head.headers["x-amz-storage-class"] == "DEEP_ARCHIVE"


async def test_trap_a_hit_returns_the_checksums_and_a_range_none(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    version = origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    asks = {"x-amz-checksum-mode": "ENABLED"}
    name = "x-amz-checksum-crc64nvme"
    whole = await gateway.client.get("bucket", key, headers=asks)
    assert whole.headers[name] == version.checksums["crc64nvme"]
    assert (await gateway.client.head("bucket", key, headers=asks)).headers[name]
    part = await gateway.client.get("bucket", key, headers={**asks, "Range": "bytes=0-9"})
    assert (part.status, name in part.headers) == (206, False)
    assert name not in (await gateway.client.get("bucket", key)).headers


async def test_trap_conditions_beat_ranges_and_416_carries_the_size(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    version = origin.put("bucket", key, BODY)
    far = {"Range": "bytes=999999-"}
    for _ in range(2):  # cold, then warm
        reply = await gateway.client.get("bucket", key, headers=far)
        assert reply.status == 416
        assert reply.headers["Content-Range"] == f"bytes */{len(BODY)}"
        failed = await gateway.client.get("bucket", key, headers={**far, "If-Match": '"no"'})
        assert failed.status == 412
        same = {**far, "If-None-Match": version.etag}
        reply = await gateway.client.get("bucket", key, headers=same)
        assert (reply.status, reply.headers["ETag"], reply.body) == (304, version.etag, b"")
        for validator in ('"other"', f"W/{version.etag}"):
            headers = {"Range": "bytes=0-3", "If-Range": validator}
            reply = await gateway.client.get("bucket", key, headers=headers)
            assert (reply.status, reply.body) == (200, BODY)
        headers = {"Range": "bytes=0-3", "If-Range": version.etag}
        reply = await gateway.client.get("bucket", key, headers=headers)
        assert (reply.status, reply.body) == (206, BODY[:4])


async def test_trap_a_footer_read_pulls_its_chunks_and_not_the_object(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    large = BODY * 64
    origin.put("bucket", key, large)
    reply = await gateway.client.get("bucket", key, headers={"Range": "bytes=-100"})
    assert reply.body == large[-100:]
    assert origin.counters.body_bytes_sent <= CHUNK_BYTES
    origin.counters.reset()
    middle = 10 * CHUNK_BYTES + 5
    headers = {"Range": f"bytes={middle}-{middle + 9}"}
    assert (await gateway.client.get("bucket", key, headers=headers)).body == large[middle:][:10]
    assert origin.counters.body_bytes_sent <= CHUNK_BYTES


def _explained(reply: Reply) -> dict[str, object]:
    told: dict[str, object] = json.loads(reply.headers["x-forebay-explain"])
    return told


async def _upload(gateway: Gateway, key: str, parts: list[bytes]) -> None:
    path = object_path("bucket", key)
    begun = await gateway.client.ask("POST", path, query="uploads")
    upload_id = begun.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    rows = ""
    for number, part in enumerate(parts, 1):
        query = f"partNumber={number}&uploadId={upload_id}"
        reply = await gateway.client.ask("PUT", path, query=query, body=part)
        rows += (
            f"<Part><PartNumber>{number}</PartNumber><ETag>{reply.headers['ETag']}</ETag></Part>"
        )
    document = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    done = await gateway.client.ask("POST", path, query=f"uploadId={upload_id}", body=document)
    assert done.status == 200, done
