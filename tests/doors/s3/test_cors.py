"""CORS: preflights are the origin's answers, and so is what a page of another site is shown."""

from io import BytesIO

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_cors import CorsRule
from gateway.demo.origin_faults import Fault
from tests.support.form_uploads import CONTENT_TYPE, form_body, signed_fields
from tests.support.gateway_settings import ADMIN
from tests.support.gateway_worker import Gateway
from tests.support.origin_hooks import always
from tests.support.signed_client import Reply

BODY = bytes(range(256)) * 256
SITE, OTHER = "https://shop.example.com", "https://other.example.com"
RULES = (
    CorsRule((SITE,), ("GET",), headers=("range",), exposed=("ETag",)),
    CorsRule(("https://upload.example.com",), ("POST",)),
)


@pytest.fixture(autouse=True)
def rules(origin: EmbeddedOrigin) -> None:
    origin.cors["bucket"] = RULES


async def options(gateway: Gateway, path: str, **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with gateway.session.options(f"{gateway.endpoint}{path}", headers=sent) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def test_a_preflight_is_answered_as_the_origin_does(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "range"}
    reply = await options(gateway, "/bucket/key?X-Amz-Signature=1", Origin=SITE, **asked)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == SITE
    assert reply.headers["Access-Control-Allow-Headers"] == "range"
    assert "Origin" in reply.headers["Vary"]
    for other in (OTHER, "null"):
        refused = await options(gateway, "/bucket/key", Origin=other, **asked)
        assert refused.status == 403
        assert b"<Code>" in refused.body
        assert "Access-Control-Allow-Origin" not in refused.headers


async def test_a_preflight_takes_nothing_there_and_brings_nothing_back_but_cors(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    more = {"Cookie": "c=1", "x_amz_acl": "public-read", "Authorization": "Bearer x"}
    asked = {"Origin": SITE, "Access_Control_Request_Method": "GET"}
    reply = await options(gateway, "/bucket/key?acl&X-Amz-Credential=a", **asked, **more)
    assert reply.status == 200
    (call,) = origin.counters.calls
    assert call.target == "/bucket/key"
    assert set(call.headers) <= {"host", "origin", "access-control-request-method"}
    ours = {"x-amz-request-id", "x-forebay-request-id", "server", "date", "content-length"}
    theirs = {name.lower() for name in reply.headers} - ours
    assert all(name.startswith("access-control-") or name == "vary" for name in theirs)


@pytest.mark.parametrize("sent", [{}, {"Origin": SITE}, {"Access_Control_Request_Method": "GET"}])
async def test_options_that_are_no_preflight_are_refused(
    gateway: Gateway, origin: EmbeddedOrigin, sent: dict[str, str]
) -> None:
    reply = await options(gateway, "/bucket/key", **sent)
    assert (reply.status, b"<Code>BadRequest</Code>" in reply.body) == (400, True)
    assert not origin.counters.requests


@pytest.mark.parametrize("prefix", ["", "bounded/", "immutable/", "bypass/"])
@pytest.mark.parametrize("is_warm", [False, True])
async def test_each_site_is_shown_what_the_origin_shows_it(
    gateway: Gateway, origin: EmbeddedOrigin, prefix: str, is_warm: bool
) -> None:
    key = f"{prefix}key"
    origin.put("bucket", key, BODY)
    if is_warm and prefix != "bypass/":
        await gateway.warm("bucket", key)
    # The rule is for GET: what a HEAD shows (or Forebay's own question) must not stand for it.
    for _ in range(2):
        for site, shown in ((SITE, SITE), (OTHER, None), (None, None), (SITE, SITE)):
            headers = {"Origin": site} if site else {}
            for part in ({}, {"Range": "bytes=5-9"}):
                reply = await gateway.client.get("bucket", key, headers={**headers, **part})
                assert reply.body == (BODY[5:10] if part else BODY)
                assert reply.headers.get("Access-Control-Allow-Origin") == shown
                exposed = reply.headers.get("Access-Control-Expose-Headers")
                assert exposed == ("ETag" if shown else None)
            reply = await gateway.client.head("bucket", key, headers=headers)
            assert "Access-Control-Allow-Origin" not in reply.headers


async def test_a_warm_object_costs_a_site_one_byte(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "key", BODY)
    await gateway.warm("bucket", "key")
    origin.counters.reset()
    reply = await gateway.client.get("bucket", "key", headers={"Origin": SITE})
    assert (reply.body, reply.headers["X-Cache"]) == (BODY, "REVALIDATED")
    assert origin.counters.requests == {"GET": 1}
    assert origin.counters.body_bytes_sent == 1


@pytest.mark.parametrize("is_warm", [False, True])
async def test_what_is_refused_or_unchanged_is_shown_to_the_site_too(
    gateway: Gateway, origin: EmbeddedOrigin, is_warm: bool
) -> None:
    etag = origin.put("bucket", "key", BODY).etag
    if is_warm:
        await gateway.warm("bucket", "key")
    for condition, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-Match": '"another"'}, 412),
        ({"Range": f"bytes={len(BODY)}-"}, 416),
    ):
        headers = {"Origin": SITE, **condition}
        reply = await gateway.client.get("bucket", "key", headers=headers)
        assert reply.status == status
        assert reply.headers["Access-Control-Allow-Origin"] == SITE
    reply = await gateway.client.get("bucket", "absent", headers={"Origin": SITE})
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (404, SITE)


@pytest.mark.parametrize("is_warm", [False, True])
async def test_an_empty_object_is_shown_too(
    gateway: Gateway, origin: EmbeddedOrigin, is_warm: bool
) -> None:
    origin.put("bucket", "empty", b"")
    if is_warm:
        await gateway.warm("bucket", "empty")
    reply = await gateway.client.get("bucket", "empty", headers={"Origin": SITE})
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == SITE


async def test_a_forms_answer_is_shown_to_whom_the_bucket_lets_post(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    fields = signed_fields(ADMIN, {"key": "k"}, [{"bucket": "bucket"}, {"key": "k"}])
    for site, shown in (("https://upload.example.com", True), (SITE, False)):
        async with gateway.session.post(
            f"{gateway.endpoint}/bucket",
            data=BytesIO(form_body(fields, BODY)),
            headers={"Content-Type": CONTENT_TYPE, "Origin": site},
        ) as answer:
            assert answer.status == 204
            assert answer.headers.get("Access-Control-Allow-Origin") == (site if shown else None)


async def test_a_form_is_done_also_where_the_origin_then_says_no_more(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    del origin.cors["bucket"]
    origin.faults.append(always(Fault(is_reset=True), method="OPTIONS"))
    fields = signed_fields(ADMIN, {"key": "k"}, [{"bucket": "bucket"}, {"key": "k"}])
    async with gateway.session.post(
        f"{gateway.endpoint}/bucket",
        data=BytesIO(form_body(fields, BODY)),
        headers={"Content-Type": CONTENT_TYPE, "Origin": SITE},
    ) as answer:
        assert answer.status == 204
    assert origin.read("bucket", "k") == BODY
