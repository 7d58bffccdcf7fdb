"""Access: each request on its own right, and a denied one learns nothing."""

import asyncio
import re

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from tests.support.gateway_settings import COPIER
from tests.support.gateway_worker import Gateway
from tests.support.origin_hooks import once
from tests.support.signed_client import Reply, SignedClient, object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = bytes(range(256)) * 256
Question = tuple[str, str, dict[str, str]]
META = {"x-amz-meta-colour": "green"}

# Every way to ask for an object, each of which takes another path through the gateway.
QUESTIONS = pytest.mark.parametrize(
    "question",
    [
        ("GET", "", {}),
        ("GET", "", {"Range": "bytes=0-3"}),
        ("GET", "", {"Range": "bytes=-3"}),
        ("GET", "", {"If-None-Match": '"other"'}),
        ("GET", "", {"If-Match": '"other"'}),
        ("GET", "partNumber=1", {}),
        ("GET", "versionId=null", {}),
        ("GET", "", {"x-amz-request-payer": "requester"}),
        ("HEAD", "", {}),
        ("HEAD", "", {"Range": "bytes=0-3"}),
        ("HEAD", "partNumber=1", {}),
        ("HEAD", "", {"If-None-Match": '"other"'}),
    ],
    ids=lambda value: str(value) or "-",
)


@QUESTIONS
@pytest.mark.parametrize("prefix", ["", "bypass/", "bounded/", "immutable/"])
async def test_who_may_not_list_cannot_tell_absent_from_forbidden(
    gateway: Gateway, origin: EmbeddedOrigin, key: str, prefix: str, question: Question
) -> None:
    key = prefix + key
    absent, gone = key, f"{key}/gone"
    origin.put("bucket", gone, BODY)
    await gateway.client.get("bucket", gone)
    assert (await gateway.client.delete("bucket", gone)).status == 204
    for name in (absent, gone):
        reply = await _ask(gateway.reader, name, question)
        forbidden = await _ask(gateway.stranger, name, question)
        assert reply.status == 403
        assert _told(reply) == _told(forbidden)


@QUESTIONS
async def test_an_object_that_vanished_behind_a_row_is_not_told_either(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    key: str,
    question: Question,
) -> None:
    origin.put("bucket", key, BODY)
    await gateway.warm("bucket", key)
    origin.delete("bucket", key)
    reply = await _ask(gateway.reader, key, question)
    forbidden = await _ask(gateway.stranger, key, question)
    assert reply.status == 403
    assert _told(reply) == _told(forbidden)


@QUESTIONS
async def test_a_denied_request_learns_nothing_of_an_object_that_is_there(
    gateway: Gateway,
    origin: EmbeddedOrigin,
    key: str,
    question: Question,
) -> None:
    origin.put("bucket", key, BODY, headers=META)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    there = await _ask(gateway.stranger, key, question)
    absent = await _ask(gateway.stranger, f"{key}/absent", question)
    assert there.status == 403
    assert _told(there) == _told(absent)
    # Neither was the origin asked, whose answer takes a time that tells.
    assert not origin.counters.requests


async def test_who_may_list_is_told_what_is_absent(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    reply = await gateway.client.get("bucket", key)
    assert reply.status == 404
    assert b"<Code>NoSuchKey</Code>" in reply.body
    assert (await gateway.client.head("bucket", key)).status == 404


async def test_trap_a_coalesced_waiter_is_authorised_on_its_own_right(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY, headers=META)
    held = Gate()
    origin.faults.append(once("GET", Fault(hold_answer=held)))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        denied = await gateway.stranger.get("bucket", key)
        nobody = await gateway.as_principal(("nobody", "nothing")).get("bucket", key)
        allowed = tasks.create_task(gateway.reader.get("bucket", key))
        held.release()
    assert (denied.status, nobody.status) == (403, 403)
    assert first.result().body == allowed.result().body == BODY


async def test_every_hit_is_authenticated(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    for mode in ("", "immutable/", "bounded/"):
        origin.put("bucket", mode + key, BODY)
        await gateway.warm("bucket", mode + key)
        origin.counters.reset()
        wrong = gateway.as_principal(("gate-admin", "a wrong secret"))
        for client, code in (
            (wrong, b"SignatureDoesNotMatch"),
            (gateway.stranger, b"AccessDenied"),
        ):
            reply = await client.get("bucket", mode + key)
            assert reply.status == 403
            assert b"<Code>" + code + b"</Code>" in reply.body
        async with gateway.session.get(f"{gateway.endpoint}/bucket/{mode}{key}") as unsigned:
            assert unsigned.status == 403
        assert not origin.counters.requests


async def test_a_copy_does_not_tell_whether_its_source_is_there(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    both = SignedClient(gateway.session, gateway.endpoint, *COPIER)
    replies = []
    for source in (f"/bucket/{key}", f"/versioned/{key}"):  # may be read and is absent, may not
        headers = {"x-amz-copy-source": source}
        replies.append(await both.put("other", key, b"", headers=headers))
    absent, forbidden = replies
    assert absent.status == 403
    assert _told(absent) == _told(forbidden)


async def test_a_denied_write_leaves_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, key: str
) -> None:
    origin.put("bucket", key, BODY)
    assert (await gateway.reader.put("bucket", key, b"x")).status == 403
    assert (await gateway.reader.delete("bucket", key)).status == 403
    copy = {"x-amz-copy-source": f"/bucket/{key}"}
    assert (await gateway.stranger.put("other", key, b"", headers=copy)).status == 403
    assert origin.read("bucket", key) == BODY
    assert not origin.counters.requests


async def _ask(client: SignedClient, key: str, question: Question) -> Reply:
    method, query, headers = question
    return await client.ask(method, object_path("bucket", key), query=query, headers=headers)


def _told(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """Return everything an answer says, without what is of the request alone."""
    own = {"date", "x-amz-request-id", "x-forebay-request-id", "content-length"}
    headers = {name.lower(): value for name, value in reply.headers.items()}
    body = re.sub(rb"<(Resource|RequestId)>[^<]*</", rb"<\1></", reply.body)
    return reply.status, {n: v for n, v in headers.items() if n not in own}, body
