"""Hits answered at once say what the pipeline would, and whatever is not plain is left to it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.access.authentication import Authentication
from gateway.demo.origin import EmbeddedOrigin
from gateway.doors.s3.at_once import AtOnce, Promise
from gateway.protocol.http.head import RequestHead
from tests.support.gateway_settings import ADMIN, gateway_settings, gateway_tables
from tests.support.gateway_worker import Gateway, running_worker, until
from tests.support.raw_connection import RawConnection, raw_connection, request_bytes
from tests.support.signed_client import SignedClient

BODY = bytes(range(256)) * 16
KEY = "immutable/key"
OF_ONE_ANSWER = {"x-amz-request-id", "x-forebay-request-id", "Date", "Age"}

Answers = list[bytes | Promise | None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Give what was answered at once, request by request; None was left to the pipeline."""
    seen: Answers = []
    really = AtOnce.answer

    def answer(self: AtOnce, *asked: object) -> bytes | Promise | None:
        seen.append(really(self, *asked))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(AtOnce, "answer", answer)
    return seen


@pytest.fixture
async def warm(answers: Answers, gateway: Gateway, origin: EmbeddedOrigin) -> Gateway:
    """A gateway with the object on flash, and nothing counted yet."""
    headers = {
        "Content-Type": "text/plain",
        "Cache-Control": "max-age=60",
        "x-amz-meta-note": "caf\u00e9",
        "x-amz-checksum-algorithm": "CRC32C",
    }
    origin.put("bucket", KEY, BODY, headers=headers)
    await gateway.warm("bucket", KEY)
    answers.clear()
    return gateway


@pytest.mark.parametrize("headers", [{}, {"x-amz-checksum-mode": "ENABLED"}])
async def test_it_is_the_answer_that_the_pipeline_gives(
    warm: Gateway, answers: Answers, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    at_once = await warm.client.get("bucket", KEY, headers=headers)
    assert answers[0] is not None
    assert at_once.body == BODY
    monkeypatch.setattr(AtOnce, "answer", lambda *_: None)
    piped = await warm.client.get("bucket", KEY, headers=headers)
    assert piped.body == BODY
    for name in OF_ONE_ANSWER:
        assert name in at_once.headers, name
    assert _lasting(at_once.headers.items()) == _lasting(piped.headers.items())


def _signed(gateway: Gateway, key: str) -> bytes:
    return request_bytes(gateway.client, "GET", f"/bucket/{key}")


def _lasting(headers: object) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in headers if name not in OF_ONE_ANSWER)  # type: ignore[attr-defined]


async def test_every_answer_has_an_id_of_its_own(warm: Gateway) -> None:
    ids = {(await warm.client.get("bucket", KEY)).headers["x-amz-request-id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=0-9"}, 206),
        ({"If-None-Match": "*"}, 304),
        ({"If-Match": '"no"'}, 412),
        ({"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"}, 304),
        ({"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 412),
        ({"If-Range": '"no"', "Range": "bytes=0-9"}, 200),
        ({"x-forebay-explain": "1"}, 200),
        ({"Origin": "https://site.example"}, 200),
        ({"x-amz-request-payer": "requester"}, 200),
        ({"x-amz-expected-bucket-owner": "1" * 12}, 200),
    ],
)
async def test_what_is_not_plain_is_left_to_the_pipeline(
    warm: Gateway, answers: Answers, headers: dict[str, str], status: int
) -> None:
    reply = await warm.client.get("bucket", KEY, headers=headers)
    assert reply.status == status
    assert answers == [None]


@pytest.mark.parametrize(
    "query", ["versionId=null", "partNumber=1", "response-content-type=a/b", "tagging=", "x-id=Get"]
)
async def test_a_query_of_more_than_a_signature_is_left_to_the_pipeline(
    warm: Gateway, answers: Answers, query: str
) -> None:
    await warm.client.get("bucket", KEY, query=query)
    assert answers == [None]


async def test_strict_is_asked_about_and_cold_is_fetched(
    warm: Gateway, answers: Answers, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "strict", BODY)
    await warm.warm("bucket", "strict")
    assert (await warm.client.get("bucket", "strict")).body == BODY
    origin.put("bucket", "immutable/cold", BODY)
    assert (await warm.client.get("bucket", "immutable/cold")).body == BODY
    # The second is promised, and the promise hangs on what the origin says.
    assert [type(one) for one in answers] == [type(None), Promise, type(None)]


async def test_bounded_ends_with_its_bound(
    warm: Gateway, answers: Answers, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "bounded/key", BODY)
    await warm.warm("bucket", "bounded/key")
    warm.clock.ahead_seconds = 29
    reply = await warm.client.get("bucket", "bounded/key")
    assert answers[-1] is not None
    assert int(reply.headers["Age"]) >= 28
    origin.put("bucket", "bounded/key", BODY[::-1])
    warm.clock.ahead_seconds = 31
    assert (await warm.client.get("bucket", "bounded/key")).body == BODY[::-1]


async def test_nobody_is_answered_who_would_be_refused(warm: Gateway, answers: Answers) -> None:
    liar = SignedClient(warm.session, warm.endpoint, ADMIN[0], "wrong")
    for client in (liar, warm.stranger):
        reply = await client.get("bucket", KEY)
        assert reply.status == 403
        assert BODY not in reply.body
    assert answers == [None, None]


@pytest.mark.parametrize("key", [KEY, "key"])
async def test_an_explicit_deny_is_obeyed_where_the_body_is_at_hand(
    origin: EmbeddedOrigin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    key: str,
) -> None:
    keys = ("gate-denied", "denied/secret")
    policy = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"bucket/{key}"},
    ]
    denied = {"name": "denied", "access_key": keys[0], "secret_key": keys[1], "policy": policy}
    identities = [*gateway_tables(origin.endpoint, tmp_path)["identities"], denied]
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", identities=identities)
    origin.put("bucket", key, BODY)
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", key)
        for _ in range(2):
            reply = await gateway.as_principal(keys).get("bucket", key)
            assert (reply.status, BODY in reply.body) == (403, False)
        assert (await gateway.client.get("bucket", key)).body == BODY
        assert answers[-1] is not None


async def test_who_may_read_one_bucket_only_is_answered_at_once(
    warm: Gateway, answers: Answers
) -> None:
    assert (await warm.reader.get("bucket", KEY)).body == BODY
    assert answers[-1] is not None


async def test_a_write_through_the_gateway_ends_it(warm: Gateway, answers: Answers) -> None:
    assert (await warm.client.get("bucket", KEY)).body == BODY
    assert (await warm.client.put("bucket", KEY, BODY[::-1])).status == 200
    assert (await warm.client.get("bucket", KEY)).body == BODY[::-1]
    assert answers[0] is not None
    assert answers[-1] is None


async def test_requests_in_a_row_are_answered_in_their_order(warm: Gateway) -> None:
    """Pipelined, some at once and some not: the answers come in the order of the requests."""
    other = "strict-key"
    await warm.client.put("bucket", other, b"other")
    asked = [KEY, other, KEY, KEY, other, KEY] * 5
    async with raw_connection(warm.endpoint) as connection:
        for at_a_time in (1, 2, 3, 30):
            for first in range(0, 30, at_a_time):
                keys = asked[first : first + at_a_time]
                await connection.send(b"".join(_signed(warm, key) for key in keys))
                bodies = [(await connection.answer()).body for _ in keys]
                assert bodies == [BODY if key == KEY else b"other" for key in keys]


async def test_a_head_in_two_pieces_is_one_request(warm: Gateway, answers: Answers) -> None:
    request = _signed(warm, KEY)
    async with raw_connection(warm.endpoint) as connection:
        for cut in (1, 20, len(request) - 1):
            await connection.send(request[:cut])
            await asyncio.to_thread(list)  # a turn of the loop for the gateway
            await connection.send(request[cut:])
            assert (await connection.answer()).body == BODY
    assert all(answers)


async def test_who_closes_and_who_speaks_http10_is_left_to_the_pipeline(
    warm: Gateway, answers: Answers
) -> None:
    request = _signed(warm, KEY)
    closing = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for asked in (closing, request.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")):
        async with raw_connection(warm.endpoint) as connection:
            await connection.send(asked)
            assert (await connection.answer()).body == BODY
            assert await connection.ended()
    assert answers == []


async def test_a_client_that_does_not_read_is_not_answered_for_ever(
    warm: Gateway, answers: Answers
) -> None:
    """What was answered and not taken waits in memory: beyond the buffers it takes a task."""
    async with raw_connection(warm.endpoint) as connection:
        with pytest.raises(TimeoutError):  # nobody looks at its requests any more
            await _ask_for_ever(connection, _signed(warm, KEY), answers)
    assert 0 < sum(len(one) for one in answers if isinstance(one, bytes)) < 32 * 1024 * 1024


async def _ask_for_ever(connection: RawConnection, request: bytes, answers: Answers) -> None:
    """Send the next request when somebody has looked at the one before it, and never read."""
    for number in range(20_000):
        await connection.send(request)
        await until(partial(_has_more_than, answers, number), seconds_max=2)


def _has_more_than(answers: Answers, number: int) -> bool:
    return len(answers) > number


async def test_the_access_log_has_its_line(
    origin: EmbeddedOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> None:
    path = tmp_path / "access.log"
    log = {"access": str(path)}
    settings = gateway_settings(origin.endpoint, tmp_path / "flash", log=log)
    origin.put("bucket", KEY, BODY)
    async with running_worker(settings, monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        answers.clear()
        reply = await gateway.client.get("bucket", KEY)
        identity = reply.headers["x-amz-request-id"]
        await until(lambda: path.exists() and identity in path.read_text())
    line = next(line for line in path.read_text().splitlines() if identity in line)
    assert answers[0] is not None
    for said in ('"cache":"HIT"', '"status":200', '"bytes_out":4096', '"principal":"admin"'):
        assert said in line


async def test_who_asks_is_proven_once_where_the_origin_must_be_asked(
    warm: Gateway, origin: EmbeddedOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven: list[str] = []
    really = Authentication._prove

    def prove(self: Authentication, head: RequestHead) -> Any:
        proven.append(head.path)
        return really(self, head)

    monkeypatch.setattr(Authentication, "_prove", prove)
    origin.put("bucket", "strict", BODY)
    assert (await warm.client.get("bucket", "strict")).body == BODY
    assert (await warm.client.get("bucket", KEY)).body == BODY
    assert proven == ["/bucket/strict", f"/bucket/{KEY}"]
