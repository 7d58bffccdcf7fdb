"""The table of handlers is complete, and what they say beyond what HDFS's own answers show."""

import json

from gateway.doors.webhdfs.handlers import make_handlers
from gateway.filesystem.status import Page
from gateway.protocol.webhdfs.operations import OPERATIONS
from tests.doubles.memory_tree import MemoryTree
from tests.support.webhdfs_door import running_door


def test_every_operation_that_is_not_refused_has_a_handler():
    handlers = make_handlers(MemoryTree(), None, None, home="/user", block_bytes=1)
    known = {one.name for one in OPERATIONS.values() if not one.refusal}
    assert set(handlers) == known


async def test_what_is_refused_is_refused_in_words(door):
    for method, name in OPERATIONS:
        if OPERATIONS[method, name].refusal:
            answer = await door.ask(method, f"/d?op={name}")
            assert (answer.status, answer.exception) == (400, "UnsupportedOperationException")
            assert OPERATIONS[method, name].refusal in answer.message


async def test_a_long_listing_is_sent_in_pages_and_is_one_document(door):
    names = [f"f{number:05}" for number in range(2500)]
    for name in names:
        door.tree.put(f"/d/{name}", b"")
    answer = await door.ask("GET", "/d?op=LISTSTATUS")
    listed = answer.document["FileStatuses"]["FileStatus"]
    assert [one["pathSuffix"] for one in listed] == [*names, "one"]
    assert door.tree.asked.count(("children", "/d")) == 3


async def test_batches_lead_through_a_directory(door):
    names = [f"f{number:05}" for number in range(2500)]
    for name in names:
        door.tree.put(f"/d/{name}", b"")
    seen, after, remaining = [], "", 1
    while remaining:
        answer = await door.ask("GET", f"/d?op=LISTSTATUS_BATCH&startAfter={after}")
        listing = answer.document["DirectoryListing"]
        remaining = listing["remainingEntries"]
        statuses = listing["partialListing"]["FileStatuses"]["FileStatus"]
        seen += [one["pathSuffix"] for one in statuses]
        after = seen[-1]
    assert seen == [*names, "one"]


class HoledTree(MemoryTree):
    """Has pages without entries, as where all of a page is hidden."""

    async def children(self, caller, path, after="", count_max=1000):
        page = await super().children(caller, path, after, count_max)
        return Page((), "a") if not after else page


async def test_an_empty_page_is_not_the_end(tmp_path):
    tree = HoledTree()
    async with running_door(tmp_path, tree) as door:
        tree.put("/b", b"")
        batch = (await door.ask("GET", "/?op=LISTSTATUS_BATCH")).document["DirectoryListing"]
        assert len(batch["partialListing"]["FileStatuses"]["FileStatus"]) == 1
        listed = (await door.ask("GET", "/?op=LISTSTATUS")).document["FileStatuses"]["FileStatus"]
        assert [one["pathSuffix"] for one in listed] == ["b"]


async def test_home_and_trash_are_the_users_own(door):
    assert (await door.ask("GET", "/?op=GETHOMEDIRECTORY")).document == {"Path": "/user/alice"}
    assert (await door.ask("GET", "/?op=GETTRASHROOTS")).document == {"Paths": []}
    door.tree.make("/user/alice/.Trash", 0o700)
    told = (await door.ask("GET", "/?op=GETTRASHROOTS")).document["Paths"]
    assert [(one["path"], one["permission"]) for one in told] == [("/user/alice/.Trash", "700")]


async def test_tokens_are_given_renewed_used_and_cancelled(door):
    basic = {"Authorization": "Basic YWxpY2Uta2V5OmFsaWNlL3NlY3JldA=="}
    target = "/?op=GETDELEGATIONTOKEN&renewer=alice"
    token = (await door.ask("GET", target, headers=basic)).document["Token"]["urlString"]
    url = f"{door.endpoint}/webhdfs/v1/d/one?op=OPEN&delegation={token}"
    assert (await door.ask_url("GET", url)).body == b"0123456789"
    first = await door.ask_url("PUT", url.replace("OPEN", "CREATE").replace("one", "by"))
    assert "forebay.step" not in first.headers["Location"]
    assert (await door.ask_url("PUT", first.headers["Location"], b"x")).status == 201
    renewed = await door.ask("PUT", f"/?op=RENEWDELEGATIONTOKEN&token={token}", headers=basic)
    assert renewed.document["long"] > 0
    cancelled = await door.ask("PUT", f"/?op=CANCELDELEGATIONTOKEN&token={token}", headers=basic)
    assert cancelled.status == 200
    answer = await door.ask_url("GET", url)
    assert (answer.status, answer.exception) == (403, "SecurityException")


async def test_a_checksum_is_that_of_hdfs(door):
    body = b"0123456789abcdefghijklmnopqrstuvwxyz"
    door.tree.put("/d/small", body)
    told = (await door.ask("GET", "/d/small?op=GETFILECHECKSUM")).document["FileChecksum"]
    # As the namenode of the golden files said of the same bytes.
    assert told["bytes"] == "0000020000000000000000001309776e7a821841f2e86d2224c4cdb900000000"


async def test_blocks_are_said_to_be_where_the_client_came_to(door):
    answer = await door.ask("GET", "/d/one?op=GETFILEBLOCKLOCATIONS", headers={"Host": "[::1]"})
    location = answer.document["BlockLocations"]["BlockLocation"][0]
    assert (location["hosts"], location["names"]) == (["[::1]"], ["[::1]:80"])


async def test_symlinks(door):
    assert (await door.ask("PUT", "/d/l?op=CREATESYMLINK&destination=/d/one")).status == 200
    assert (await door.ask("GET", "/d/l?op=GETLINKTARGET")).document == {"Path": "/d/one"}
    status = (await door.ask("GET", "/d/l?op=GETFILELINKSTATUS")).document["FileStatus"]
    assert (status["type"], status["symlink"]) == ("SYMLINK", "/d/one")


async def test_each_request_leaves_a_line_without_what_proves_somebody(tmp_path):
    async with running_door(tmp_path) as door:
        await door.ask("GET", "/nothing?op=OPEN&delegation=secret-token")
    line = json.loads(door.lines)
    assert (line["operation"], line["key"], line["status"]) == ("-", "/nothing", 403)
    assert "secret-token" not in door.lines
