"""The access matrix: principal x operation x resource x state of the door, denied in every cell.

Of a denied request the answer has no byte and no header of the object, the origin is not asked
(its answer would take a time that tells), and it is the same for an object that is there and for
one that is not.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_faults import Fault, Gate
from gateway.settings.tree import Settings
from tests.support.access_matrix import (
    DENIED,
    GROUPS,
    OF_BUCKET,
    OTHERS,
    READS,
    STATE_KEY,
    Asking,
    Denied,
    ask,
    identities,
)
from tests.support.gateway_worker import Gateway
from tests.support.origin_hooks import once
from tests.support.signed_client import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = b"nobody may see these bytes " * 2000
META = {"x-amz-meta-colour": "green", "Cache-Control": "max-age=60", "Content-Language": "de"}
PREFIXES = ("", "bounded/", "immutable/")
CODES = {
    "unknown": "InvalidAccessKeyId",
    "wrong-secret": "SignatureDoesNotMatch",
}
READER = Denied(
    "reader",
    [
        {"Effect": "Allow", "Action": "s3:GetObject*", "Resource": "bucket/*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "bucket/*shut*"},
    ],
)
UNKNOWN_TO_THE_ORIGIN = {"acl", "attributes"}
"""What the embedded origin has no words for, whether the object is there or not."""
OURS = {"content-length", "content-type", "date", "server", "x-amz-request-id"}
OURS |= {"x-forebay-request-id", "connection"}


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    tables = [who.tables() for who in (*DENIED, READER)]
    key = b64encode(STATE_KEY).decode()
    return {"identities": identities(*tables), "groups": GROUPS, "state": {"key": key}}


@asynccontextmanager
async def cold(
    gateway: Gateway, origin: EmbeddedOrigin, who: Denied, key: str
) -> AsyncIterator[None]:
    """Nothing of the object was ever asked for."""
    origin.put("bucket", key, BODY, headers=META)
    origin.counters.reset()
    yield


@asynccontextmanager
async def warm(
    gateway: Gateway, origin: EmbeddedOrigin, who: Denied, key: str
) -> AsyncIterator[None]:
    """The whole object is on flash."""
    origin.put("bucket", key, BODY, headers=META)
    await gateway.warm("bucket", key)
    origin.counters.reset()
    yield


@asynccontextmanager
async def joined(
    gateway: Gateway, origin: EmbeddedOrigin, who: Denied, key: str
) -> AsyncIterator[None]:
    """Somebody who may is just being answered, and others could wait for the same answer."""
    origin.put("bucket", key, BODY, headers=META)
    held = Gate()
    origin.faults.append(once("GET", Fault(hold_answer=held), key=key))
    async with asyncio.TaskGroup() as tasks:
        allowed = tasks.create_task(gateway.client.get("bucket", key))
        await held.wait_arrived()
        origin.counters.reset()
        yield
        held.release()
    assert allowed.result().body == BODY


@asynccontextmanager
async def revoked(
    gateway: Gateway, origin: EmbeddedOrigin, who: Denied, key: str
) -> AsyncIterator[None]:
    """It may read the object, reads it, and then may no more."""
    origin.put("bucket", key, BODY, headers=META)
    get = READS[0]
    await reload(gateway, who.allowed_tables())
    await until_status(gateway, who, key, 200)
    await gateway.warm("bucket", key)
    assert (await ask(gateway, who, get, "bucket", key)).body == BODY
    await reload(gateway, *(one.tables() for one in (*DENIED, READER)))
    await until_status(gateway, who, key, 403)
    origin.counters.reset()
    yield


async def reload(gateway: Gateway, *tables: list[dict[str, Any]]) -> None:
    """Bring other identities to the worker, as SIGHUP does."""
    changed = gateway.settings.model_dump(
        context={"reveal_secrets": True}, mode="json", by_alias=True
    )
    changed |= {"identities": identities(*tables), "groups": GROUPS}
    await gateway.reloads.put(Settings.model_validate(changed))


async def until_status(gateway: Gateway, who: Denied, key: str, status: int) -> None:
    async with asyncio.timeout(20):
        while (await ask(gateway, who, READS[0], "bucket", key)).status != status:
            pass


STATES = {state.__name__: state for state in (cold, warm, joined, revoked)}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", DENIED, ids=lambda who: who.name)
async def test_every_cell_is_denied_and_tells_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, who: Denied, state: str
) -> None:
    if state == "revoked" and (who.is_anonymous or who.session_policy):
        return  # nobody has ever allowed what is anonymous, or what its own session denies
    for prefix in PREFIXES:
        key, absent = (f"{prefix}{who.name}-{state}-{end}" for end in ("there", "gone!"))
        async with STATES[state](gateway, origin, who, key):
            for asking in (*READS, *OTHERS):
                if asking.name in who.may:
                    continue
                there = await ask(gateway, who, asking, "bucket", key)
                require_denied(there, who, asking)
                gone = await ask(gateway, who, asking, "bucket", absent)
                assert told(there) == told(gone), asking
            for asking in OF_BUCKET:
                if asking.name not in who.may:
                    require_denied(await ask(gateway, who, asking, "bucket", ""), who, asking)
            assert not origin.counters.requests
        assert origin.read("bucket", key) == BODY


@pytest.mark.parametrize("state", ["cold", "warm", "joined"])
async def test_absent_and_forbidden_are_one_without_the_right_to_list(
    gateway: Gateway, origin: EmbeddedOrigin, state: str
) -> None:
    for prefix in PREFIXES:
        forbidden, absent = (f"{prefix}reader-{state}-{end}" for end in ("shut", "gone"))
        async with STATES[state](gateway, origin, READER, forbidden):
            for asking in READS:
                if asking.name in UNKNOWN_TO_THE_ORIGIN:
                    continue
                denied = await ask(gateway, READER, asking, "bucket", forbidden)
                require_denied(denied, READER, asking)
                gone = await ask(gateway, READER, asking, "bucket", absent)
                assert told(denied) == told(gone), asking


@pytest.mark.parametrize("state", STATES)
async def test_keys_in_a_body_are_denied_one_by_one(
    gateway: Gateway, origin: EmbeddedOrigin, state: str
) -> None:
    for who in DENIED:
        if who.name in CODES or who.is_anonymous or (state == "revoked" and who.session_policy):
            continue
        key, absent = (f"deleted-{who.name}-{state}-{end}" for end in ("there", "gone!"))
        keys = "".join(f"<Object><Key>{one}</Key></Object>" for one in (key, absent))
        body = f"<Delete>{keys}</Delete>".encode()
        async with STATES[state](gateway, origin, who, key):
            asking = Asking("delete", "POST", "delete", body=body, is_of_bucket=True)
            reply = await ask(gateway, who, asking, "bucket", "")
            assert reply.status == 200
            assert b"<Deleted>" not in reply.body
            errors = re.findall(rb"<Error>.*?</Error>", reply.body, re.DOTALL)
            there, gone = (error.replace(b"gone!", b"there") for error in errors)
            assert there == gone
            assert b"<Code>AccessDenied</Code>" in there
            assert not origin.counters.requests
        assert origin.read("bucket", key) == BODY
        origin.faults.clear()


def require_denied(reply: Reply, who: Denied, asking: Asking) -> None:
    """Assert that an answer is a denial without a byte or a header of the object."""
    assert reply.status == 403, (who, asking, reply)
    names = {name.lower() for name in reply.headers}
    assert names <= OURS, (who, asking, names - OURS)
    assert reply.headers["Content-Type"] == "application/xml"
    if asking.method == "HEAD":
        assert reply.body == b""
    else:
        code = CODES.get(who.name, "AccessDenied")
        assert f"<Code>{code}</Code>".encode() in reply.body, (who, asking, reply.body)
    assert b"bytes" not in reply.body.replace(b"<StringToSignBytes>", b"")
    assert b"green" not in reply.body


def told(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """Return all that an answer says, but for what is of the request alone."""
    own = {"date", "x-amz-request-id", "x-forebay-request-id"}
    headers = {name.lower(): value for name, value in reply.headers.items()}
    body = re.sub(rb"<(Resource|RequestId)>[^<]*</", rb"<\1></", reply.body)
    return reply.status, {n: "" if n in own else v for n, v in headers.items()}, body
