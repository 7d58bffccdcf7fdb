"""Two steps of one operation: where the first sends clients, and what lets the second go on."""

from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.access.identities import secret_mark
from gateway.doors.webhdfs.authentication import COOKIE
from gateway.doors.webhdfs.passes import PURPOSE, Passed, Passes
from gateway.doors.webhdfs.reading import HADOOP_CLIENT
from gateway.state.sealing import Sealer
from tests.support.webhdfs_door import KEY

BASIC = {"Authorization": "Basic " + b64encode(b"alice-key:alice/secret").decode()}


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


async def test_create_in_two_steps(door):
    first = await door.ask("PUT", "/d/new?op=CREATE&permission=640&overwrite=true")
    assert (first.status, first.body) == (307, b"")
    location = first.headers["Location"]
    assert urlsplit(location).netloc == door.authority
    assert query_of(location) == {
        "op": "CREATE",
        "permission": "640",
        "overwrite": "true",
        "user.name": "alice",
        "data": "true",
    }
    assert ("create", "/d/new") not in door.tree.asked
    second = await door.ask_url("PUT", location, b"new")
    assert (second.status, second.body) == (201, b"")
    assert second.headers["Location"] == f"{door.endpoint}/webhdfs/v1/d/new"
    entry = door.tree.entries["/d/new"]
    assert (entry.body, entry.status.mode, entry.status.owner) == (b"new", 0o640, "alice")


async def test_create_without_a_redirect(door):
    first = await door.ask("PUT", "/d/new?op=CREATE&noredirect=true")
    assert first.status == 200
    assert (await door.ask_url("PUT", first.document["Location"], b"new")).status == 201
    assert door.tree.entries["/d/new"].body == b"new"


@pytest.mark.parametrize("target", ["/d/new?op=CREATE&data=true", "/d/new?data=true&op=create"])
async def test_a_body_that_comes_at_once_is_taken(door, target):
    assert (await door.ask("PUT", target, b"at once")).status == 201
    assert door.tree.entries["/d/new"].body == b"at once"


async def test_append_in_two_steps(door):
    answer = await door.two_steps("POST", "/d/one?op=APPEND", b"abc")
    assert (answer.status, answer.body) == (200, b"")
    assert door.tree.entries["/d/one"].body == b"0123456789abc"


async def test_an_append_to_nothing_is_refused_before_the_body(door):
    answer = await door.ask("POST", "/d/none?op=APPEND")
    assert (answer.status, answer.exception) == (404, "FileNotFoundException")


async def test_the_second_step_of_who_showed_credentials_has_a_pass(door):
    first = await door.ask("PUT", "/d/a%20b+c?op=CREATE", headers=BASIC)
    location = first.headers["Location"]
    assert set(query_of(location)) == {"op", "data", "forebay.step"}
    second = await door.ask_url("PUT", location, b"by pass")
    assert second.status == 201
    assert door.tree.entries["/d/a b+c"].body == b"by pass"
    assert door.tree.entries["/d/a b+c"].status.owner == "alice"


async def test_the_second_step_of_who_showed_a_cookie_has_a_pass_and_needs_no_cookie(door):
    # Hadoop's client and requests send what was given as a header to the first step alone.
    passes = Passes(Sealer([KEY], PURPOSE), lambda: datetime.now(UTC))
    who = Passed("alice", "alice", "alice-key", secret_mark("alice/secret"), 2**60)
    headers = {"Cookie": f"{COOKIE}={passes.seal(who, COOKIE, 60)}"}
    url = f"{door.endpoint}/webhdfs/v1/d/new?op=CREATE"
    first = await door.ask_url("PUT", url, headers=headers)
    assert first.status == 307
    second = await door.ask_url("PUT", first.headers["Location"], b"by pass")
    assert second.status == 201
    assert door.tree.entries["/d/new"].status.owner == "alice"


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("/d/new?", "/d/other?"), ("op=CREATE", "op=APPEND"), ("forebay.step=", "forebay.step=A")],
)
async def test_a_pass_is_for_one_operation_on_one_path(door, was, becomes):
    first = await door.ask("PUT", "/d/new?op=CREATE", headers=BASIC)
    method = "POST" if becomes == "op=APPEND" else "PUT"
    answer = await door.ask_url(method, first.headers["Location"].replace(was, becomes), b"x")
    assert answer.status == 403
    assert "SecretManager$InvalidToken" in answer.message
    assert "/d/new" not in door.tree.entries


async def test_open_is_answered_at_once(door):
    answer = await door.ask("GET", "/d/one?op=OPEN&offset=2&length=3")
    assert (answer.status, answer.body) == (200, b"234")
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_hadoops_client_is_sent_on_without_a_body_being_begun(door):
    first = await door.ask("GET", "/d/one?op=OPEN&buffersize=4096", headers={HADOOP_CLIENT: "true"})
    assert first.status == 307
    assert not [one for one in door.tree.asked if one[0] == "open"]
    # As its ReadRunner does at each seek: the URL of the answer, and an offset behind it.
    url = first.headers["Location"] + "&offset=7"
    second = await door.ask_url("GET", url, headers={HADOOP_CLIENT: "true"})
    assert (second.status, second.body) == (200, b"789")


async def test_hadoops_client_learns_at_once_that_there_is_no_file(door):
    for path, exception in (("/d/none", "FileNotFoundException"), ("/d", "FileNotFoundException")):
        answer = await door.ask("GET", f"{path}?op=OPEN", headers={HADOOP_CLIENT: "true"})
        assert (answer.status, answer.exception) == (404, exception)


async def test_the_second_step_goes_to_the_host_that_the_client_asked(door):
    headers = {"Host": "forebay.example.com:8443"}
    first = await door.ask("PUT", "/d/new?op=CREATE", headers=headers)
    assert first.headers["Location"].startswith("http://forebay.example.com:8443/webhdfs/v1/d/new?")


@pytest.mark.parametrize("host", ["a b", "evil.example/..", "user@host", "h:999999"])
async def test_a_host_that_is_none_gets_no_redirect(door, host):
    answer = await door.ask("PUT", "/d/new?op=CREATE", headers={"Host": host})
    assert answer.status == 400
    assert "Location" not in answer.headers
