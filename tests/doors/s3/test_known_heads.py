"""A head that comes again is judged again in all that may have changed, and skipped in the rest."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.assembly import doors
from gateway.demo.origin import EmbeddedOrigin
from gateway.doors.s3 import at_once
from gateway.doors.s3.at_once import AtOnce
from gateway.flash.store import Extent, Flash, Row
from gateway.model.names import ObjectName
from gateway.settings.tree import Settings
from tests.support.gateway_settings import ADMIN, READER, gateway_tables
from tests.support.gateway_worker import Gateway, running_worker, until
from tests.support.raw_connection import Answer, RawConnection, raw_connection, request_bytes

BODY = bytes(range(256)) * 16
KEY = "immutable/key"

Again = list[bool]
MakeSettings = Callable[..., Settings]


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> Again:
    """Give, request by request, whether it was answered without being parsed."""
    seen: Again = []
    really = AtOnce.answer_again

    def answer_again(self: AtOnce, *asked: Any) -> bytes | None:
        answer = really(self, *asked)
        seen.append(answer is not None)
        return answer

    monkeypatch.setattr(AtOnce, "answer_again", answer_again)
    return seen


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, timedelta]:
    """Give the clock of signatures and policies, as what is added to the real one."""
    ahead = {"by": timedelta()}
    monkeypatch.setattr(doors, "now", lambda: datetime.now(UTC) + ahead["by"])
    return ahead


@pytest.fixture
def settings(origin: EmbeddedOrigin, tmp_path: Path) -> MakeSettings:
    """Give what makes the settings of a gateway, with changes."""

    def make(**changes: Any) -> Settings:
        tables = gateway_tables(origin.endpoint, tmp_path / "flash", **changes)
        return Settings.model_validate(tables, context={"folder": tmp_path})

    return make


@pytest.fixture
async def warm(
    again: Again,
    clock: dict[str, timedelta],
    origin: EmbeddedOrigin,
    settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Gateway]:
    """A gateway with the object on flash."""
    origin.put("bucket", KEY, BODY)
    async with running_worker(settings(), monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        yield gateway


@pytest.fixture
async def connection(warm: Gateway) -> AsyncIterator[RawConnection]:
    async with raw_connection(warm.endpoint) as opened:
        yield opened


async def ask(connection: RawConnection, request: bytes) -> Answer:
    await connection.send(request)
    return await connection.answer()


async def known(connection: RawConnection, gateway: Gateway, again: Again, key: str = KEY) -> bytes:
    """Return a request whose head is known by now."""
    request = request_bytes(gateway.client, "GET", f"/bucket/{key}")
    for _ in range(3):
        assert (await ask(connection, request)).body == BODY
    assert again[-1]
    return request


async def test_the_third_answer_is_the_first(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    request = request_bytes(warm.client, "GET", f"/bucket/{KEY}")
    again.clear()
    answers = [await ask(connection, request) for _ in range(4)]
    assert again == [False, False, True, True]
    ids = {one.headers["x-amz-request-id"] for one in answers}
    assert len(ids) == 4
    for answer in answers:
        assert answer.body == BODY
        assert list(answer.headers) == list(answers[0].headers)
        assert answer.headers["ETag"] == answers[0].headers["ETag"]


async def test_it_is_known_on_every_connection(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    request = await known(connection, warm, again)
    async with raw_connection(warm.endpoint) as other:
        assert (await ask(other, request)).body == BODY
    assert again[-1]


async def test_a_changed_byte_is_judged_anew(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    request = await known(connection, warm, again)
    at = request.index(b"Signature=") + len(b"Signature=")
    other = b"0" if request[at : at + 1] != b"0" else b"1"
    changed = request[:at] + other + request[at + 1 :]
    for _ in range(2):
        assert (await ask(connection, changed)).status == 403
        assert not again[-1]
    assert (await ask(connection, request)).body == BODY


async def test_its_time_ends(
    connection: RawConnection, warm: Gateway, again: Again, clock: dict[str, timedelta]
) -> None:
    request = await known(connection, warm, again)
    clock["by"] = timedelta(minutes=16)
    answer = await ask(connection, request)
    assert answer.status == 403
    assert b"RequestTimeTooSkewed" in answer.body
    assert not again[-1]
    clock["by"] = timedelta()
    assert (await ask(connection, request)).body == BODY


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "admin", "access_key": ADMIN[0], "secret_key": "another", "policy": "admin"},
        {"name": "admin", "access_key": "another", "secret_key": ADMIN[1], "policy": "admin"},
        {
            "name": "admin",
            "access_key": ADMIN[0],
            "secret_key": ADMIN[1],
            "policy": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
        },
    ],
    ids=["its secret", "its key", "its policy"],
)
async def test_a_reload_takes_effect_on_it(
    connection: RawConnection,
    warm: Gateway,
    again: Again,
    settings: MakeSettings,
    changed: dict[str, object],
) -> None:
    request = await known(connection, warm, again)
    reader = {"name": "r", "access_key": READER[0], "secret_key": READER[1], "policy": "read-only"}
    made = settings(identities=[changed, reader])
    await warm.reloads.put(made)
    await until(warm.reloads.empty)
    assert (await ask(connection, request)).status == 403
    assert not again[-1]


async def test_who_gets_a_rate_is_counted_from_then_on(
    connection: RawConnection,
    warm: Gateway,
    again: Again,
    settings: MakeSettings,
) -> None:
    request = await known(connection, warm, again)
    slow = {
        "name": "admin",
        "access_key": ADMIN[0],
        "secret_key": ADMIN[1],
        "policy": "admin",
        "requests_per_second_max": 1,
    }
    await warm.reloads.put(settings(identities=[slow]))
    await until(warm.reloads.empty)
    statuses = [(await ask(connection, request)).status for _ in range(3)]
    assert 503 in statuses
    assert not any(again[-3:])


async def test_a_rule_that_becomes_strict_is_obeyed(
    connection: RawConnection,
    warm: Gateway,
    again: Again,
    origin: EmbeddedOrigin,
    settings: MakeSettings,
) -> None:
    request = await known(connection, warm, again)
    await warm.reloads.put(settings(rules=[]))
    await until(warm.reloads.empty)
    origin.put("bucket", KEY, BODY[::-1])
    assert (await ask(connection, request)).body == BODY[::-1]


@pytest.mark.parametrize(
    "condition",
    [
        {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}},
    ],
)
async def test_a_policy_that_asks_something_is_asked_each_time(
    condition: dict[str, object],
    origin: EmbeddedOrigin,
    settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    again: Again,
) -> None:
    may = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}
    one = {"name": "a", "access_key": ADMIN[0], "secret_key": ADMIN[1], "policy": [may]}
    origin.put("bucket", KEY, BODY)
    async with running_worker(settings(identities=[one]), monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        request = request_bytes(gateway.client, "GET", f"/bucket/{KEY}")
        async with raw_connection(gateway.endpoint) as connection:
            for _ in range(3):
                assert (await ask(connection, request)).body == BODY
    assert not any(again)


async def test_what_was_written_meanwhile_is_served(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    request = await known(connection, warm, again)
    assert (await warm.client.put("bucket", KEY, BODY[::-1])).status == 200
    assert (await ask(connection, request)).body == BODY[::-1]
    assert not again[-1]


@pytest.mark.parametrize("is_known", [False, True])
async def test_what_another_worker_writes_while_a_hit_is_looked_for_is_served_from_then_on(
    gateway: Gateway, origin: EmbeddedOrigin, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    name = ObjectName("bucket", "exclusive/key")
    origin.put(name.bucket, name.key, BODY)
    await gateway.warm(name.bucket, name.key)
    flash = gateway.flash
    really = flash.extents

    def extents(body: bytes, numbers: range) -> Mapping[int, Extent]:
        """Look, after another worker has written between this look and that at the row."""
        monkeypatch.setattr(flash, "extents", really)
        origin.put(name.bucket, name.key, BODY[::-1])
        volume = flash._lifeline.live
        assert volume is not None
        with volume.index.write() as writing:
            writing.forget(name, time.time_ns())
        return really(body, numbers)

    async with raw_connection(gateway.endpoint) as connection:
        request = request_bytes(gateway.client, "GET", f"/{name}")
        if is_known:
            assert (await ask(connection, request)).body == BODY
            flash.put_row(row_of(flash, name))  # a commit: what was noted is looked at again
            await until(lambda: not flash._rows._queued)
        monkeypatch.setattr(flash, "extents", extents)
        await ask(connection, request)
        assert (await ask(connection, request)).body == BODY[::-1]


def row_of(flash: Flash, name: ObjectName) -> Row:
    row = flash.find_row(name)
    assert row is not None
    return row


async def test_bounded_ends_with_its_bound(
    connection: RawConnection, warm: Gateway, again: Again, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "bounded/key", BODY)
    await warm.warm("bucket", "bounded/key")
    request = await known(connection, warm, again, "bounded/key")
    origin.put("bucket", "bounded/key", BODY[::-1])
    warm.clock.ahead_seconds = 29
    assert (await ask(connection, request)).body == BODY
    warm.clock.ahead_seconds = 31
    assert (await ask(connection, request)).body == BODY[::-1]


async def test_every_answer_is_logged_and_audited(
    origin: EmbeddedOrigin,
    settings: MakeSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    again: Again,
) -> None:
    access, audit = tmp_path / "access.log", tmp_path / "audit.log"
    log = {"access": str(access)}
    made = settings(log=log, audit={"log": str(audit)})
    origin.put("bucket", KEY, BODY)
    async with running_worker(made, monkeypatch) as gateway:
        await gateway.warm("bucket", KEY)
        async with raw_connection(gateway.endpoint) as connection:
            request = await known(connection, gateway, again)
            ids = [(await ask(connection, request)).headers["x-amz-request-id"] for _ in range(3)]
        await until(lambda: access.exists() and ids[-1] in access.read_text())
    assert all(again[-3:])
    for path in (access, audit):
        told = [json.loads(line)["request_id"] for line in path.read_text().splitlines()]
        assert [told.count(one) for one in ids] == [1, 1, 1], path
    resources = {json.loads(line)["resource"] for line in audit.read_text().splitlines()}
    assert resources == {f"bucket/{KEY}"}


async def test_a_known_head_in_the_middle_of_another_is_no_request(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    """Whoever has the beginning of another head waiting does not get the known one's answer."""
    request = await known(connection, warm, again)
    # One whole request and the beginning of the next: the parser stands in the middle of a head.
    await connection.send(request + b"GET /bucket/none HTTP/1.1\r\nX-Odd: ")
    assert (await connection.answer()).body == BODY
    answer = await ask(connection, request)
    assert answer.status == 403
    assert BODY not in answer.body


@pytest.mark.parametrize("between", [b"", b"\r\n"])
async def test_after_a_request_with_a_body_it_is_known_again(
    connection: RawConnection, warm: Gateway, again: Again, between: bytes
) -> None:
    request = await known(connection, warm, again)
    upload = request_bytes(warm.client, "PUT", "/bucket/other", body=b"12345")
    upload = upload.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n12345")
    assert (await ask(connection, upload)).status == 200
    again.clear()
    assert (await ask(connection, between + request)).body == BODY
    assert (await ask(connection, request)).body == BODY
    assert again[-1]


async def test_heads_in_a_row_are_answered_in_their_order(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    await warm.client.put("bucket", "strict", b"strict")
    first = await known(connection, warm, again)
    second = request_bytes(warm.client, "GET", "/bucket/strict")
    for asked in ([first, second, first], [second, first], [first, first], [second, second, first]):
        await connection.send(b"".join(asked))
        bodies = [(await connection.answer()).body for _ in asked]
        assert bodies == [BODY if one is first else b"strict" for one in asked]


async def test_no_more_than_so_many_are_known(
    connection: RawConnection, warm: Gateway, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "_KNOWN_MAX", 2)
    request = await known(connection, warm, again)
    for number in range(2):
        other = request_bytes(
            warm.client, "GET", f"/bucket/{KEY}", unsigned={"User-Agent": str(number)}
        )
        for _ in range(2):
            assert (await ask(connection, other)).body == BODY
    again.clear()
    assert (await ask(connection, request)).body == BODY
    assert again == [False]


async def test_a_long_head_is_not_kept(
    connection: RawConnection, warm: Gateway, again: Again
) -> None:
    request = request_bytes(
        warm.client, "GET", f"/bucket/{KEY}", unsigned={"User-Agent": "long" * 1200}
    )
    again.clear()
    for _ in range(3):
        assert (await ask(connection, request)).body == BODY
    assert not any(again)
