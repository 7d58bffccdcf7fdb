"""What is judged is what is done: no spelling makes the origin do something else."""

from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_settings import gateway_tables
from tests.support.gateway_worker import Gateway
from tests.support.origin_acls import NOBODY, Acls
from tests.support.origins import new_origin
from tests.support.raw_connection import raw_connection
from tests.support.signed_client import object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = b"secret of bucket" * 64
WRITER = ("gate-writer", "writer/secret")
_MAY_WRITE = [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "bucket/in/*"}]
_PAGES = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/*.html"}]


@pytest.fixture(scope="module")
def gateway_changes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tables = gateway_tables("http://127.0.0.1:1", tmp_path_factory.mktemp("unused"))
    keys = {"access_key": WRITER[0], "secret_key": WRITER[1]}
    more = [
        {"name": "writer", **keys, "policy": _MAY_WRITE},
        {"name": "everyone", "anonymous": True, "policy": _PAGES},
    ]
    return {"identities": [*tables["identities"], *more]}


@pytest.mark.parametrize("query", ["unheard-of=1", "partNumber=1", "tagging&acl", "annotation"])
async def test_a_copy_under_another_name_reads_no_source(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, query: str
) -> None:
    origin.put("bucket", key, SECRET)
    headers = {"x-amz-copy-source": object_path("bucket", key)}
    reply = await gateway.stranger.put("other", key, b"", query=query, headers=headers)
    assert reply.status in {400, 403, 501}
    assert (await gateway.stranger.get("other", key)).body != SECRET
    assert not [call for call in origin.counters.calls if call.method == "PUT"]


async def test_a_rename_is_refused_since_its_source_is_not_judged(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    headers = {"x-amz-rename-source": object_path("bucket", key)}
    reply = await gateway.client.put("other", key, b"", query="renameObject", headers=headers)
    assert reply.status == 501
    assert not origin.counters.requests


async def test_a_connection_header_takes_no_condition_and_no_encryption_off(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, SECRET)
    headers = {
        "If-None-Match": "*",
        "x-amz-meta-kept": "yes",
        "Connection": "if-none-match, x-amz-meta-kept",
    }
    reply = await gateway.client.put("bucket", key, b"overwritten", headers=headers)
    assert reply.status == 412
    assert origin.read("bucket", key) == SECRET
    assert origin.counters.calls[-1].headers["x-amz-meta-kept"] == "yes"


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Forwarded",
        "X-Minio-Force-Delete",
        "X-Minio-Source-Mtime",
        "X-HTTP-Method-Override",
    ],
)
async def test_what_nobody_signed_says_nothing_to_the_origins_own_switches(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, name: str
) -> None:
    for method in ("PUT", "GET", "DELETE"):
        headers = {name: "true", "Cache-Control": "no-store"}
        await gateway.client.ask(method, object_path("bucket", key), headers=headers)
        assert origin.counters.calls[-1].method == method
        assert name not in CIMultiDict(origin.counters.calls[-1].headers)


async def test_an_archive_that_the_origin_would_unpack_is_refused(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    headers = {"X-Amz-Meta-Snowball-Auto-Extract": "true"}
    reply = await gateway.as_principal(WRITER).put("bucket", f"in/{key}", b"tar", headers=headers)
    assert reply.status == 501
    assert not origin.counters.requests
    assert (await gateway.as_principal(WRITER).put("bucket", f"in/{key}", b"x")).status == 200


async def test_a_version_is_meant_however_its_parameter_is_spelt(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    old = (await gateway.client.put("versioned", key, b"old")).headers["x-amz-version-id"]
    await gateway.client.put("versioned", key, b"new")
    for name in ("versionId", "version%49d"):
        reply = await gateway.client.get("versioned", key, query=f"{name}={old}")
        assert reply.body == b"old"


async def test_a_response_header_is_set_however_its_parameter_is_spelt(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, SECRET)
    for name in ("response-content-type", "res%70onse-content-type"):
        reply = await gateway.client.get("bucket", key, query=f"{name}=text%2Fx-own")
        assert reply.headers["Content-Type"] == "text/x-own"


@pytest.mark.parametrize("mark", ["#", "\t"], ids=["fragment", "tab"])
async def test_every_byte_of_a_target_goes_to_the_origin(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, mark: str
) -> None:
    """What a URL library would cut off is a part of the key that was judged."""
    key = f"odd/{len(mark.encode())}{ord(mark)}"
    Acls(origin).denied[NOBODY].clear()
    origin.put("bucket", key, SECRET)
    origin.put("bucket", f"{key}.html", SECRET)
    path = f"{object_path('bucket', key)}{mark}.html"
    async with raw_connection(gateway.endpoint) as connection:
        await connection.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nCache-Control: no-store\r\n\r\n".encode()
        )
        answer = await connection.answer()
    origin.authenticate = new_origin().authenticate
    assert SECRET not in answer.body
    assert answer.status in {400, 403, 404}
