"""Reads that name more than a key: parts, versions, overrides, conditions, pages."""

from hashlib import md5
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from gateway.demo.origin import EmbeddedOrigin
from gateway.protocol.http.percent import encode
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker

BODY = bytes(range(256)) * 200
OTHER_DATE = "Fri, 20 Nov 2020 00:00:00 GMT"


@pytest.mark.parametrize("is_warm", [False, True])
async def test_response_overrides_are_the_answers_and_not_the_rows(
    gateway: Gateway, origin: EmbeddedOrigin, is_warm: bool
) -> None:
    origin.put("bucket", "key", BODY, headers={"Content-Type": "text/plain"})
    if is_warm:
        await gateway.warm("bucket", "key")
    asked = {
        "response-content-type": "image/png",
        "response-content-disposition": 'attachment; filename="a b.png"',
        "response-cache-control": "no-store",
        "response-content-language": "de",
        "response-content-encoding": "x-none",
        "response-expires": OTHER_DATE,
    }
    query = "&".join(f"{name}={encode(value)}" for name, value in asked.items())
    for ask in (gateway.client.get, gateway.client.head):
        reply = await ask("bucket", "key", query=query)
        shown = {name: reply.headers[name.removeprefix("response-")] for name in asked}
        assert shown == asked
    assert (await gateway.client.get("bucket", "key")).headers["Content-Type"] == "text/plain"


async def test_trap_an_override_cannot_split_the_answer(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    query = "response-content-type=a%0d%0aSet-Cookie:%20x"
    reply = await gateway.client.get("bucket", "key", query=query)
    assert reply.status == 400
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_trap_a_part_is_the_part_and_the_whole_stays_whole(
    gateway: Gateway, method: str
) -> None:
    client, parts = gateway.client, [b"1" * 5 * 1024 * 1024, b"2" * 10]
    begun = await client.ask("POST", "/bucket/key", query="uploads")
    upload = fromstring(begun.body).findtext("{*}UploadId")
    rows = ""
    for number, part in enumerate(parts, 1):
        query = f"partNumber={number}&uploadId={upload}"
        put = await client.ask("PUT", "/bucket/key", query=query, body=part)
        rows += f"<Part><PartNumber>{number}</PartNumber><ETag>{put.headers['ETag']}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    await client.ask("POST", "/bucket/key", query=f"uploadId={upload}", body=body)
    for _ in range(2):
        second = await client.ask(method, "/bucket/key", query="partNumber=2")
        assert (second.status, second.headers["Content-Length"]) == (206, "10")
        assert second.headers["x-amz-mp-parts-count"] == "2"
        whole = await client.ask(method, "/bucket/key")
        assert (whole.status, whole.headers["Content-Length"]) == (200, str(5 * 1024 * 1024 + 10))
    if method == "GET":
        assert second.body == parts[1]
        assert whole.body == b"".join(parts)


async def test_a_named_version_is_that_version(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    origin.store.buckets["bucket"].versioning = "Enabled"
    old, new = origin.put("bucket", "key", b"old"), origin.put("bucket", "key", b"new")
    for _ in range(2):
        for version, body in ((old, b"old"), (new, b"new")):
            reply = await gateway.client.get(
                "bucket", "key", query=f"versionId={version.version_id}"
            )
            assert (reply.body, reply.headers["x-amz-version-id"]) == (body, version.version_id)
    assert (await gateway.client.get("bucket", "key")).body == b"new"


@pytest.mark.parametrize("is_warm", [False, True])
@pytest.mark.parametrize(
    ("validator", "status"),
    [
        ("{etag}", 206),
        ("W/{etag}", 200),
        ('"other"', 200),
        (OTHER_DATE, 200),
        ("nonsense", 200),
    ],
)
async def test_trap_if_range_with_a_weak_or_stale_validator_gives_the_whole(
    gateway: Gateway, origin: EmbeddedOrigin, is_warm: bool, validator: str, status: int
) -> None:
    etag = origin.put("bucket", "key", BODY).etag
    if is_warm:
        await gateway.warm("bucket", "key")
    headers = {"Range": "bytes=5-9", "If-Range": validator.format(etag=etag)}
    reply = await gateway.client.get("bucket", "key", headers=headers)
    assert reply.status == status
    assert reply.body == (BODY[5:10] if status == 206 else BODY)
    assert ("Content-Range" in reply.headers) == (status == 206)


async def test_a_range_of_many_is_the_whole_object(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    for asked in ("bytes=0-1,4-5", "bytes=9-5", "lines=1-2", "bytes=a-b", "bytes=-"):
        reply = await gateway.client.get("bucket", "key", headers={"Range": asked})
        assert (reply.status, reply.body) == (200, BODY), asked


@pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since"])
async def test_trap_a_304_has_the_etag_although_the_origins_has_none(
    gateway: Gateway, origin: EmbeddedOrigin, name: str
) -> None:
    version = origin.put("bucket", "key", BODY)
    described = await gateway.client.head("bucket", "key")
    value = version.etag if name == "If-None-Match" else described.headers["Last-Modified"]
    for ask in (gateway.client.get, gateway.client.head):
        reply = await ask("bucket", "key", headers={name: value})
        assert (reply.status, reply.headers["ETag"]) == (304, version.etag)


@pytest.mark.parametrize("listing", ["list-type=2&max-keys=2", "max-keys=2", "versions&max-keys=2"])
async def test_trap_a_listing_goes_on_at_another_worker(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    listing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [f"k/{number}+ ü" for number in range(5)]
    for key in keys:
        origin.put("bucket", key, b"")
    settings = gateway_settings(origin.endpoint, tmp_path / "other")
    tokens = {"NextContinuationToken": "continuation-token", "NextKeyMarker": "key-marker"}
    tokens |= {"NextMarker": "marker", "NextVersionIdMarker": "version-id-marker"}
    async with running_worker(settings, monkeypatch) as other:
        found: list[str] = []
        more, query = True, f"{listing}&delimiter=%7C"
        workers = [gateway, other] * 3
        while more:
            reply = await workers.pop().client.ask("GET", "/bucket", query=query)
            page = fromstring(reply.body)
            found += [node.text for node in page.iterfind("{*}*/{*}Key")]
            more = page.findtext("{*}IsTruncated") == "true"
            asked = [(name, page.findtext(f"{{*}}{tag}")) for tag, name in tokens.items()]
            query = f"{listing}&delimiter=%7C" + "".join(
                f"&{name}={encode(value)}" for name, value in asked if value
            )
    assert found == keys


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize("operation", ["put", "complete"])
async def test_conditional_writes_go_to_the_origin_word_for_word(
    gateway: Gateway, origin: EmbeddedOrigin, condition: str, operation: str
) -> None:
    etag = origin.put("bucket", "key", b"there").etag
    client = gateway.client
    value, false = ("*", "*") if condition == "If-None-Match" else (etag, '"other"')
    path, query, body = "/bucket/key", "", b"new"
    if operation == "complete":
        begun = await client.ask("POST", path, query="uploads")
        upload = fromstring(begun.body).findtext("{*}UploadId")
        await client.ask("PUT", path, query=f"partNumber=1&uploadId={upload}", body=b"new")
        query = f"uploadId={upload}"
        part = f"<PartNumber>1</PartNumber><ETag>{md5(b'new').hexdigest()}</ETag>"
        body = f"<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>".encode()
    method = "POST" if operation == "complete" else "PUT"
    headers = {condition: false}
    refused = await client.ask(method, path, query=query, headers=headers, body=body)
    assert refused.status == 412
    assert origin.counters.calls[-1].headers[condition.lower()] == false
    assert origin.read("bucket", "key") == b"there"
    if condition == "If-Match":
        headers = {condition: value}
        taken = await client.ask(method, path, query=query, headers=headers, body=body)
        assert taken.status == 200
        assert (await client.get("bucket", "key")).body == b"new"


async def test_a_412_names_the_condition_that_failed(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    for name, value in (("If-Match", '"other"'), ("If-Unmodified-Since", OTHER_DATE)):
        reply = await gateway.client.get("bucket", "key", headers={name: value})
        assert reply.status == 412
        assert fromstring(reply.body).findtext("Condition") == name


async def test_whose_bucket_it_is_expected_to_be_is_judged_by_the_origin(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    await gateway.warm("bucket", "key")
    owner = {"x-amz-expected-bucket-owner": "123456789012"}
    for ask in (gateway.client.get, gateway.client.head):
        assert (await ask("bucket", "key", headers=owner)).headers["X-Cache"] == "BYPASS"
        assert origin.counters.calls[-1].headers["x-amz-expected-bucket-owner"] == "123456789012"
