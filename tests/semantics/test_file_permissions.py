"""Where modes judge, every door lets a caller do what POSIX and its policy allow, and no more."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.filesystem.judging import ModeJudge
from tests.support.gateway_worker import Gateway
from tests.support.mode_matrix import (
    CASES,
    READS,
    SECRET_BODY,
    USERS,
    WRITES,
    Case,
    S3Operation,
    access_tables,
    keys_of,
    seed,
)
from tests.support.signed_client import Reply, SignedClient, object_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = keys_of("root", "allow")
TELLING = ("ETag", "Last-Modified", "Content-Range", "x-amz-meta-colour", "x-amz-version-id")


@pytest.fixture(scope="module")
def gateway_changes() -> dict[str, Any]:
    modes = {"permissions": "modes", "directory_mode": "0777"}
    return {"filesystem": modes, **access_tables()}


def cases() -> Iterator[Case]:
    """Yield pairs of modes for who may do everything, and two for the other policies.

    All pairs under all policies are `conformance/run.py permissions`.
    """
    for user in USERS:
        for number, (directory, file) in enumerate(CASES[::2]):
            yield Case(directory, file, user, "allow", f"allow-{user}-{number}")
        for policy in ("deny", "none", "some"):
            for place in ("plain", "some"):
                for modes in ((0o755, 0o644), (0o777, 0o600)):
                    name = f"{policy}-{place}-{user}-{modes[1]:o}"
                    yield Case(*modes, user, policy, name)


def told(reply: Reply) -> list[str]:
    """Return what an answer tells of the object."""
    shown = [name for name in TELLING if name in reply.headers]
    return shown + (["body"] if SECRET_BODY in reply.body or b"<Size>" in reply.body else [])


async def judged(gateway: Gateway, operation: S3Operation, case: Case) -> str:
    """Return what is wrong with the answer, if anything."""
    client = gateway.as_principal(keys_of(case.user, case.policy))
    reply = await operation.ask(client, case)
    words = f"{operation.name} by {case.user} ({case.policy}) {case.directory_mode:04o}"
    words += f"/{case.file_mode:04o}: {reply.status}"
    if case.policy_allows() and operation.expected(case):
        return "" if 200 <= reply.status < 300 else f"{words}, and not allowed {reply.body!r}"
    if reply.status != 403:
        return f"{words}, and not denied"
    return f"{words}, and tells {told(reply)}" if told(reply) else ""


@pytest.mark.timeout(300)
async def test_the_s3_door_denies_what_modes_or_policies_deny_and_nothing_else(gateway):
    root, wrong, count = gateway.as_principal(ROOT), [], 0
    for case in cases():
        await seed(root, case)
        wrong += [await judged(gateway, operation, case) for operation in READS]
        for operation in WRITES:
            await seed(root, case)
            wrong.append(await judged(gateway, operation, case))
        count += len(READS) + len(WRITES)
    assert [words for words in wrong if words] == []
    assert count > 1000


def client_of(gateway: Gateway, user: str) -> SignedClient:
    return gateway.as_principal(keys_of(user, "allow"))


async def metadata(gateway: Gateway, key: str) -> dict[str, str]:
    reply = await gateway.as_principal(ROOT).head("bucket", key)
    start = "x-amz-meta-file-"
    said = {name.lower(): text for name, text in reply.headers.items()}
    return {name[len(start) :]: text for name, text in said.items() if name.startswith(start)}


async def put(client: SignedClient, key: str, **said: str) -> int:
    headers = {f"x-amz-meta-file-{name}": text for name, text in said.items()}
    return (await client.put("bucket", key, b"body", headers=headers)).status


async def test_what_is_written_by_s3_is_its_writers_and_stays_its_owners(gateway, key):
    alice, bob = client_of(gateway, "alice"), client_of(gateway, "bob")
    assert await put(alice, key, permissions="0100660") == 200
    ours = {"owner": "alice.allow", "group": "staff", "permissions": "0100660"}
    assert await metadata(gateway, key) == ours
    assert await put(bob, key) == 200
    assert await metadata(gateway, key) == ours
    assert await put(client_of(gateway, "carol"), key) == 403


async def test_nobody_takes_or_gives_away_a_file_by_its_metadata(gateway, key):
    alice, bob = client_of(gateway, "alice"), client_of(gateway, "bob")
    assert await put(alice, key, permissions="0100666") == 200
    for said in ({"owner": "bob.allow"}, {"permissions": "0100777"}, {"group": "guests"}):
        assert await put(bob, key, **said) == 403
    assert await put(bob, f"{key}-new", owner="alice.allow") == 403
    path = object_path("bucket", key)
    reply = await bob.ask("PUT", path, query="x-amz-meta-file-owner=bob.allow", body=b"b")
    assert reply.status == 403
    assert await put(alice, key, permissions="0100600") == 200
    assert await put(alice, key, owner="bob.allow") == 403
    assert await put(gateway.as_principal(ROOT), key, owner="bob.allow") == 200
    assert (await metadata(gateway, key))["owner"] == "bob.allow"


async def test_a_copy_is_its_copiers_and_says_all_else_that_its_source_says(gateway, key):
    alice, bob = client_of(gateway, "alice"), client_of(gateway, "bob")
    headers = {"Content-Type": "text/x-one", "x-amz-meta-colour": "blue"}
    assert (await alice.put("bucket", key, b"body", headers=headers)).status == 200
    source = {"x-amz-copy-source": f"bucket/{key}"}
    assert (await bob.put("bucket", f"{key}-copy", b"", headers=source)).status == 200
    assert (await metadata(gateway, f"{key}-copy"))["owner"] == "bob.allow"
    shown = await bob.head("bucket", f"{key}-copy")
    assert shown.headers["Content-Type"] == "text/x-one"
    assert shown.headers["x-amz-meta-colour"] == "blue"


async def test_an_upload_in_parts_is_its_makers(gateway, key):
    path = object_path("bucket", key)
    bob = client_of(gateway, "bob")
    begun = await bob.ask("POST", path, query="uploads")
    upload = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
    part = await bob.ask("PUT", path, query=f"partNumber=1&uploadId={upload}", body=b"new")
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{part.headers['ETag']}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    done = await bob.ask("POST", path, query=f"uploadId={upload}", body=body)
    assert done.status == 200
    assert (await metadata(gateway, key))["owner"] == "bob.allow"


async def test_who_may_not_search_a_directory_learns_nothing_of_what_is_deep_in_it(gateway, key):
    alice, carol = client_of(gateway, "alice"), client_of(gateway, "carol")
    assert await put(alice, f"{key}/", permissions="0040700") == 200
    assert await put(alice, f"{key}/a/b/there") == 200
    there = await carol.get("bucket", f"{key}/a/b/there")
    absent = await carol.get("bucket", f"{key}/a/b/nowhere")
    assert (there.status, absent.status) == (403, 403)
    assert set(there.headers) == set(absent.headers)
    prefix = f"k%2F{key.removeprefix('k/')}"
    listing = await carol.ask("GET", "/bucket", query=f"list-type=2&prefix={prefix}")
    assert (listing.status, b"there" in listing.body) == (403, False)
    above = await carol.ask("GET", "/bucket", query="list-type=2&delimiter=%2F&prefix=k%2F")
    assert above.status == 200


async def test_keys_in_a_body_that_modes_deny_are_not_deleted(gateway, key):
    alice, bob = client_of(gateway, "alice"), client_of(gateway, "bob")
    assert await put(alice, f"{key}/", permissions="0041777") == 200
    assert [await put(alice, f"{key}/a"), await put(bob, f"{key}/b")] == [200, 200]
    keys = "".join(f"<Object><Key>{key}/{name}</Key></Object>" for name in "ab")
    body = f"<Delete>{keys}</Delete>".encode()
    reply = await bob.ask("POST", "/bucket", query="delete", body=body)
    assert reply.body.count(b"AccessDenied") == 1
    left = [(await alice.head("bucket", f"{key}/{name}")).status for name in "ab"]
    assert left == [200, 404]


async def test_forms_are_not_judged_and_hence_not_taken(gateway):
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await client_of(gateway, "alice").ask("POST", "/bucket", headers=head, body=b"--x--")
    assert reply.status == 501


@pytest.mark.parametrize("rule", ["k", "immutable", "bounded"])
async def test_a_warm_object_is_served_to_nobody_whom_its_mode_shuts_out(gateway, key, rule):
    key = f"{rule}/{key}"
    alice, carol = client_of(gateway, "alice"), client_of(gateway, "carol")
    assert await put(alice, key, permissions="0100600") == 200
    for _ in range(4):
        assert (await alice.get("bucket", key)).body == b"body"
    assert [(await carol.get("bucket", key)).status for _ in range(4)] == [403] * 4


@pytest.mark.parametrize("rule", ["k", "bypass"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_version_that_is_sent_is_judged(gateway, key, rule, method, monkeypatch):
    key = f"{rule}/{key}"
    alice, carol = client_of(gateway, "alice"), client_of(gateway, "carol")
    assert await put(alice, key, permissions="0100644") == 200
    judged = ModeJudge.read

    async def closed_after_it_was_judged(*asked):
        await judged(*asked)
        monkeypatch.setattr(ModeJudge, "read", judged)
        assert await put(alice, key, permissions="0100600") == 200

    monkeypatch.setattr(ModeJudge, "read", closed_after_it_was_judged)
    reply = await carol.ask(method, object_path("bucket", key))
    assert (reply.status, reply.body == b"body", told(reply)) == (403, False, [])
