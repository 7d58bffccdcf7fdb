"""Traps of the wire: what could be read in two ways, bodies that are cut, slow clients, crowds."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.model.failures import OriginUnreachable
from tests.doubles.memory_tree import MemoryTree
from tests.support.gateway_worker import until
from tests.support.raw_connection import raw_connection
from tests.support.webhdfs_door import LIMITS, running_door

CREATE = "PUT /webhdfs/v1/d/new?op=CREATE&data=true&user.name=alice HTTP/1.1\r\nHost: h\r\n"


async def test_an_operation_that_stands_twice_is_refused(door):
    answer = await door.ask("GET", "/d/one?op=GETFILESTATUS&op=OPEN")
    assert (answer.status, answer.exception) == (400, "IllegalArgumentException")
    assert (await door.ask("GET", "/d/one?op=OPEN&OP=OPEN")).status == 200


async def test_a_user_that_stands_twice_is_refused(door):
    answer = await door.ask("GET", "/d/one?op=OPEN&user.name=alice&user.name=bob")
    assert answer.status == 400


@pytest.mark.parametrize("target", ["/d/%zz", "/d/%ff", "/d/%00", "/../d", "/d/%2e%2e/one"])
async def test_what_is_no_path_is_refused(door, target):
    answer = await door.ask("GET", f"{target}?op=GETFILESTATUS")
    assert answer.status == 400
    assert not door.tree.asked


@pytest.mark.parametrize(
    ("spelt", "path"),
    [
        ("/d/a%20b", "/d/a b"),
        ("/d/a+b", "/d/a+b"),
        ("/d/a%2Bb", "/d/a+b"),
        ("/d/a:b", "/d/a:b"),
        ("/d/%25%3F%23", "/d/%?#"),
        ("/d/%C3%A9%F0%9F%90%98", "/d/\u00e9\U0001f418"),
        ("/d/%-%2E", None),
    ],
)
async def test_names_are_byte_exact_both_ways(door, spelt, path):
    answer = await door.two_steps("PUT", f"{spelt}?op=CREATE", b"x")
    if path is None:
        assert answer.status == 400
        return
    assert answer.status == 201
    assert path in door.tree.entries
    assert (await door.ask("GET", f"{spelt}?op=OPEN")).body == b"x"
    listed = (await door.ask("GET", "/d?op=LISTSTATUS")).document["FileStatuses"]["FileStatus"]
    assert path.rpartition("/")[2] in [one["pathSuffix"] for one in listed]


async def test_a_method_that_is_none_of_webhdfs(door):
    answer = await door.ask("PATCH", "/d/one?op=OPEN")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, PUT, POST, DELETE")


async def test_outside_of_the_api_is_nothing(door):
    answer = await door.ask_url("GET", f"{door.endpoint}/bucket/key?user.name=alice")
    assert (answer.status, answer.exception) == (404, "FileNotFoundException")


async def test_nobody_hears_nothing_but_how_to_prove_themselves(door):
    answer = await door.ask_url("GET", f"{door.endpoint}/webhdfs/v1/d/one?op=NONSENSE")
    assert (answer.status, answer.exception) == (401, "AccessControlException")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert not door.tree.asked


async def test_a_query_that_is_huge_is_refused_in_hadoops_json(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(b"GET /webhdfs/v1/?op=OPEN&x=" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n")
        answer = await raw.answer()
    assert answer.status == 431
    assert json.loads(answer.body)["RemoteException"]["exception"] == "IOException"


async def test_bad_http_is_refused_in_hadoops_json(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(b"GET\r\n\r\n")
        answer = await raw.answer()
    assert answer.status == 400
    told = json.loads(answer.body)["RemoteException"]
    assert told["javaClassName"] == "java.lang.IllegalArgumentException"


async def test_a_body_that_is_cut_leaves_nothing(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(f"{CREATE}Content-Length: 100\r\n\r\nonly a part".encode())
        await until(lambda: ("create", "/d/new") in door.tree.asked)
    await until(lambda: ("abort", "/d/new") in door.tree.asked)
    assert "/d/new" not in door.tree.entries


async def test_a_chunked_body_that_is_cut_leaves_nothing(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(f"{CREATE}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".encode())
        await until(lambda: ("create", "/d/new") in door.tree.asked)
    await until(lambda: ("abort", "/d/new") in door.tree.asked)
    assert "/d/new" not in door.tree.entries


async def test_a_chunked_body_is_taken(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(
            f"{CREATE}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode()
        )
        assert (await raw.answer("PUT")).status == 201
    assert door.tree.entries["/d/new"].body == b"hello"


async def test_who_expects_100_is_told_to_go_on_after_they_were_judged(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(f"{CREATE}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert (await raw.answer("PUT")).status == 100
        assert ("create", "/d/new") in door.tree.asked
        await raw.send(b"hello")
        assert (await raw.answer("PUT")).status == 201


async def test_who_expects_100_and_may_not_is_told_so_instead(door):
    door.tree.put("/d/new", b"there")
    async with raw_connection(door.endpoint) as raw:
        await raw.send(f"{CREATE}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        answer = await raw.answer("PUT")
    assert answer.status == 403
    assert b"FileAlreadyExistsException" in answer.body


async def test_a_writer_that_fails_at_its_end_leaves_nothing_and_says_why(door):
    door.tree.refuses_writes = OriginUnreachable("the origin is away")
    answer = await door.ask("PUT", "/d/new?op=CREATE&data=true", b"x")
    assert (answer.status, answer.exception) == (503, "RetriableException")
    assert answer.message == "the origin is away"
    assert ("abort", "/d/new") in door.tree.asked


async def test_a_transfer_coding_that_is_not_chunked_is_refused(door):
    async with raw_connection(door.endpoint) as raw:
        await raw.send(f"{CREATE}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".encode())
        answer = await raw.answer("PUT")
    assert answer.status == 400
    assert ("create", "/d/new") not in door.tree.asked


async def test_a_client_that_sends_nothing_of_its_body_is_told_and_ended(tmp_path):
    limits = replace(LIMITS, stall_seconds=0.1)
    async with running_door(tmp_path, limits=limits) as door:
        door.tree.make("/d")
        async with raw_connection(door.endpoint) as raw:
            await raw.send(f"{CREATE}Content-Length: 100\r\n\r\nhello".encode())
            answer = await raw.answer("PUT")
        assert answer.status == 408
        assert ("abort", "/d/new") in door.tree.asked


async def test_a_client_whose_head_does_not_come_is_told_in_json(tmp_path):
    limits = replace(LIMITS, header_seconds=0.1)
    async with running_door(tmp_path, limits=limits) as door, raw_connection(door.endpoint) as raw:
        await raw.send(b"GET /webhdfs/v1")
        answer = await raw.answer()
    assert answer.status == 408
    assert b"RemoteException" in answer.body


class SlowTree(MemoryTree):
    """Answers a status when it is told to."""

    def __init__(self):
        super().__init__()
        self.may_answer = asyncio.Event()

    async def status(self, caller, path):
        await super().status(caller, path)
        await self.may_answer.wait()
        return self.entries["/"].status


async def test_a_request_beyond_the_bound_is_told_to_come_again(tmp_path):
    tree = SlowTree()
    async with running_door(tmp_path, tree, requests_max=1) as door, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(door.ask("GET", "/?op=GETFILESTATUS"))
        await until(lambda: bool(tree.asked))
        answer = await door.ask("GET", "/?op=GETFILESTATUS")
        assert (answer.status, answer.exception) == (503, "RetriableException")
        assert answer.headers["Retry-After"] == "2"
        tree.may_answer.set()
        assert (await first).status == 200


@pytest.mark.parametrize("cut", [0, 1, 20, 21, 22, 40])
async def test_a_name_in_bare_utf8_is_read_as_if_it_were_escaped(door, cut):
    door.tree.put("/d/\u00e9\U0001f418", b"x")
    target = "/webhdfs/v1/d/\u00e9\U0001f418?op=OPEN&user.name=alice"
    head = f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    async with raw_connection(door.endpoint) as connection:
        for _ in range(2):  # the second on a connection that was used
            await connection.send(head[:cut])
            await connection.send(head[cut:])
            answer = await connection.answer()
            assert (answer.status, answer.body) == (200, b"x")


async def test_a_body_is_left_as_it_is(door):
    body = "\u00e9\r\n".encode() * 3
    length = f"Content-Length: {len(body)}\r\n\r\n"
    async with raw_connection(door.endpoint) as connection:
        await connection.send(CREATE.replace("new", "caf\u00e9").encode() + length.encode() + body)
        assert (await connection.answer("PUT")).status == 201
    assert (await door.ask("GET", "/d/caf%C3%A9?op=OPEN")).body == body
