"""The admin API over the wire: signed by AWS's own signer, each action judged, nothing leaked."""

import asyncio
import json
import shutil
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.identities import Identities, Identity, Written
from gateway.access.policy import compile_policy
from gateway.doors.admin.answers import _BY_KIND, status_of
from gateway.doors.admin.identities import BODY_BYTES_MAX, IdentityDoor, Parts
from gateway.doors.admin.listener import serving_admin
from gateway.model.failures import Failure
from gateway.telemetry.audit_log import AuditLog
from tests.support.kept import Kept


def identity(name, policy):
    return Identity(name, f"{name}-key", f"{name}-secret", compile_policy(policy))


def allowed(actions, resources):
    return [{"Effect": "Allow", "Action": actions, "Resource": resources}]


FROM_ELSEWHERE = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
BOSS = identity("boss", "admin")
PEOPLE = (
    BOSS,
    identity("reader", "read-only"),
    identity("s3-admin", allowed("s3:*", "*")),
    identity("lister", allowed("forebay:List*", "*")),
    identity("keeper", allowed("forebay:*", "identity/team-*")),
    identity("bucketeer", allowed("*", ["identity", "identity/*", "*/ann", "?*"])),
    identity("local", [{**allowed("forebay:*", "*")[0], "Condition": FROM_ELSEWHERE}]),
)


class Reply:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def tree(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.tree["code"]


class Operator:
    """Asks the admin API as anybody, signed by botocore."""

    def __init__(self, session, url, kept):
        self.session = session
        self.url = url
        self.kept = kept

    async def ask(self, method, path, body=None, *, by=BOSS, sent=None, service="forebay"):
        """Send what was signed, or `sent` in place of its body."""
        data = json.dumps(body).encode() if body is not None else b""
        request = AWSRequest(method, self.url + path, data=data)
        if by is not None:
            keys = Credentials(by.access_key, by.secret_key)
            SigV4Auth(keys, service, "us-east-1").add_auth(request)
        return await self.send(method, path, data if sent is None else sent, dict(request.headers))

    async def send(self, method, path, data, headers):
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, data=data or None, headers=headers) as answer:
            return Reply(answer.status, answer.headers, await answer.text())


@pytest.fixture
async def operator(tmp_path):
    written = Written(Identities(PEOPLE), {"readers": compile_policy("read-only")})
    async with AsyncExitStack() as stack:
        kept = stack.enter_context(Kept(tmp_path / "state", written=written))
        door = IdentityDoor(lambda: kept.parts)
        kept.parts = Parts(Authentication(kept.lookup, now), Authorization(), kept.ledger, now)
        serving = serving_admin(
            "127.0.0.1", 0, why_not_ready=str, metrics_text=bytes, identities=door
        )
        port = await stack.enter_async_context(serving)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Operator(session, f"http://127.0.0.1:{port}", kept)


def now():
    return datetime.now(UTC)


async def created(operator, name="ann", **fields):
    reply = await operator.ask("POST", "/v1/identities", {"name": name, "policy": "admin"} | fields)
    assert reply.status == 201, reply.text
    return reply.tree


async def test_the_life_of_an_identity(operator):
    made = await created(operator, groups=["readers"])
    assert (len(made["access_key"]), len(made["secret_key"])) == (20, 40)
    found = operator.kept.lookup.find(made["access_key"])
    assert found.secret_key == made["secret_key"]
    shown = await operator.ask("GET", "/v1/identities/ann")
    assert shown.status == 200
    assert shown.tree == {key: value for key, value in made.items() if key != "secret_key"}
    turned = (await operator.ask("POST", "/v1/identities/ann/rotate")).tree
    assert turned["access_key"] != made["access_key"]
    assert operator.kept.lookup.find(made["access_key"]) is None
    assert (await operator.ask("POST", "/v1/identities/ann/disable")).tree["enabled"] is False
    assert operator.kept.lookup.find(turned["access_key"]) is None
    assert (await operator.ask("POST", "/v1/identities/ann/enable")).tree["enabled"] is True
    gone = await operator.ask("DELETE", "/v1/identities/ann")
    assert (gone.status, gone.text) == (204, "")
    assert (await operator.ask("GET", "/v1/identities/ann")).code == "NoSuchEntity"


async def test_who_was_made_may_ask_at_once_and_who_is_disabled_may_not(operator):
    made = await created(operator)
    ann = Identity("ann", made["access_key"], made["secret_key"], BOSS.policy)
    assert (await operator.ask("GET", "/v1/identities/ann", by=ann)).status == 200
    assert (await operator.ask("POST", "/v1/identities/ann/disable", by=ann)).status == 200
    refused = await operator.ask("GET", "/v1/identities/ann", by=ann)
    assert (refused.status, refused.code) == (403, "InvalidAccessKeyId")


async def test_a_list_comes_in_pages(operator):
    for number in range(5):
        await created(operator, f"user{number}")
    names, after = [], ""
    while after is not None:
        reply = await operator.ask("GET", f"/v1/identities?after={after}&limit=2")
        names.append([one["name"] for one in reply.tree["identities"]])
        assert "secret" not in reply.text
        after = reply.tree["next"]
    assert names == [["user0", "user1"], ["user2", "user3"], ["user4"]]
    whole = (await operator.ask("GET", "/v1/identities")).tree
    assert (len(whole["identities"]), whole["next"]) == (5, None)
    for query in ("limit=0", "limit=1001", "limit=x", "limti=1"):
        assert (await operator.ask("GET", f"/v1/identities?{query}")).code == "ValidationError"


async def test_own_keys_are_taken_and_not_sent_back(operator):
    made = await created(operator, access_key="own-key", secret_key="own-secret")
    assert made["access_key"] == "own-key"
    assert "secret_key" not in made
    keys = {"access_key": "own-key-2", "secret_key": "own-secret-2"}
    turned = await operator.ask("POST", "/v1/identities/ann/rotate", keys)
    assert "own-secret" not in turned.text
    assert operator.kept.lookup.find("own-key-2").secret_key == "own-secret-2"


@pytest.mark.parametrize("name", ["a.b-c_d", "a@b", "a+b", "a=b,c"])
async def test_any_name_can_be_asked_for(operator, name):
    await created(operator, name)
    raw = name.replace("@", "%40").replace("+", "%2B").replace("=", "%3D").replace(",", "%2C")
    for spelt in (name, raw):
        reply = await operator.ask("GET", f"/v1/identities/{spelt}")
        assert (reply.status, reply.tree["name"]) == (200, name)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_proof_nothing_is_told(operator, method):
    body = {"name": "eve", "policy": "admin"} if method == "POST" else None
    stranger = replace(BOSS, access_key="nobody-key")
    liar = replace(BOSS, secret_key="another-secret")
    for by, service, code in (
        (None, "forebay", "MissingAuthenticationToken"),
        (stranger, "forebay", "InvalidAccessKeyId"),
        (liar, "forebay", "SignatureDoesNotMatch"),
        (BOSS, "s3", "AuthorizationHeaderMalformed"),
        (BOSS, "iam", "AuthorizationHeaderMalformed"),
    ):
        reply = await operator.ask(method, "/v1/identities", body, by=by, service=service)
        assert reply.code == code
        assert reply.status in {400, 403}
    assert operator.kept.ledger.count() == 0


async def test_a_body_that_was_changed_is_refused(operator):
    signed = {"name": "ann", "policy": "read-only"}
    sent = json.dumps(signed | {"policy": "admin"}).encode()
    for other in (sent, b"{}", b" "):
        reply = await operator.ask("POST", "/v1/identities", signed, sent=other)
        assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    await created(operator, "ann")
    reply = await operator.ask("POST", "/v1/identities/ann/rotate", sent=b"{}")
    assert reply.code == "SignatureDoesNotMatch"


RIGHTS = {
    "boss": {"list", "create", "get", "rotate", "disable", "enable", "delete"},
    "reader": set(),
    "s3-admin": set(),
    "lister": {"list"},
    "keeper": set(),
    "bucketeer": set(),
    "local": set(),
}
ASKED = {
    "list": ("GET", "/v1/identities", None),
    "create": ("POST", "/v1/identities", {"name": "new", "policy": "read-only"}),
    "get": ("GET", "/v1/identities/ann", None),
    "rotate": ("POST", "/v1/identities/ann/rotate", None),
    "disable": ("POST", "/v1/identities/ann/disable", None),
    "enable": ("POST", "/v1/identities/ann/enable", None),
    "delete": ("DELETE", "/v1/identities/ann", None),
}


@pytest.mark.parametrize("by", PEOPLE, ids=lambda one: one.name)
async def test_each_action_needs_its_right(operator, by):
    await created(operator)
    before = operator.kept.ledger.all()
    for what, (method, path, body) in ASKED.items():
        reply = await operator.ask(method, path, body, by=by)
        if what in RIGHTS[by.name]:
            assert reply.status < 300, (what, reply.text)
        else:
            assert (reply.status, reply.code) == (403, "AccessDenied"), what
            assert operator.kept.ledger.all() == before
    for method, path, body in list(ASKED.values())[2:]:
        absent = path.replace("ann", "absent")
        if not RIGHTS[by.name] - {"list"}:
            assert (await operator.ask(method, absent, body, by=by)).code == "AccessDenied"


async def test_rights_may_be_those_on_some_identities(operator):
    keeper = next(one for one in PEOPLE if one.name == "keeper")
    await created(operator)
    made = {"name": "team-a", "policy": "read-only"}
    assert (await operator.ask("POST", "/v1/identities", made, by=keeper)).status == 201
    assert (await operator.ask("POST", "/v1/identities/team-a/rotate", by=keeper)).status == 200
    assert (await operator.ask("GET", "/v1/identities/ann", by=keeper)).status == 403
    assert (await operator.ask("GET", "/v1/identities", by=keeper)).status == 403


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "ValidationError"),
        (b"[]", 400, "ValidationError"),
        (b"{", 400, "ValidationError"),
        (b"\xff", 400, "ValidationError"),
        (b"[" * 10_000, 400, "ValidationError"),
        (b'{"name": "a", "name": "b", "policy": "admin"}', 400, "ValidationError"),
        (b'{"name": "a", "polcy": "admin"}', 400, "ValidationError"),
        (b'{"name": 1, "policy": "admin"}', 400, "ValidationError"),
        (b'{"name": "a/b", "policy": "admin"}', 400, "ValidationError"),
        (b'{"name": "a"}', 400, "ValidationError"),
        (b'{"name": "a", "policy": "admin", "groups": "readers"}', 400, "ValidationError"),
        (b'{"name": "a", "policy": "admin", "access_key": "k"}', 400, "ValidationError"),
        (b'{"name": "a", "policy": "amdin"}', 400, "MalformedPolicyDocument"),
        (b'{"name": "a", "policy": [{"Efect": "Allow"}]}', 400, "MalformedPolicyDocument"),
        (b'{"name": "a", "groups": ["nobody"]}', 400, "NoSuchGroup"),
        (b'{"name": "boss", "policy": "admin"}', 409, "EntityAlreadyExists"),
        (b" " * (BODY_BYTES_MAX + 1), 413, "EntityTooLarge"),
    ],
    ids=range(17),
)
async def test_what_is_malformed_is_refused_in_a_code_and_a_sentence(operator, body, status, code):
    request = AWSRequest("POST", operator.url + "/v1/identities", data=body)
    SigV4Auth(Credentials(BOSS.access_key, BOSS.secret_key), "forebay", "us-east-1").add_auth(
        request
    )
    reply = await operator.send("POST", "/v1/identities", body, dict(request.headers))
    assert (reply.status, reply.code) == (status, code)
    assert reply.tree["message"]
    assert operator.kept.ledger.count() == 0


async def test_what_is_not_there_is_told_in_json_too(operator):
    reply = await operator.ask("GET", "/v1/unknown")
    assert (reply.status, reply.code) == (404, "NotFound")
    reply = await operator.ask("PUT", "/v1/identities")
    assert (reply.status, reply.code) == (405, "MethodNotAllowed")
    assert "POST" in reply.headers["Allow"]


async def test_a_body_where_none_is_wanted_is_refused(operator):
    await created(operator)
    reply = await operator.ask("POST", "/v1/identities/ann/disable", {"enabled": False})
    assert reply.code == "ValidationError"


async def test_secrets_are_not_for_caches(operator):
    reply = await operator.ask("POST", "/v1/identities", {"name": "ann", "policy": "admin"})
    assert reply.headers["Cache-Control"] == "no-store"


async def test_without_a_key_nothing_can_be_kept(operator):
    operator.kept.parts = replace(operator.kept.parts, ledger=None)
    reply = await operator.ask("POST", "/v1/identities", {"name": "ann", "policy": "admin"})
    assert (reply.status, reply.code) == (501, "NotImplemented")
    assert "state.key_file" in reply.tree["message"]


async def test_what_operators_look_at_stays_open(operator):
    for path in ("/", "/health", "/ready"):
        assert (await operator.send("GET", path, b"", {})).status == 200


async def test_curl_signs_it(operator):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("needs curl")
    process = await asyncio.create_subprocess_exec(
        curl, "-s", "--aws-sigv4", "aws:amz:us-east-1:forebay", "-u", "boss-key:boss-secret",
        "-H", "Content-Type: application/json", "-d", '{"name": "ann", "policy": "read-only"}',
        f"{operator.url}/v1/identities", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    made = json.loads((await process.communicate())[0])
    assert operator.kept.lookup.find(made["access_key"]).secret_key == made["secret_key"]


def test_every_failure_has_a_status():
    kinds = [kind for kind, _ in _BY_KIND]
    assert all(issubclass(kind, Failure) for kind in kinds)
    assert status_of(Failure("unknown")) == 500


async def test_an_identity_is_changed_in_what_is_named_and_no_more(operator):
    before = await created(operator)
    path = "/v1/identities/ann"
    reply = await operator.ask(
        "PATCH", path, {"policy": "read-only", "bytes_per_second_max": 70000}
    )
    assert reply.status == 200, reply.text
    assert reply.tree == {
        **{key: value for key, value in before.items() if key != "secret_key"},
        "policy": "read-only",
        "bytes_per_second_max": 70000,
    }
    assert (await operator.ask("GET", path)).tree == reply.tree


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "bob"},
        {"access_key": "other"},
        {"groups": "readers"},
        {"requests_per_second_max": True},
        {"requests_per_second_max": "5"},
        {"bytes_per_second_max": 1.5},
        {"bytes_per_second_max": 1},
        {"policy": None},
    ],
)
async def test_a_change_that_cannot_be_meant_is_refused(operator, body):
    before = await created(operator)
    reply = await operator.ask("PATCH", "/v1/identities/ann", body)
    assert (reply.status, reply.code) == (400, "ValidationError")
    after = (await operator.ask("GET", "/v1/identities/ann")).tree
    assert after == {key: value for key, value in before.items() if key != "secret_key"}


async def test_who_may_not_change_changes_nothing(operator):
    await created(operator)
    for who in PEOPLE[1:]:
        reply = await operator.ask("PATCH", "/v1/identities/ann", {"policy": "admin"}, by=who)
        assert (reply.status, reply.code) == (403, "AccessDenied"), who.name


async def test_who_cannot_be_proven_has_a_line_in_the_audit_log_too(operator, tmp_path):
    parts, path = operator.kept.parts, tmp_path / "audit.log"
    with closing(AuditLog(str(path), with_reads=False)) as audit_log:
        operator.kept.parts = replace(parts, authorization=Authorization(audit_log))
        guessing = replace(BOSS, secret_key="guessed")
        assert (await operator.ask("POST", "/v1/identities", {}, by=guessing)).status == 403
        assert (await operator.ask("GET", "/v1/identities", by=None)).status == 403
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["audit"], one["principal"], one["access_key"]) for one in lines] == [
        ("denied", "-", "boss-key"),
        ("denied", "-", ""),
    ]
    assert lines[0]["why"].startswith("SignatureDoesNotMatch")
