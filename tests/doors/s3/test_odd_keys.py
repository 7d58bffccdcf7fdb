"""Keys that libraries like to normalise: byte-exact through every operation that names one."""

from urllib.parse import unquote_plus

import pytest
from defusedxml.ElementTree import fromstring

from gateway.demo.origin import EmbeddedOrigin
from gateway.protocol.http.percent import encode
from tests.support.gateway_worker import Gateway
from tests.support.raw_connection import raw_connection, request_bytes
from tests.support.signed_client import SignedClient, object_path

KEYS = [
    "a+b",
    "a b",
    "a%b",
    "a%2Fb",
    "%",
    "a//b",
    "/leading",
    "//",
    "trailing/",
    ".",
    "..",
    "./a",
    "../a",
    "a/./b",
    "a/../b",
    "a:b",
    "http://host:80/key",
    "a?b=c",
    "a#b",
    "a&b=c;d",
    "é ü 漢字 🎉",
    "e\u0301",
    "'\"<>\\^`{|}~*!()@$,",
    "k" * 1024,
    "é" * 512,
]
BODY = b"the body of an odd key"


@pytest.mark.parametrize("key", KEYS)
async def test_trap_an_odd_key_is_the_same_in_every_operation(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    client = gateway.client
    assert (await client.put("bucket", key, BODY)).status == 200
    assert origin.read("bucket", key) == BODY
    for _ in range(2):  # cold, then warm
        assert (await client.get("bucket", key)).body == BODY
    assert (await client.head("bucket", key)).headers["Content-Length"] == str(len(BODY))
    assert (await client.get("bucket", key, headers={"Range": "bytes=4-7"})).body == b"body"
    assert await _listed(client) == [key]
    await _copied(client, key)
    assert origin.read("bucket", f"{key[:500]}-copy") == BODY
    await _uploaded_in_parts(client, key)
    assert (await client.get("bucket", key)).body == b"of parts"
    tagging = await client.ask("GET", object_path("bucket", key), query="tagging")
    assert tagging.status == 200
    assert (await client.delete("bucket", key)).status == 204
    assert (await client.get("bucket", key)).status == 404


@pytest.mark.parametrize("key", KEYS)
async def test_trap_an_odd_key_is_deleted_by_name_among_many(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    origin.put("bucket", "stays", BODY)
    escaped = key.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = f"<Delete><Object><Key>{escaped}</Key></Object></Delete>".encode()
    reply = await gateway.client.ask("POST", "/bucket", query="delete", body=body)
    assert fromstring(reply.body).findtext("{*}Deleted/{*}Key") == key
    assert await _listed(gateway.client) == ["stays"]


@pytest.mark.parametrize("spelling", ["/bucket/a%2bb", "/bucket/%61+b", "/bucket/a+b"])
async def test_a_key_may_be_spelt_in_other_ways_than_the_canonical_one(
    gateway: Gateway, origin: EmbeddedOrigin, spelling: str
) -> None:
    origin.put("bucket", "a+b", BODY)
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(gateway.client, "GET", spelling))
        assert (await connection.answer()).body == BODY


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/bucket/a%zz", b"InvalidURI"),
        ("/bucket/%ff", b"InvalidURI"),
        ("/bucket/" + "k" * 1025, b"KeyTooLongError"),
        ("/../etc/passwd", b"InvalidBucketName"),
        ("//bucket/key", b"InvalidBucketName"),
    ],
)
async def test_what_can_be_no_key_is_refused_before_the_origin_hears_of_it(
    gateway: Gateway, origin: EmbeddedOrigin, path: str, code: bytes
) -> None:
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(request_bytes(gateway.client, "GET", path))
        answer = await connection.answer()
    assert (answer.status, code in answer.body) == (400, True)
    assert not origin.counters.calls


async def _listed(client: SignedClient) -> list[str]:
    reply = await client.ask("GET", "/bucket", query="list-type=2&encoding-type=url")
    keys = [node.text or "" for node in fromstring(reply.body).iterfind("{*}Contents/{*}Key")]
    return [unquote_plus(key) for key in keys]


async def _copied(client: SignedClient, key: str) -> None:
    copy = f"{key[:500]}-copy"
    source = {"x-amz-copy-source": f"/bucket/{encode(key)}"}
    assert (await client.put("bucket", copy, b"", headers=source)).status == 200


async def _uploaded_in_parts(client: SignedClient, key: str) -> None:
    path = object_path("bucket", key)
    begun = await client.ask("POST", path, query="uploads")
    upload = fromstring(begun.body).findtext("{*}UploadId")
    part = await client.ask("PUT", path, query=f"partNumber=1&uploadId={upload}", body=b"of parts")
    etag = part.headers["ETag"].replace('"', "&quot;")
    body = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()
    done = await client.ask("POST", path, query=f"uploadId={upload}", body=document)
    assert fromstring(done.body).findtext("{*}Key") == key
